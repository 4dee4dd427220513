//! What is wrong in files, to the letter: a temporary folder goes in, the whole report comes out.
#![allow(clippy::unwrap_used)]

use std::fs;

use installer::model::resolve::check;
use tempfile::TempDir;

/// A layout with nothing wrong in it.
const LAYOUT: &str = r#"
[layout]
name = "one"
disks = [{ name = "system", boot = true, count = 1, min-size = "4G" }]
partitions = [{ disks = "system", number = 1, name = "root", min = "2G" }]
filesystems = [{ on = "partition:root", type = "ext4", label = "root", mount = "/" }]
"#;

/// Everything wrong with these files; `cluster.toml` is the cluster file if it is among them.
fn report(files: &[(&str, &str)]) -> String {
    let root = TempDir::new().unwrap();
    for folder in ["profiles", "overlays/common"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    for (path, text) in files {
        fs::write(root.path().join(path), text).unwrap();
    }
    let cluster = root.path().join("cluster.toml");
    let problems = check(root.path(), cluster.exists().then_some(cluster.as_path()));
    problems.to_string().replace(&format!("{}/", root.path().display()), "")
}

fn report_of_profile(text: &str) -> String {
    report(&[("profiles/a.toml", text)])
}

/// A profile `node` that is sound, and a cluster file.
fn report_of_cluster(text: &str) -> String {
    let profile = format!("summary = \"Node\"\n{LAYOUT}");
    report(&[("profiles/node.toml", &profile), ("cluster.toml", text)])
}

/// `[layout]` with one thing replaced.
fn report_of_layout(sound: &str, wrong: &str) -> String {
    assert!(LAYOUT.contains(sound), "{sound}");
    report_of_profile(&format!("summary = \"Node\"\n{}", LAYOUT.replacen(sound, wrong, 1)))
}

#[test]
fn nothing_wrong_is_an_empty_report() {
    assert_eq!(report_of_profile(&format!("summary = \"Node\"\n{LAYOUT}")), "");
}

#[test]
fn unknown_key() {
    let expected = "\
error: unknown key `packges`
  --> profiles/a.toml:2:1
   |
 2 | packges = [\"drbd-utils\"]
   | ^^^^^^^
   = hint: did you mean `packages`?";
    assert_eq!(report_of_profile("summary = \"A\"\npackges = [\"drbd-utils\"]\n"), expected);
}

#[test]
fn wrong_type() {
    let expected = "\
error: `count` must be a whole number, not a string
  --> profiles/a.toml:5:50
   |
 5 | disks = [{ name = \"system\", boot = true, count = \"1\", min-size = \"4G\" }]
   |                                                  ^^^
   = hint: write it like this: `count = 2`";
    assert_eq!(report_of_layout("count = 1", "count = \"1\""), expected);
}

#[test]
fn wrong_type_in_a_list() {
    let expected = "\
error: an entry of `packages` must be a string, not a whole number
  --> profiles/a.toml:2:20
   |
 2 | packages = [\"one\", 2]
   |                    ^
   = hint: write it like this: `packages = [\"lvm2\"]`";
    assert_eq!(report_of_profile("summary = \"A\"\npackages = [\"one\", 2]\n"), expected);
}

#[test]
fn missing_key() {
    let expected = "\
error: missing key `summary`
  --> profiles/a.toml:1:1
   |
 1 | packages = []
   | ^
   = hint: add a line such as `summary = \"text\"`";
    assert_eq!(report_of_profile("packages = []\n"), expected);
    let expected = "\
error: missing key `size`
  --> cluster.toml:6:1
   |
 6 | [[node.disk]]
   | ^^^^^^^^^^^^^
   = hint: add a line such as `size = \"8G\"`";
    let cluster = "[cluster]\nname = \"c\"\n[[node]]\nname = \"n\"\nprofile = \"node\"\n[[node.disk]]\n";
    assert_eq!(report_of_cluster(cluster), expected);
}

#[test]
fn a_table_where_none_belongs_and_the_other_way_round() {
    let report = report_of_profile("summary = \"A\"\nboot = 1\n[layout]\nname = \"x\"\ndisks = 3\n");
    let expected = [
        "`boot` must be a table, not a whole number",
        "write it like this: `[boot]`",
        "`disks` must be a list of tables, not a whole number",
        "write it like this: `[[layout.disks]]`",
    ];
    assert_eq!(messages(&report), expected);
}

#[test]
fn keys_that_are_no_slip_get_the_list() {
    let report = report_of_cluster(
        "[cluster]\nname = \"c\"\n[[node]]\nname = \"n\"\nprofile = \"node\"\n[[node.disk]]\nsize = \"8G\"\nserial = 1\n",
    );
    assert_eq!(messages(&report), ["unknown key `serial`", "known keys: `size`"]);
}

#[test]
fn file_names_are_profile_names() {
    let expected = "\
error: profiles/My Node.toml cannot be a profile: `My Node` is not a name
   = hint: rename the file: use at most 32 of a-z, 0-9 and `-`, a letter or digit first";
    assert_eq!(report(&[("profiles/My Node.toml", "summary = \"A\"\n")]), expected);
}

#[test]
fn json_has_the_same() {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("profiles")).unwrap();
    fs::write(root.path().join("profiles/a.toml"), "summary = 1\n").unwrap();
    let file = root.path().join("profiles/a.toml");
    let expected = serde_json::json!([{
        "file": file.to_str().unwrap(), "line": 1, "column": 11,
        "message": "`summary` must be a string, not a whole number",
        "hint": "write it like this: `summary = \"text\"`",
    }]);
    assert_eq!(serde_json::to_value(check(root.path(), None)).unwrap(), expected);
}

#[test]
fn bad_size() {
    let expected = "\
error: `4 GB` is not a size
  --> profiles/a.toml:5:64
   |
 5 | disks = [{ name = \"system\", boot = true, count = 1, min-size = \"4 GB\" }]
   |                                                                ^^^^^^
   = hint: write a whole number with K, M, G or T behind it, such as `8G`";
    assert_eq!(report_of_layout("\"4G\"", "\"4 GB\""), expected);
}

#[test]
fn syntax_error() {
    let expected = "\
error: unclosed table
  --> profiles/a.toml:2:6
   |
 2 | [boot
   |      ^
   = hint: expected `]`

error: missing comma between array elements
  --> profiles/a.toml:3:22
   |
 3 | xen-arguments = [\"a\" \"b\"]
   |                      ^
   = hint: expected `,`";
    let text = "summary = \"A\"\n[boot\nxen-arguments = [\"a\" \"b\"]\n";
    assert_eq!(report_of_profile(text), expected);
    let expected = "\
error: duplicate key
  --> profiles/a.toml:2:1
   |
 2 | summary = \"B\"
   | ^^^^^^^
   = hint: say it once";
    assert_eq!(report_of_profile("summary = \"A\"\nsummary = \"B\"\n"), expected);
}

#[test]
fn two_problems_in_one_file_and_one_in_another() {
    let expected = "\
error: `8X` is not a size
  --> profiles/a.toml:3:15
   |
 3 | dom0-memory = \"8X\"
   |               ^^^^
   = hint: write a whole number with K, M, G or T behind it, such as `8G`

error: `dom0-vcpus` must be a whole number, not true or false
  --> profiles/a.toml:4:14
   |
 4 | dom0-vcpus = true
   |              ^^^^
   = hint: write it like this: `dom0-vcpus = 2`

error: unknown profile `aa`
  --> profiles/b.toml:2:11
   |
 2 | extends = \"aa\"
   |           ^^^^
   = hint: did you mean `a`?";
    let files = [
        ("profiles/b.toml", "summary = \"B\"\nextends = \"aa\"\n"),
        ("profiles/a.toml", "summary = \"A\"\n[boot]\ndom0-memory = \"8X\"\ndom0-vcpus = true\n"),
    ];
    assert_eq!(report(&files), expected);
}

#[test]
fn circles_are_told_once() {
    let expected = "\
error: profiles extend each other in a circle: a -> b -> a
  --> profiles/a.toml:2:11
   |
 2 | extends = \"b\"
   |           ^^^
   = hint: remove one `extends` of the circle";
    let files = [
        ("profiles/a.toml", "summary = \"A\"\nextends = \"b\"\n"),
        ("profiles/b.toml", "summary = \"B\"\nextends = \"a\"\n"),
        ("profiles/c.toml", "summary = \"C\"\nextends = \"a\"\n"),
    ];
    assert_eq!(report(&files), expected);
    let own = report_of_profile("summary = \"A\"\nextends = \"a\"\n");
    assert_eq!(own.lines().next().unwrap(), "error: profiles extend each other in a circle: a -> a");
}

#[test]
fn overlays_must_be_there() {
    let expected = "\
error: there is no folder overlays/comon
  --> profiles/a.toml:2:23
   |
 2 | overlays = [\"common\", \"comon\"]
   |                       ^^^^^^^
   = hint: create it, or remove the name";
    assert_eq!(report_of_profile("summary = \"A\"\noverlays = [\"common\", \"comon\"]\n"), expected);
}

/// Two nodes; the second one's lines are what a case is about.
fn two_nodes(second: &str) -> String {
    let first = r#"[cluster]
name = "c"

[[network]]
name = "lan"
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"

[[node]]
name = "n1"
profile = "node"
interface = [{ mac = "52:54:00:00:00:01", network = "lan", address = "10.0.0.4" }]

[[node]]
"#;
    format!("{first}{second}")
}

#[test]
fn names_and_addresses_are_used_once() {
    let second = "name = \"n1\"\nprofile = \"node\"\ninterface = [{ mac = \"52-54-00-00-00-01\", network = \"lan\", address = \"10.0.0.4\" }]\n";
    let expected = "\
error: node name `n1` is already used at cluster.toml:10:8
   --> cluster.toml:15:8
    |
 15 | name = \"n1\"
    |        ^^^^
    = hint: give each node a name of its own

error: MAC address `52:54:00:00:00:01` is already used at cluster.toml:12:22
   --> cluster.toml:17:22
    |
 17 | interface = [{ mac = \"52-54-00-00-00-01\", network = \"lan\", address = \"10.0.0.4\" }]
    |                      ^^^^^^^^^^^^^^^^^^^
    = hint: every network card has its own: read it off the card

error: address `10.0.0.4` is already used at cluster.toml:12:70
   --> cluster.toml:17:70
    |
 17 | interface = [{ mac = \"52-54-00-00-00-01\", network = \"lan\", address = \"10.0.0.4\" }]
    |                                                                      ^^^^^^^^^^
    = hint: give each interface an address of its own";
    assert_eq!(report_of_cluster(&two_nodes(second)), expected);
}

/// First lines and hints of a report.
fn messages(report: &str) -> Vec<&str> {
    let lines = report.lines().filter_map(|line| {
        line.strip_prefix("error: ").or_else(|| line.trim_start().strip_prefix("= hint: "))
    });
    lines.collect()
}

#[test]
fn what_a_node_says_must_fit_the_cluster() {
    for (second, message, hint) in [
        ("name = \"n2\"\nprofile = \"nod\"", "unknown profile `nod`", "did you mean `node`?"),
        (
            "name = \"N2.lan\"\nprofile = \"node\"",
            "`N2.lan` is not a host name",
            "use 1 to 63 of a-z, 0-9 and `-`, a letter or digit first and last (RFC 1123); the domain stands in [cluster]",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\ninterface = [{ mac = \"52:54:00:00:00:02\", network = \"wan\" }]",
            "unknown network `wan`",
            "did you mean `lan`?",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\ninterface = [{ mac = \"52:54:00:00:02\", network = \"lan\" }]",
            "`52:54:00:00:02` is not a MAC address",
            "write six pairs of hexadecimal digits, such as `52:54:00:00:00:01`",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\ninterface = [{ mac = \"52:54:00:00:00:02\", network = \"lan\", address = \"10.0.1.5\" }]",
            "10.0.1.5 lies outside network `lan`, which is 10.0.0.0/24",
            "take another address of 10.0.0.0/24, or remove the line for DHCP",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\ninterface = [{ mac = \"52:54:00:00:00:02\", network = \"lan\", address = \"10.0.0.5/24\" }]",
            "`10.0.0.5/24` is not an IP address",
            "leave out the `/` and what follows: the network says it",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\ninterface = [{ mac = \"52:54:00:00:00:02\", network = \"lan\", address = \"10.0.0.1\" }]",
            "10.0.0.1 is the gateway of network `lan`",
            "take another address of 10.0.0.0/24, or remove the line for DHCP",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\ndom0-memory = \"64M\"",
            "dom0 does not boot in 64M",
            "give it 256M or more, better 1G",
        ),
        (
            "name = \"n2\"\nprofile = \"node\"\nkernel-arguments = [\"quiet splash\"]",
            "`quiet splash` is not one argument",
            "give each argument its own string, without blanks, quotes, `$`, `\\` and backquotes: GRUB would read them",
        ),
    ] {
        assert_eq!(messages(&report_of_cluster(&two_nodes(second))), [message, hint]);
    }
}

#[test]
fn what_the_cluster_says_must_make_sense() {
    let node = "[[node]]\nname = \"n\"\nprofile = \"node\"\n";
    for (text, message, hint) in [
        (node.to_owned(), "missing table `[cluster]`", "add `[cluster]` with `name = \"xencluster\"`"),
        (
            "[cluster]\nname = \"c\"\n".to_owned(),
            "this cluster has no nodes",
            "add a table `[[node]]` for each machine",
        ),
        (
            format!("[cluster]\nname = \"c\"\nssh-keys = [\"ssh-ed25519 AAAA\"]\n{node}"),
            "`ssh-ed25519 AAAA` is not a public ssh key",
            "copy the one line of a `.pub` file: type, key, comment",
        ),
        (
            format!(
                "[cluster]\nname = \"c\"\n[[network]]\nname = \"lan\"\nsubnet = \"10.0.0.0/24\"\ngateway = \"10.0.1.1\"\n{node}"
            ),
            "gateway 10.0.1.1 is no machine's address in 10.0.0.0/24",
            "take an address inside the subnet of network `lan`",
        ),
        (
            format!(
                "[cluster]\nname = \"c\"\n[[network]]\nname = \"sixteen-letters-\"\nsubnet = \"10.0.0.0/24\"\n{node}"
            ),
            "`sixteen-letters-` is not a network name",
            "interfaces get this name: use 1 to 15 of a-z, 0-9 and `-`, a letter first, and nothing the kernel uses (lo, eth0, ...)",
        ),
    ] {
        assert_eq!(messages(&report_of_cluster(&text)), [message, hint]);
    }
}

#[test]
fn a_password_is_not_repeated() {
    for (secret, message) in [
        ("\"12345\"", "this is not a password hash"),
        ("12345", "`root-password-hash` must be a string, not a whole number"),
    ] {
        let cluster = format!(
            "[cluster]\nname = \"c\"\nroot-password-hash = {secret}\n[[node]]\nname = \"n\"\nprofile = \"node\"\n"
        );
        let report = report_of_cluster(&cluster);
        assert_eq!(messages(&report)[0], message);
        assert!(!report.contains("12345"), "{report}");
    }
}

#[test]
fn what_is_wrong_with_a_profile_is_told_with_the_profile() {
    let files = [
        ("profiles/base.toml", "summary = \"Base\"\npackages = \"x\"\n"),
        ("profiles/node.toml", "summary = \"Node\"\nextends = \"base\"\n"),
        ("cluster.toml", "[cluster]\nname = \"c\"\n[[node]]\nname = \"n\"\nprofile = \"node\"\n"),
    ];
    assert_eq!(messages(&report(&files))[0], "`packages` must be a list, not a string");
    assert_eq!(messages(&report(&files)).len(), 2);
}

#[test]
fn a_node_needs_a_profile_with_a_layout() {
    let files = [
        ("profiles/base.toml", "summary = \"Base\"\n"),
        ("cluster.toml", "[cluster]\nname = \"c\"\n[[node]]\nname = \"n\"\nprofile = \"base\"\n"),
    ];
    let expected = "\
error: profile `base` has no layout: it is not a node by itself
  --> cluster.toml:5:11
   |
 5 | profile = \"base\"
   |           ^^^^^^
   = hint: add a [layout], or extend a profile that has one";
    assert_eq!(report(&files), expected);
}

#[test]
fn sizes_beyond_all_disks_are_refused() {
    let report = report_of_layout("min = \"2G\"", "min = \"16383P\"");
    assert_eq!(messages(&report)[0], "`16383P` is more than any disk holds");
}

/// The layouts of the seeds, as far as the shipped profiles do not have them.
#[test]
fn seed_layouts_can_be_said() {
    for layout in [
        r#"
name = "single-drbd"
disks = [{ name = "system", boot = true, count = 1, min-size = "8G" }, { name = "data", count = 1, min-size = "1G" }]
partitions = [
    { disks = "system", number = 1, name = "swap", min = "512M" },
    { disks = "system", number = 2, name = "boot", min = "512M" },
    { disks = "system", number = 3, name = "root", min = "4G", share = 1 },
    { disks = "data", number = 1, name = "drbd", min = "1G", share = 1, drbd = true },
]
filesystems = [
    { on = "partition:swap", type = "swap", label = "swap" },
    { on = "partition:boot", type = "ext4", label = "boot", mount = "/boot" },
    { on = "partition:root", type = "ext4", label = "root", mount = "/" },
]
"#,
        r#"
name = "raid10-aoe"
disks = [{ name = "system", boot = true, at-least = 4, min-size = "16G" }]
partitions = [
    { disks = "system", number = 1, name = "root", min = "1G" },
    { disks = "system", number = 2, name = "usr", min = "2G" },
    { disks = "system", number = 3, name = "rest", min = "4G", share = 1 },
]
arrays = [
    { name = "md0", level = "raid1", partition = "root" },
    { name = "md1", level = "raid10", partition = "usr" },
    { name = "md3", level = "raid10", partition = "rest" },
]
filesystems = [
    { on = "array:md0", type = "ext4", label = "root", mount = "/" },
    { on = "array:md1", type = "ext4", label = "usr", mount = "/usr" },
]
"#,
    ] {
        assert_eq!(report_of_profile(&format!("summary = \"Seed\"\n[layout]\n{layout}")), "");
    }
}

#[test]
fn pieces_of_a_layout_must_fit() {
    for (sound, wrong, message, hint) in [
        (
            "type = \"ext4\"",
            "type = \"xfs\"",
            "unknown file system type `xfs`",
            "known file system types: `ext4`, `swap`",
        ),
        ("\"partition:root\"", "\"partition:rot\"", "unknown partition `rot`", "did you mean `root`?"),
        (
            "\"partition:root\"",
            "\"md:root\"",
            "`md:root` is nothing to put something on",
            "write `partition:NAME`, `array:NAME` or `volume:GROUP/NAME`",
        ),
        (
            "number = 1",
            "number = 14",
            "a partition cannot have this number",
            "use 1 to 13: 14 and 15 are for the boot code of a disk with `boot = true`",
        ),
        ("min = \"2G\"", "min = \"2G\", max = \"1G\"", "`max` of 1G is less than `min` of 2G", "swap them"),
        (
            "min = \"2G\"",
            "min = \"2G\", max = \"3G\"",
            "`max` without `share` never counts",
            "add `share = 1`, or drop `max`",
        ),
        (
            "min-size = \"4G\"",
            "min-size = \"1G\"",
            "a disk of 1G is too small for partitions of 2G at least",
            "raise `min-size` above 2G",
        ),
        ("boot = true", "boot = false", "no disk boots", "give one of [[layout.disks]] `boot = true`"),
        (
            "mount = \"/\"",
            "mount = \"/srv\"",
            "no file system is mounted at `/`",
            "add [[layout.filesystems]] with `mount = \"/\"`",
        ),
        (
            "mount = \"/\"",
            "mount = \"srv/\"",
            "`srv/` is not a mount point",
            "write an absolute path without blanks, `.`, `..` or a slash at its end",
        ),
        (
            "count = 1",
            "count = 2",
            "partition `root` exists on every disk of `system`, which may be several",
            "make an array of it, or say `count = 1` for `system`",
        ),
        (
            "count = 1",
            "count = 1, at-least = 1",
            "`count` and a range of counts exclude each other",
            "keep one of them",
        ),
        ("count = 1, ", "", "missing key `count`", "add a line such as `count = 2` or `at-least = 1`"),
        ("count = 1", "count = 0", "0 is too few", "write 1 or more, or leave the line out"),
        (
            "label = \"root\"",
            "label = \"a-label-of-seventeen\"",
            "`a-label-of-seventeen` is not a label",
            "use 1 to 16 of a-z, A-Z, 0-9, `-`, `_` and `.`",
        ),
    ] {
        let report = report_of_layout(sound, wrong);
        assert!(messages(&report).chunks(2).any(|found| found == [message, hint]), "{wrong}: {report}");
    }
}

/// The shipped storage profile with one thing replaced.
fn report_of_storage(sound: &str, wrong: &str) -> String {
    let [base, storage] =
        [include_str!("../../profiles/base.toml"), include_str!("../../profiles/storage.toml")];
    assert!(storage.contains(sound), "{sound}");
    report(&[("profiles/base.toml", base), ("profiles/storage.toml", &storage.replacen(sound, wrong, 1))])
}

#[test]
fn pieces_of_a_layout_are_used_once_and_all() {
    for (sound, wrong, expected, hint) in [
        (
            "level = \"raid1\"",
            "level = \"raid10\"",
            "array `root` cannot be made of disk group `system`: RAID10 needs an even number of disks, 4 or more",
            "change the number of disks in `system`, or the level",
        ),
        (
            "partition = \"pv\"",
            "partition = \"root\"",
            "nothing uses partition `pv`",
            "put something on it, or give it `drbd = true`",
        ),
        (
            "number = 2",
            "number = 1",
            "on disk group `system`, partition number `1` is already used",
            "choose another number",
        ),
        ("name = \"pv\"", "name = \"root\"", "partition `root` is already used", "choose another name"),
        (
            "partition = \"root\"",
            "partition = \"drbd\"",
            "carrier `partition:drbd` is already used",
            "put each thing on a piece of its own",
        ),
        ("disks = \"data\"", "disks = \"date\"", "unknown disk group `date`", "did you mean `data`?"),
        ("group = \"vg0\"", "group = \"vg1\"", "unknown volume group `vg1`", "did you mean `vg0`?"),
        ("volume:vg0/var", "volume:vg0/vra", "unknown volume `vg0/vra`", "did you mean `vg0/var`?"),
        ("volume:vg0/var", "array:var", "unknown array `var`", "known arrays: `root`, `pv`"),
        (
            "on = \"array:pv\"",
            "on = \"volume:vg0/var\"",
            "a volume group cannot lie on a logical volume",
            "put it on an array or a partition",
        ),
        (
            "mount = \"/var\"",
            "mount = \"/boot\"",
            "`/boot` cannot lie on a logical volume",
            "put it on an array or a partition: boot code finds it there",
        ),
        ("mount = \"/var\"", "mount = \"/\"", "mount point `/` is already used", "choose another path"),
        ("mount = \"/var\"", "", "missing key `mount`", "add a line such as `mount = \"/var\"`"),
        (
            "label = \"swap\"",
            "label = \"swap\"\nmount = \"/swap\"",
            "swap is mounted nowhere",
            "remove `mount`",
        ),
        ("label = \"var\"", "label = \"root\"", "label `root` is already used", "choose another label"),
    ] {
        let report = report_of_storage(sound, wrong);
        // The shipped file may grow: its line numbers are not what this is about.
        let without_place = |message: &str| message.split(" at profiles/").next() == Some(expected);
        assert!(
            messages(&report).chunks(2).any(|found| without_place(found[0]) && found[1] == hint),
            "{wrong}: {report}"
        );
    }
}
