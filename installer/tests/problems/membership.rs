//! What is wrong with a cluster that shall work by itself: members, fencing, file systems, exports, times.

use crate::drbd::PAIR;
use crate::export::EXPORTS;
use crate::{messages, report};

/// Two nodes that share a device and the file system on it.
const SOUND: &str = include_str!("../../../tests/clusters/seed-b.toml");

/// What is replaced in the sound file, and what is said then.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

fn report_of(cluster: &str) -> String {
    report(&[("profiles/pair.toml", PAIR), ("cluster.toml", cluster)])
}

/// `SOUND` with things replaced and something behind it.
pub fn wrong(slips: &[(&str, &str)], behind: &str) -> String {
    let mut text = SOUND.to_owned();
    for (sound, wrong) in slips {
        assert!(text.contains(sound), "{sound}");
        text = text.replacen(sound, wrong, 1);
    }
    report_of(&format!("{text}{behind}"))
}

#[test]
fn a_sound_pair_is_taken() {
    assert_eq!(report_of(SOUND), "");
    assert_eq!(wrong(&[], EXPORTS), "");
}

#[test]
fn members_must_know_each_other() {
    let no_corosync = ("[corosync]\nnetworks = [\"replication\", \"lan\"]\n", "");
    let lan = "give it a `[[node.interface]]` with `network = \"lan\"` and an `address`";
    let number =
        "add a line such as `number = 1`: corosync and OCFS2 know it by that, so it must never change";
    let add = "add `[corosync]` with `networks = [\"lan\"]`";
    let cases: [Case<'_>; 11] = [
        (
            &[("number = 2", "number = 1")],
            &[
                "node number `1` is already used at cluster.toml:32:10",
                "give each node a number of its own, and never another one",
            ],
        ),
        (
            &[("number = 2", "number = 0")],
            &["0 is not the number of a node", "write a whole number from 1 to 254"],
        ),
        (&[("number = 2\n", "")], &["node `master2` has no number", number]),
        (
            &[("\"replication\", \"lan\"", "\"replication\", \"replication\"")],
            &[
                "link `replication` is already used at cluster.toml:20:13",
                "each link is a network of its own",
            ],
        ),
        (
            &[("\"replication\", \"lan\"", "\"replicatoin\"")],
            &["unknown network `replicatoin`", "did you mean `replication`?"],
        ),
        (
            &[("\"replication\", \"lan\"", "")],
            &[
                "0 networks, and corosync takes 1 to 8",
                "name the networks over which the nodes hear each other, the best first",
            ],
        ),
        (
            &[("networks = [\"replication\", \"lan\"]", "")],
            &["missing key `networks`", "add a line such as `networks = [\"replication\", \"lan\"]`"],
        ),
        (
            &[("networks = [\"replication\", \"lan\"]", "networks = [\"lan\"]\ntoken = 10")],
            &["10 is out of range", "write a whole number of milliseconds from 1000 to 60000"],
        ),
        (
            &[("address = \"10.0.2.12\"\n", "")],
            &["node `master2` has no fixed address in network `lan`", lan],
        ),
        (
            &[("resource-stickiness = 1000000", "no-quorum-policy = \"ignore\"")],
            &[
                "`ignore` is nothing that `no-quorum-policy` can be",
                "known values: `stop`, `freeze`, `demote`",
            ],
        ),
        (
            &[no_corosync],
            &[
                "`[pacemaker]` in a cluster whose members do not know each other",
                add,
                "`[fencing]` in a cluster whose members do not know each other",
                add,
                "`xen` has two primaries, and nothing that stops them when they lose each other",
                "add `[corosync]` and `[fencing]`, or remove `primaries`: a split brain would be certain",
                "`[ocfs2]` in a cluster whose members do not know each other",
                add,
            ],
        ),
    ];
    for (slips, expected) in cases {
        assert_eq!(messages(&wrong(slips, "")), expected, "{slips:?}");
    }
}

#[test]
fn a_cluster_has_two_nodes() {
    let alone = "[cluster]\nname = \"c\"\n[corosync]\nnetworks = [\"lan\"]\n[[network]]\nname = \"lan\"\nsubnet = \"10.0.0.0/24\"\n\
        [[node]]\nname = \"n1\"\nnumber = 1\nprofile = \"pair\"\ninterface = [{ mac = \"52:54:00:00:00:01\", network = \"lan\", address = \"10.0.0.1\" }]\n";
    let expected =
        ["`n1` is the only node, and a cluster needs two", "add the other nodes, or remove `[corosync]`"];
    assert_eq!(messages(&report_of(alone)), expected);
}

