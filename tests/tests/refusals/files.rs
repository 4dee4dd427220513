//! Profiles, cluster files and disks.

use tests::trial::Trial;
use tests::xbuild::checkout;

/// Two mirrored disks.
pub const PROFILE: &str = r#"summary = "Node"
[layout]
name = "pair"
disks = [{ name = "system", boot = true, count = 2, min-size = "2G" }]
partitions = [{ disks = "system", number = 1, name = "root", min = "1G" }]
arrays = [{ name = "root", level = "raid1", partition = "root" }]
filesystems = [{ on = "array:root", type = "ext4", label = "root", mount = "/" }]
"#;

/// A trial whose `profiles/node.toml` has this text.
pub fn with_profile(text: &str) -> Trial {
    let trial = Trial::new();
    trial.write("profiles/base.toml", "summary = \"Base\"\n");
    trial.write("profiles/node.toml", text);
    trial.write("overlays/readme", "none\n");
    trial
}

/// Every command that reads profiles says the same, and makes nothing.
fn assert_refused(trial: &Trial, commands: &[&[&str]], expected: &str) {
    for command in commands {
        assert_eq!(trial.refusal(&mut trial.xbuild(command), None), expected, "{command:?}");
        trial.assert_clean(&[]);
    }
}

const NODE: &[&[&str]] =
    &[&["check"], &["plan", "--profile", "node"], &["image", "--profile", "node", "-o", "out"]];
const CLUSTER: &[&[&str]] = &[
    &["check", "cluster.toml"],
    &["plan", "--cluster", "cluster.toml", "--node", "n1"],
    &["image", "--cluster", "cluster.toml", "--node", "n1", "-o", "out"],
];

#[test]
fn unknown_profile() {
    let trial = Trial::new();
    const KNOWN: &str =
        "known profiles: `base`, `compute`, `mesh`, `pair`, `storage`, `storage-lvm`, `storage-raid10`";
    for (name, hint) in [("nope", KNOWN), ("storag", "did you mean `storage`?")] {
        for command in ["plan", "image"] {
            let mut command = trial.xbuild(&[command, "--profile", name, "--source"]);
            let said = trial.refusal(command.arg(checkout()), None);
            assert_eq!(said, format!("error: unknown profile `{name}`\n  hint: {hint}"));
            trial.assert_clean(&[]);
        }
    }
}

#[test]
fn a_profile_that_is_no_node() {
    let trial = with_profile(PROFILE);
    let said = trial.refusal(&mut trial.xbuild(&["image", "--profile", "base"]), None);
    let expected = "error: profile `base` has no layout: it is not a node by itself\n  hint: add a [layout], or extend a profile that has one";
    assert_eq!(said, expected);
}

