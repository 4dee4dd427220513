//! What is wrong with how nodes are installed, and with what tells their machines apart.

use crate::{messages, report_of_cluster};

/// A cluster whose only node has these lines, and that has those besides.
fn cluster(node: &str, besides: &str) -> String {
    format!("[cluster]\nname = \"c\"\n{besides}\n[[node]]\nname = \"n\"\nprofile = \"node\"\n{node}\n")
}

#[test]
fn nothing_is_wrong_with_all_of_it() {
    let install = "wipe = \"same-cluster\"\nkeep = [\"drbd\"]\nunattended = true\nreport = \"https://192.0.2.1/report\"";
    let node = format!("serial = \"CZ2D1X0GW1\"\n[node.install]\n{install}");
    assert_eq!(report_of_cluster(&cluster(&node, &format!("[install]\n{install}"))), "");
}

#[test]
fn places_are_those_of_the_words() {
    let expected = "\
error: unknown `wipe` value `forse`
  --> cluster.toml:4:8
   |
 4 | wipe = \"forse\"
   |        ^^^^^^^
   = hint: did you mean `force`?

error: unknown `keep` item `lvm`
   --> cluster.toml:10:17
    |
 10 | keep = [\"drbd\", \"lvm\"]
    |                 ^^^^^
    = hint: known `keep` items: `drbd`";
    let found = report_of_cluster(&cluster(
        "[node.install]\n# Both.\nkeep = [\"drbd\", \"lvm\"]",
        "[install]\nwipe = \"forse\"",
    ));
    assert_eq!(found, expected);
}

#[test]
fn what_an_install_may_say() {
    for (line, message, hint) in [
        (
            "wipe = \"all\"",
            "unknown `wipe` value `all`",
            "known `wipe` values: `refuse`, `blank`, `same-cluster`, `force`",
        ),
        (
            "wipe = true",
            "`wipe` must be a string, not true or false",
            "write it like this: `wipe = \"same-cluster\"`",
        ),
        ("keep = \"drbd\"", "`keep` must be a list, not a string", "write it like this: `keep = [\"drbd\"]`"),
        ("keep = [\"drbd\", \"drbd\"]", "an item of `keep` is there twice", "list it once"),
        (
            "unattended = \"yes\"",
            "`unattended` must be true or false, not a string",
            "write it like this: `unattended = true`",
        ),
        (
            "report = \"ftp://192.0.2.1/\"",
            "`ftp://192.0.2.1/` is not an address for reports",
            "write it as for a browser, such as `http://192.0.2.1:8000/report`",
        ),
        ("unatended = true", "unknown key `unatended`", "did you mean `unattended`?"),
        ("disks = 2", "unknown key `disks`", "known keys: `wipe`, `keep`, `unattended`, `report`"),
    ] {
        let both =
            [cluster("", &format!("[install]\n{line}")), cluster(&format!("[node.install]\n{line}"), "")];
        for text in both {
            assert_eq!(messages(&report_of_cluster(&text)), [message, hint], "{text}");
        }
    }
}

#[test]
fn a_serial_number_tells_one_machine() {
    let hint = "copy it as `dmidecode -s system-serial-number` shows it; if the maker has left it open, use a MAC address";
    for serial in ["", " S1", "Default string"] {
        let found = report_of_cluster(&cluster(&format!("serial = \"{serial}\""), ""));
        assert_eq!(messages(&found), [&format!("`{serial}` is not the serial number of a machine"), hint]);
    }
    let second = "serial = \"S1\"\n[[node]]\nname = \"m\"\nprofile = \"node\"\nserial = \"S1\"";
    assert_eq!(
        messages(&report_of_cluster(&cluster(second, ""))),
        [
            "serial number `S1` is already used at cluster.toml:7:10",
            "every machine has its own: read it with `dmidecode -s system-serial-number`",
        ]
    );
}
