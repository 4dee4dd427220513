//! What is wrong with devices that other nodes import.

use crate::membership::wrong;
use crate::messages;

/// A third node, an export of a volume that it has, and one that follows a primary of the others.
pub const EXPORTS: &str = r#"
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

const VIRTUAL_ADDRESS: &str = "take an address of that network that no machine has: it moves with the export";

/// What is replaced in [`EXPORTS`], by what, and what is said then.
const SLIPS: [(&str, &str, &[&str]); 20] = [
    (
        "[[export]]\nname = \"data\"",
        "[[export]]\nname = \"disk\"",
        &["export `disk` is already used at cluster.toml:101:8", "give each export a name of its own"],
    ),
    ("shelf = 1", "shelf = 65535", &["65535 is not a shelf of AoE", "write a whole number from 0 to 65534"]),
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
    ("node = \"compute1\"", "node = \"compute2\"", &["unknown node `compute2`", "did you mean `compute1`?"]),
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
    ("on = \"drbd:data\"", "on = \"drbd:date\"", &["unknown DRBD resource `date`", "did you mean `data`?"]),
    (
        "network = \"lan\"\nprotocol",
        "network = \"wan\"\nprotocol",
        &["unknown network `wan`", "did you mean `lan`?"],
    ),
    ("\"10.0.2.20\"", "\"10.0.2.12\"", &["10.0.2.12 is the address of node `master2`", VIRTUAL_ADDRESS]),
    (
        "\"10.0.2.20\"",
        "\"10.0.3.20\"",
        &["10.0.3.20 is no machine's address in network `lan` (10.0.2.0/24)", VIRTUAL_ADDRESS],
    ),
    (
        "\"10.0.2.20\"",
        "\"10.0.2.255\"",
        &["10.0.2.255 is no machine's address in network `lan` (10.0.2.0/24)", VIRTUAL_ADDRESS],
    ),
    (
        "address = \"10.0.2.20\"\n",
        "",
        &[
            "missing key `address`",
            "say where it is exported: `shelf = 1` and `slot = 0`, or `address = \"10.0.0.6\"`",
        ],
    ),
    (
        "protocol = \"aoe\"\nshelf = 1\nslot = 0",
        "protocol = \"nbd\"\naddress = \"10.0.1.20\"",
        &["a device of one node is exported over AoE", "write `protocol = \"aoe\"` with `shelf` and `slot`"],
    ),
];

#[test]
fn what_is_exported_is_there() {
    for (sound, slip, expected) in SLIPS {
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
