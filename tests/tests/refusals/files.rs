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

const NODE: &[&[&str]] = &[&["check"], &["plan", "--profile", "node"], &["image", "--profile", "node", "-o", "out"]];
const CLUSTER: &[&[&str]] = &[
    &["check", "cluster.toml"],
    &["plan", "--cluster", "cluster.toml", "--node", "n1"],
    &["image", "--cluster", "cluster.toml", "--node", "n1", "-o", "out"],
];

#[test]
fn unknown_profile() {
    let trial = Trial::new();
    for (name, hint) in [("nope", "known profiles: `base`, `compute`, `storage`"), ("storag", "did you mean `storage`?")] {
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
error: `min-size` must be a size such as \"8G\", not a whole number
 --> TMP/profiles/node.toml:4:74
  |";
    let wrong = PROFILE.replace("\"2G\"", "2");
    assert_refused(&with_profile(&wrong), NODE, expected);
}

#[test]
fn all_problems_are_told_at_once() {
    let expected = "";
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
    assert_refused(&with_cluster(second), CLUSTER, "");
}

#[test]
fn duplicate_address() {
    let second = "name = \"n2\"\nprofile = \"node\"\n\
        interface = [{ mac = \"52:54:00:00:00:02\", network = \"lan\", address = \"10.0.0.4\" }]\n";
    assert_refused(&with_cluster(second), CLUSTER, "");
}

#[test]
fn unknown_node() {
    let trial = with_cluster("name = \"n2\"\nprofile = \"node\"\n");
    assert_refused(&trial, &[&["image", "--cluster", "cluster.toml", "--node", "n3"]], "");
}

#[test]
fn disks_that_do_not_fit() {
    for (disks, expected) in [
        ("2x1G", ""),
        ("4G", ""),
        ("3x4G", ""),
        ("8Q", ""),
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
    assert_eq!(trial.refusal(command.arg(checkout()), None), "");
}
