//! What is wrong with replicated devices.

use crate::{LAYOUT, messages, report};

/// Two nodes with a partition and a volume for DRBD, and a device between them that is sound.
pub const SOUND: &str = r#"
[cluster]
name = "c"

[[network]]
name = "lan"
subnet = "10.0.0.0/24"

[[network]]
name = "replication"
subnet = "10.0.1.0/24"

[[node]]
name = "n1"
profile = "pair"
interface = [
    { mac = "52:54:00:00:00:01", network = "lan" },
    { mac = "52:54:00:00:00:02", network = "replication", address = "10.0.1.1" },
]

[[node]]
name = "n2"
profile = "pair"
interface = [{ mac = "52:54:00:00:00:03", network = "replication", address = "10.0.1.2" }]

[[node]]
name = "n3"
profile = "node"
interface = [{ mac = "52:54:00:00:00:04", network = "replication", address = "10.0.1.3" }]

[[drbd]]
name = "xen"
nodes = ["n1", "n2"]
minor = 1
port = 7788
network = "replication"
backing = "partition:drbd"

[drbd.disk]
resync-rate = "100M"

[drbd.net]
timeout = 60
"#;

pub const PAIR: &str = r#"
summary = "Pair"
packages = [
    "corosync", "crmsh", "drbd-utils", "fence-agents-ipmilan", "nbd-server", "ocfs2-tools", "pacemaker", "vblade",
]

[layout]
name = "pair"
disks = [{ name = "system", boot = true, count = 1, min-size = "4G" }, { name = "data", count = 1, min-size = "2G" }]
partitions = [
    { disks = "system", number = 1, name = "root", min = "2G" },
    { disks = "system", number = 2, name = "pv", min = "1G" },
    { disks = "data", number = 1, name = "drbd", min = "1G", drbd = true },
]
volume-groups = [{ name = "vg0", on = "partition:pv" }]
volumes = [{ group = "vg0", name = "cluster", min = "512M", drbd = true }]
filesystems = [{ on = "partition:root", type = "ext4", label = "root", mount = "/" }]
"#;

fn node() -> String {
    format!("summary = \"Node\"\n{LAYOUT}")
}

pub fn report_of(cluster: &str) -> String {
    report(&[("profiles/node.toml", &node()), ("profiles/pair.toml", PAIR), ("cluster.toml", cluster)])
}

/// `SOUND` with one thing replaced.
fn wrong(sound: &str, wrong: &str) -> String {
    assert!(SOUND.contains(sound), "{sound}");
    report_of(&SOUND.replacen(sound, wrong, 1))
}

#[test]
fn a_sound_device_is_taken() {
    assert_eq!(report_of(SOUND), "");
    assert_eq!(wrong("partition:drbd", "volume:vg0/cluster"), "");
}

#[test]
fn a_backing_must_have_the_size_that_is_wanted() {
    let disks = "profile = \"pair\"\ndisk = [{ size = \"8G\" }, { size = \"4G\" }]";
    let of = |backing: &str, least: &str| {
        let cluster = SOUND.replacen("profile = \"pair\"", disks, 1);
        let device = format!("{backing}\"\nmin-size = \"{least}\"");
        report_of(&cluster.replacen("partition:drbd\"", &device, 1))
    };
    assert_eq!(of("partition:drbd", "1G"), "");
    let expected = "\
error: the disks of `n1` do not do: partition:drbd has 1G, and `xen` wants 10G at least
   --> cluster.toml:14:8
    |
 14 | name = \"n1\"
    |        ^^^^
    = hint: give the node a larger disk, or `xen` a smaller `min-size`";
    assert_eq!(of("partition:drbd", "10G"), expected);
    // A profile may leave it to the disks how many there are.
    let profile = PAIR.replacen("name = \"data\", count = 1", "name = \"data\", at-least = 1", 1);
    let report_of = |disks: &str| {
        let cluster = SOUND.replacen("profile = \"pair\"", disks, 1);
        report(&[
            ("profiles/node.toml", &node()),
            ("profiles/pair.toml", &profile),
            ("cluster.toml", &cluster),
        ])
    };
    assert_eq!(report_of(disks), "");
    let several =
        report_of("profile = \"pair\"\ndisk = [{ size = \"8G\" }, { size = \"4G\" }, { size = \"4G\" }]");
    let expected = [
        "the disks of `n1` do not do: partition:drbd is on 2 disks, and `xen` replicates one",
        "give the node one such disk, or take a profile with volumes for DRBD",
    ];
    assert_eq!(messages(&several), expected);
    assert_eq!(of("volume:vg0/cluster", "256M"), "");
    let report = of("volume:vg0/cluster", "10G");
    let message = "the disks of `n1` do not do: volume:vg0/cluster has 512M, and `xen` wants 10G at least";
    assert_eq!(messages(&report)[0], message);
}