#[test]
fn unknown_key() {
    let expected = "\
error: unknown key `packges`
  --> TMP/profiles/node.toml:2:1
   |
 2 | packges = [\"drbd-utils\"]
   | ^^^^^^^
   = hint: did you mean `packages`?";
    let wrong = PROFILE.replacen('\n', "\npackges = [\"drbd-utils\"]\n", 1);
    assert_refused(&with_profile(&wrong), NODE, expected);
}

#[test]
fn wrong_type() {
    let expected = "\
error: `min-size` must be a size, not a whole number
  --> TMP/profiles/node.toml:4:64
   |
 4 | disks = [{ name = \"system\", boot = true, count = 2, min-size = 2 }]
   |                                                                ^
   = hint: write it like this: `min-size = \"8G\"`";
    let wrong = PROFILE.replace("\"2G\"", "2");
    assert_refused(&with_profile(&wrong), NODE, expected);
}

#[test]
fn all_problems_are_told_at_once() {
    let expected = "\
error: `count` must be a whole number, not a string
  --> TMP/profiles/node.toml:4:50
   |
 4 | disks = [{ name = \"system\", boot = true, count = \"2\", min-size = \"2G\" }]
   |                                                  ^^^
   = hint: write it like this: `count = 2`

error: unknown RAID level `raid5`
  --> TMP/profiles/node.toml:6:36
   |
 6 | arrays = [{ name = \"root\", level = \"raid5\", partition = \"root\" }]
   |                                    ^^^^^^^
   = hint: did you mean `raid1`?";
    let wrong = PROFILE.replace("count = 2", "count = \"2\"").replace("raid1", "raid5");
    assert_refused(&with_profile(&wrong), NODE, expected);
}

/// Two nodes; the second one is what a case is about.
fn with_cluster(second: &str) -> Trial {
    let trial = with_profile(PROFILE);
    let first = r#"[cluster]
name = "c"
[[network]]
name = "lan"
subnet = "10.0.0.0/24"
[[node]]
name = "n1"
profile = "node"
interface = [{ mac = "52:54:00:00:00:01", network = "lan", address = "10.0.0.4" }]
[[node]]
"#;
    trial.write("cluster.toml", &format!("{first}{second}"));
    trial
}

#[test]
fn duplicate_host_name() {
    let expected = "\
error: node name `n1` is already used at cluster.toml:7:8
   --> cluster.toml:11:8
    |
 11 | name = \"n1\"
    |        ^^^^
    = hint: give each node a name of its own";
    assert_refused(&with_cluster("name = \"n1\"\nprofile = \"node\"\n"), CLUSTER, expected);
}

#[test]
fn duplicate_mac() {
    let second = "name = \"n2\"\nprofile = \"node\"\ninterface = [{ mac = \"52-54-00-00-00-01\", network = \"lan\" }]\n";
    assert_refused(
        &with_cluster(second),
        CLUSTER,
        "\
error: MAC address `52:54:00:00:00:01` is already used at cluster.toml:9:22
   --> cluster.toml:13:22
    |
 13 | interface = [{ mac = \"52-54-00-00-00-01\", network = \"lan\" }]
    |                      ^^^^^^^^^^^^^^^^^^^
    = hint: every network card has its own: read it off the card",
    );
}

#[test]
fn duplicate_address() {
    let second = "name = \"n2\"\nprofile = \"node\"\n\
        interface = [{ mac = \"52:54:00:00:00:02\", network = \"lan\", address = \"10.0.0.4\" }]\n";
    assert_refused(
        &with_cluster(second),
        CLUSTER,
        "\
error: address `10.0.0.4` is already used at cluster.toml:9:70
   --> cluster.toml:13:70
    |
 13 | interface = [{ mac = \"52:54:00:00:00:02\", network = \"lan\", address = \"10.0.0.4\" }]
    |                                                                      ^^^^^^^^^^
    = hint: give each interface an address of its own",
    );
}

#[test]
fn unknown_node() {
    let trial = with_cluster("name = \"n2\"\nprofile = \"node\"\n");
    assert_refused(
        &trial,
        &[&["image", "--cluster", "cluster.toml", "--node", "n3"]],
        "\
error: unknown node `n3`
  hint: did you mean `n1`?",
    );
}

#[test]
fn disks_that_do_not_fit() {
    for (disks, expected) in [
        ("2x1G", "\
error: layout `pair` needs 2 disks of at least 2G for `system`, but none of 2 fits: disk0 is 1G, 1G too small, disk1 is 1G, 1G too small
  hint: add disks, take larger ones, or choose another layout"),
        ("4G", "\
error: layout `pair` needs 2 disks of at least 2G for `system`, but there is only 1
  hint: add disks, take larger ones, or choose another layout"),
        ("3x4G", "\
error: layout `pair` says nothing about disk2 (4G), which is left over
  hint: leave the disk out, or say in the layout what it is for"),
        ("8Q", "error: in `8Q`: `8Q` is not a size: write a whole number with K, M, G or T behind it, such as `8G`"),
    ] {
        let commands: &[&[&str]] = &[
            &["plan", "--profile", "node", "--disks", disks],
            &["image", "--profile", "node", "--disks", disks, "-o", "out"],
        ];
        assert_refused(&with_profile(PROFILE), commands, expected);
    }
}

#[test]
fn several_refusals_at_once() {
    let trial = Trial::new();
    let mut command = trial.xbuild(&["plan", "--profile", "storage", "--disks", "8G", "--source"]);
    assert_eq!(
        trial.refusal(command.arg(checkout()), None),
        "\
error: layout `raid1-drbd` needs 2 disks of at least 7G for `system`, but there is only 1
  hint: add disks, take larger ones, or choose another layout
error: layout `raid1-drbd` needs 1 disk of at least 2G for `data`, but none is left
  hint: add disks, take larger ones, or choose another layout"
    );
}