#[test]
fn every_node_can_be_switched_off() {
    let write =
        "write `fencing = { address = \"10.0.2.101\", user = \"fencing\", secret = \"bmc-master1\" }`";
    let no_fencing = ("[fencing]\nagent = \"ipmi\"\nuser = \"fencing\"\ntimeout = 30\n", "");
    let none = [
        ("fencing = { address = \"10.0.2.101\", secret = \"bmc-master1\" }\n", ""),
        ("fencing = { address = \"10.0.2.102\", secret = \"bmc-master2\" }\n", ""),
    ];
    let add = "add `[fencing]` with `agent = \"ipmi\"`, and to each node what switches it off";
    let cases: [Case<'_>; 13] = [
        (
            &none[1..],
            &[
                "node `master2` cannot be fenced",
                "add to it `fencing = { address = \"10.0.2.101\", user = \"fencing\", secret = \"bmc-master1\" }`",
            ],
        ),
        (
            &[("agent = \"ipmi\"", "agent = \"ssh\"")],
            &["unknown fence agent `ssh`", "known fence agents: `ipmi`, `redfish`, `virt`"],
        ),
        (&[("agent = \"ipmi\"\n", "")], &["missing key `agent`", "add a line such as `agent = \"ipmi\"`"]),
        (
            &[("user = \"fencing\"\n", "")],
            &[
                "node `master1` cannot be fenced without `user`",
                write,
                "node `master2` cannot be fenced without `user`",
                write,
            ],
        ),
        (
            &[("address = \"10.0.2.101\", ", "")],
            &["node `master1` cannot be fenced without `address`", write],
        ),
        (&[(", secret = \"bmc-master1\"", "")], &["node `master1` cannot be fenced without `secret`", write]),
        (
            &[("\"10.0.2.102\"", "\"10.0.2.101\"")],
            &["BMC `10.0.2.101` is already used at cluster.toml:35:23", "each node has one of its own"],
        ),
        (
            &[("\"10.0.2.102\"", "\"10.0.2.12\"")],
            &[
                "10.0.2.12 is the address of node `master2` itself",
                "give the address of the BMC: it answers when the node is off",
            ],
        ),
        (
            &[("secret = \"bmc-master1\"", "password = \"calvin\"")],
            &[
                "a password does not belong into a cluster file",
                "write `secret = \"bmc-NODE\"` instead, and the password into the file of that name: `xbuild secrets`",
            ],
        ),
        (
            &[(
                "{ address = \"10.0.2.102\", secret = \"bmc-master2\" }",
                "{ agent = \"virt\", guest = \"web1\" }",
            )],
            &[
                "`master2` is a guest and `master1` is a host: they cannot be in one cluster",
                "make a cluster of the hosts and another one of the guests, each with a file of its own",
            ],
        ),
        (
            &[
                ("{ address = \"10.0.2.101\", secret = \"bmc-master1\" }", "{ guest = \"web\" }"),
                ("{ address = \"10.0.2.102\", secret = \"bmc-master2\" }", "{ guest = \"web\" }"),
                ("agent = \"ipmi\"", "agent = \"virt\""),
            ],
            &["guest `web` is already used at cluster.toml:35:21", "each node is a guest of its own"],
        ),
        (&[no_fencing, none[0], none[1]], &["`xen` has two primaries, and no node can be fenced", add]),
        (
            &[("timeout = 30", "timeout = 3")],
            &["3 is out of range", "write a whole number of seconds from 5 to 600"],
        ),
    ];
    for (slips, expected) in cases {
        assert_eq!(messages(&wrong(slips, "")), expected, "{slips:?}");
    }
    let report = wrong(&[("secret = \"bmc-master1\"", "password = \"calvin\"")], "");
    assert!(!report.contains("calvin"), "{report}");
}