#[test]
fn what_a_device_says_must_fit_its_nodes() {
    for (sound, slip, message, hint) in [
        ("[\"n1\", \"n2\"]", "[\"n1\", \"n4\"]", "unknown node `n4`", "did you mean `n1`?"),
        (
            "[\"n1\", \"n2\"]",
            "[\"n1\"]",
            "DRBD replicates between two nodes, and here is 1",
            "name both, such as `nodes = [\"master1\", \"master2\"]`",
        ),
        (
            "[\"n1\", \"n2\"]",
            "[\"n1\", \"n3\"]",
            "node `n3` has no `partition:drbd` that its profile `node` leaves to DRBD",
            "give a partition or volume of profile `node` the line `drbd = true`",
        ),
        (
            "minor = 1",
            "minor = 1048576",
            "1048576 is not a minor number of DRBD",
            "write a whole number from 0 to 1048575",
        ),
        (
            "port = 7788",
            "port = 788",
            "788 is not a port for a resource",
            "write a whole number from 1024 to 65535",
        ),
        (
            "timeout = 60",
            "timeout = 0",
            "0 is out of range",
            "write a whole number of tenths of a second from 1 to 600",
        ),
        ("timeout = 60", "time-out = 60", "unknown key `time-out`", "did you mean `timeout`?"),
        (
            "timeout = 60",
            "timeout = \"6s\"",
            "`timeout` must be a whole number, not a string",
            "write it like this: `timeout = 60`",
        ),
        (
            "timeout = 60",
            "protocol = \"D\"",
            "`D` is nothing that `protocol` can be",
            "known values: `A`, `B`, `C`",
        ),
        (
            "timeout = 60",
            "after-sb-0pri = \"discard-zero-change\"",
            "`discard-zero-change` is nothing that `after-sb-0pri` can be",
            "did you mean `discard-zero-changes`?",
        ),
        (
            "\"100M\"",
            "\"100\"",
            "`100` is not a rate",
            "write a whole number with K, M or G behind it, such as `100M`: bytes in a second",
        ),
    ] {
        assert_eq!(messages(&wrong(sound, slip)), [message, hint], "{slip}");
    }
}

#[test]
fn both_nodes_need_an_address_in_its_network() {
    let hint = "give it a `[[node.interface]]` with `network = \"lan\"` and an `address`";
    let expected = [
        "node `n1` has no fixed address in network `lan`",
        hint,
        "node `n2` has no interface in network `lan`",
        hint,
    ];
    assert_eq!(
        messages(&wrong("network = \"replication\"\nbacking", "network = \"lan\"\nbacking")),
        expected
    );
}

#[test]
fn no_profile_carries_a_device_that_it_does_not_leave_to_drbd() {
    let report = wrong("partition:drbd", "partition:root");
    let hint = "the profile has `partition:drbd`, `volume:vg0/cluster`";
    let expected = [
        "node `n1` has no `partition:root` that its profile `pair` leaves to DRBD",
        hint,
        "node `n2` has no `partition:root` that its profile `pair` leaves to DRBD",
        hint,
    ];
    assert_eq!(messages(&report), expected);
}

#[test]
fn two_devices_have_nothing_in_common() {
    let second = "\n[[drbd]]\nname = \"xen\"\nnodes = [\"n2\", \"n1\"]\nminor = 1\nport = 7788\n\
         network = \"replication\"\nbacking = \"partition:drbd\"\n";
    let report = report_of(&format!("{SOUND}{second}"));
    let expected = [
        "DRBD resource `xen` is already used at cluster.toml:32:8",
        "give each resource a name of its own",
        "DRBD minor `1` is already used at cluster.toml:34:9",
        "`/dev/drbdMINOR` is one device: take the next free number",
        "DRBD port `7788` is already used at cluster.toml:35:8",
        "each resource has a connection of its own: take the next free port",
        "`partition:drbd` carries a device already: cluster.toml:37:11",
        "a partition or volume carries one device",
    ];
    assert_eq!(messages(&report), expected);
}
