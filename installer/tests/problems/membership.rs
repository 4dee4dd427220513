//! What is wrong with a cluster that shall work by itself: members, fencing, file systems, exports, times.

use crate::drbd::PAIR;
use crate::{messages, report};

/// Two nodes that share a device and the file system on it.
const SOUND: &str = include_str!("../../../tests/clusters/seed-b.toml");

/// A third node, an export of a volume that it has, and one that follows a primary of the others.
const EXPORTS: &str = r#"
[[node]]
name = "compute1"
number = 3
profile = "pair"
fencing = { address = "10.0.2.103", secret = "bmc-compute1" }
interface = [
    { mac = "52:54:00:00:05:05", network = "lan", address = "10.0.2.13" },
    { mac = "52:54:00:00:05:06", network = "replication", address = "10.0.1.3" },
]

[[drbd]]
name = "data"
nodes = ["master1", "master2"]
minor = 2
port = 7789
network = "replication"
backing = "volume:vg0/cluster"

[[export]]
name = "disk"
on = "volume:vg0/cluster"
node = "compute1"
network = "replication"
protocol = "aoe"
shelf = 1
slot = 0

[[export]]
name = "data"
on = "drbd:data"
network = "lan"
protocol = "nbd"
address = "10.0.2.20"
"#;

/// What is replaced in the sound file, and what is said then.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

fn report_of(cluster: &str) -> String {
    report(&[("profiles/pair.toml", PAIR), ("cluster.toml", cluster)])
}

