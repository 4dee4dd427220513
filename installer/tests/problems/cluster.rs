//! What is wrong in a cluster file.

use crate::{messages, report, report_of_cluster};

#[test]
fn keys_that_are_no_slip_get_the_list() {
    let report = report_of_cluster(
        "[cluster]\nname = \"c\"\n[[node]]\nname = \"n\"\nprofile = \"node\"\n[[node.disk]]\nsize = \"8G\"\nserial = 1\n",
    );
    assert_eq!(messages(&report), ["unknown key `serial`", "known keys: `size`"]);
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