#[test]
fn all_nodes_can_mount_what_they_share() {
    let cases: [Case<'_>; 9] = [
        (
            &[("on = \"drbd:xen\"", "on = \"drbd:xem\"")],
            &["unknown DRBD resource `xem`", "did you mean `xen`?"],
        ),
        (
            &[("on = \"drbd:xen\"", "on = \"partition:drbd\"")],
            &["`partition:drbd` is no device of a cluster", "write `drbd:NAME` or `export:NAME`"],
        ),
        (&[("on = \"drbd:xen\"", "on = \"export:xen\"")], &["unknown export `xen`", "there is no export"]),
        (
            &[("primaries = \"both\"\n", "")],
            &[
                "`xen` has one primary, and both nodes mount what is on it",
                "add `primaries = \"both\"` to `[[drbd]]` `xen`",
            ],
        ),
        (
            &[("mount = \"/XEN\"", "mount = \"/XEN\"\nslots = 1")],
            &["1 is not a number of slots", "write a whole number from 2 to 255"],
        ),
        (
            &[("name = \"ocfs2\"", "name = \"ocfs-2\"")],
            &["`ocfs-2` is not the name of an OCFS2 cluster", "use at most 16 of a-z and 0-9"],
        ),
        (
            &[("name = \"ocfs2\"\nnetwork = \"replication\"", "name = \"ocfs2\"\nnetwork = \"replica\"")],
            &[
                "node `master1` has no fixed address in network `replica`",
                "give it a `[[node.interface]]` with `network = \"replica\"` and an `address`",
                "node `master2` has no fixed address in network `replica`",
                "give it a `[[node.interface]]` with `network = \"replica\"` and an `address`",
            ],
        ),
        (
            &[("\n[[ocfs2.volume]]\non = \"drbd:xen\"\nlabel = \"XEN\"\nmount = \"/XEN\"\n", "")],
            &["no file system", "add a table `[[ocfs2.volume]]` for each, or remove `[ocfs2]`"],
        ),
        (
            &[("label = \"XEN\"", "label = \"XEN 1\"")],
            &["`XEN 1` is not a label", "use 1 to 16 of a-z, A-Z, 0-9, `-`, `_` and `.`"],
        ),
    ];
    for (slips, expected) in cases {
        assert_eq!(messages(&wrong(slips, "")), expected, "{slips:?}");
    }
    let second = "\n[[ocfs2.volume]]\non = \"drbd:xen\"\nlabel = \"XEN\"\nmount = \"/XEN\"\n";
    let expected = [
        "device `drbd:xen` is already used at cluster.toml:78:6",
        "a device carries one file system",
        "label `XEN` is already used at cluster.toml:79:9",
        "give each file system a label of its own",
        "mount point `/XEN` is already used at cluster.toml:80:9",
        "mount each file system at a place of its own",
    ];
    assert_eq!(messages(&wrong(&[], second)), expected);
}

#[test]
fn the_parts_leave_each_other_time() {
    let problems = |frozen: u64, noticing: u64, fencing: u64| {
        let lower = "or lower the times of `[drbd.net]`, `[corosync]` or `[fencing]`";
        let freeze =
            format!("`xen` can be frozen for {frozen} s: noticing takes {noticing} s, fencing {fencing} s");
        vec![
            format!("OCFS2 gives up a silent node after 60 s, and {freeze}"),
            format!("set `idle-timeout = {}` or more, {lower}", (frozen + 1) * 1000),
            format!("OCFS2 fences a node whose disk is silent for 60 s, and {freeze}"),
            format!("set `heartbeat-threshold = {}` or more, {lower}", frozen / 2 + 2),
        ]
    };
    let networks = "networks = [\"replication\", \"lan\"]";
    let cases = [
        ("timeout = 30", "timeout = 60".to_owned(), problems(89, 24, 65)),
        (
            "primaries = \"both\"",
            "primaries = \"both\"\nnet = { ping-int = 60, ping-timeout = 30, ko-count = 1 }".to_owned(),
            problems(98, 63, 35),
        ),
        (networks, format!("{networks}\ntoken = 15000"), problems(68, 33, 35)),
    ];
    for (from, to, expected) in cases {
        assert_eq!(messages(&wrong(&[(from, &to)], "")), expected, "{to}");
    }
    let impatient = [(
        "network = \"replication\"\n\n[[ocfs2",
        "network = \"replication\"\nidle-timeout = 20000\n\n[[ocfs2",
    )];
    let expected = "OCFS2 gives up a silent node after 20 s, and `xen` can be frozen for 59 s: noticing takes 24 s, \
                    fencing 35 s";
    assert_eq!(messages(&wrong(&impatient, ""))[0], expected);
    let imported = wrong(&[("on = \"drbd:xen\"", "on = \"export:data\"")], EXPORTS);
    let expected = "OCFS2 fences a node whose disk is silent for 60 s, and `data` can be frozen for 89 s: noticing takes 24 s, \
                    fencing 35 s, its export by the other node 30 s";
    assert_eq!(messages(&imported)[2], expected);
}