/// `SOUND` with things replaced and something behind it.
fn wrong(slips: &[(&str, &str)], behind: &str) -> String {
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
fn what_is_exported_is_there() {
    let virtual_address = "take an address of that network that no machine has: it moves with the export";
    let cases: [(&str, &str, &[&str]); 19] = [
        (
            "[[export]]\nname = \"data\"",
            "[[export]]\nname = \"disk\"",
            &["export `disk` is already used at cluster.toml:101:8", "give each export a name of its own"],
        ),
        (
            "shelf = 1",
            "shelf = 65535",
            &["65535 is not a shelf of AoE", "write a whole number from 0 to 65534"],
        ),
        ("slot = 0", "slot = 255", &["255 is not a slot of AoE", "write a whole number from 0 to 254"]),
        (
            "slot = 0\n",
            "",
            &[
                "missing key `slot`",
                "say where it is exported: `shelf = 1` and `slot = 0`, or `address = \"10.0.0.6\"`",
            ],
        ),
        (
            "protocol = \"aoe\"",
            "protocol = \"iscsi\"",
            &["unknown protocol `iscsi`", "known protocols: `aoe`, `nbd`"],
        ),
        (
            "on = \"volume:vg0/cluster\"",
            "on = \"volume:vg0/data\"",
            &[
                "node `compute1` has no `volume:vg0/data`",
                "`xbuild plan --profile pair` shows what its profile makes",
            ],
        ),
        (
            "on = \"volume:vg0/cluster\"",
            "on = \"partition:root\"",
            &["`partition:root` carries `root` of the node itself", "export what nothing else is on"],
        ),
        (
            "on = \"volume:vg0/cluster\"",
            "on = \"vg0/cluster\"",
            &[
                "`vg0/cluster` is nothing to put something on",
                "write `partition:NAME`, `array:NAME` or `volume:GROUP/NAME`",
            ],
        ),
        (
            "node = \"compute1\"\n",
            "",
            &["missing key `node`", "add a line such as `node = \"mesh1\"`: whose device it is"],
        ),
        (
            "node = \"compute1\"",
            "node = \"compute2\"",
            &["unknown node `compute2`", "did you mean `compute1`?"],
        ),
        (
            "node = \"compute1\"",
            "node = \"master1\"",
            &[
                "`volume:vg0/cluster` carries `data`, which DRBD replicates",
                "export that instead: `on = \"drbd:data\"`",
            ],
        ),
        (
            "on = \"drbd:data\"",
            "on = \"drbd:xen\"",
            &[
                "`xen` is primary on both nodes, and an export is where the primary is",
                "remove `primaries` from `[[drbd]]` `xen`",
            ],
        ),
        (
            "on = \"drbd:data\"",
            "on = \"drbd:data\"\nnode = \"master1\"",
            &["a replicated device is exported by its primary", "remove `node`"],
        ),
        (
            "on = \"drbd:data\"",
            "on = \"drbd:date\"",
            &["unknown DRBD resource `date`", "did you mean `data`?"],
        ),
        (
            "network = \"lan\"\nprotocol",
            "network = \"wan\"\nprotocol",
            &["unknown network `wan`", "did you mean `lan`?"],
        ),
        ("\"10.0.2.20\"", "\"10.0.2.12\"", &["10.0.2.12 is the address of node `master2`", virtual_address]),
        (
            "\"10.0.2.20\"",
            "\"10.0.3.20\"",
            &["10.0.3.20 is no machine's address in network `lan` (10.0.2.0/24)", virtual_address],
        ),
        (
            "\"10.0.2.20\"",
            "\"10.0.2.255\"",
            &["10.0.2.255 is no machine's address in network `lan` (10.0.2.0/24)", virtual_address],
        ),
        (
            "address = \"10.0.2.20\"\n",
            "",
            &[
                "missing key `address`",
                "say where it is exported: `shelf = 1` and `slot = 0`, or `address = \"10.0.0.6\"`",
            ],
        ),
    ];
    for (sound, slip, expected) in cases {
        assert!(EXPORTS.contains(sound), "{sound}");
        let report = wrong(&[], &EXPORTS.replacen(sound, slip, 1));
        assert_eq!(messages(&report), expected, "{slip}");
    }
    let exports = &EXPORTS[EXPORTS.find("[[export]]").unwrap()..];
    let again =
        exports.replace("name = \"disk\"", "name = \"disk2\"").replace("name = \"data\"", "name = \"data2\"");
    let expected = [
        "NBD address `10.0.2.20 port 10809` is already used at cluster.toml:114:11",
        "give each export an address or a port of its own",
        "shelf.slot `1.0` is already used at cluster.toml:107:8",
        "initiators know a device by it: take the next free slot",
    ];
    let report = wrong(&[], &format!("{EXPORTS}{again}"));
    let mut found: Vec<&[&str]> = Vec::new();
    let said = messages(&report);
    found.extend(said.chunks(2));
    found.sort_unstable();
    assert_eq!(found.concat(), expected);
}

#[test]
fn what_is_exported_reaches_somebody() {
    let far = |exports: &str, interfaces: &str| {
        let network = "\n[[network]]\nname = \"far\"\nsubnet = \"10.9.0.0/24\"\n";
        let own = "    { mac = \"52:54:00:00:05:06\"";
        let far = |at: usize| format!("    {{ mac = \"52:54:00:00:09:0{at}\", network = \"far\" }},\n");
        let interfaces: String = (1..=interfaces.len()).map(far).collect();
        let exports = exports.replacen(own, &format!("{interfaces}{own}"), 1);
        messages(&wrong(&[], &format!("{exports}{network}")))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let disk = EXPORTS.replacen("network = \"replication\"\nprotocol", "network = \"far\"\nprotocol", 1);
    let expected = [
        "no other node is in network `far`",
        "give those that shall import it a `[[node.interface]]` with `network = \"far\"`",
    ];
    assert_eq!(far(&disk, "x"), expected);
    let give = "give it a `[[node.interface]]` with `network = \"far\"`";
    assert_eq!(far(&disk, ""), ["node `compute1` has the device, and no interface in network `far`", give]);
    let aoe = "protocol = \"aoe\"\nshelf = 1\nslot = 1";
    let two = EXPORTS.replacen("protocol = \"nbd\"\naddress = \"10.0.2.20\"", aoe, 1);
    let expected = [
        "AoE over `lan` here, and over `replication` at cluster.toml:104:11",
        "let all exports by AoE be in one network",
    ];
    assert_eq!(messages(&wrong(&[], &two)), expected);
    let local = wrong(&[("on = \"drbd:xen\"", "on = \"export:disk\"")], EXPORTS);
    let expected = [
        "`volume:vg0/cluster` is a device of one node, which would not mount it",
        "export a device that DRBD replicates: `on = \"drbd:NAME\"`",
    ];
    assert_eq!(messages(&local), expected);
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
