//! How the nodes of a cluster file are installed, and what their machines are known by.
#![allow(clippy::unwrap_used)]

use std::fs;

use installer::model::cluster::Cluster;
use installer::model::install::{Install, Keep, WipePolicy};
use installer::model::node::Marks;
use installer::model::resolve::{Profiles, load_profiles};
use tempfile::TempDir;

const PROFILE: &str = r#"
summary = "Node"

[layout]
name = "one"
disks = [{ name = "system", boot = true, count = 1, min-size = "4G" }]
partitions = [{ disks = "system", number = 1, name = "root", min = "2G" }]
filesystems = [{ on = "partition:root", type = "ext4", label = "root", mount = "/" }]
"#;

const CLUSTER: &str = r#"
[cluster]
name = "c"

[install]
wipe = "same-cluster"
keep = ["drbd"]
report = "http://192.0.2.1:8000/report"

[[network]]
name = "lan"
subnet = "192.0.2.0/24"

[[node]]
name = "n1"
profile = "node"
serial = "CZ2D1X0GW1"
interface = [{ mac = "52-54-00-AB-00-01", network = "lan" }]

[[node]]
name = "n2"
profile = "node"
[node.install]
wipe = "force"
keep = []
unattended = true
"#;

fn load() -> (Cluster, Profiles) {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("profiles")).unwrap();
    fs::create_dir_all(root.path().join("overlays/common")).unwrap();
    fs::write(root.path().join("profiles/node.toml"), PROFILE).unwrap();
    let file = root.path().join("cluster.toml");
    fs::write(&file, CLUSTER).unwrap();
    let profiles = load_profiles(root.path()).unwrap();
    (Cluster::load(&file, &profiles).unwrap(), profiles)
}

#[test]
fn a_node_says_it_differently_key_by_key() {
    let (cluster, profiles) = load();
    let install = |node: &str| cluster.node(node, &profiles).unwrap().install;
    let report = Some("http://192.0.2.1:8000/report".to_owned());
    let common = Install { wipe: WipePolicy::SameCluster, keep: vec![Keep::Drbd], unattended: false, report };
    let own = Install { wipe: WipePolicy::Force, keep: vec![], unattended: true, ..common.clone() };
    assert_eq!([install("n1"), install("n2")], [common, own]);
    assert_eq!(profiles.resolve("node").unwrap().install, Install::default());
}

#[test]
fn machines_are_known_by_their_marks() {
    let (cluster, _) = load();
    let known = Marks {
        node: "n1".to_owned(),
        macs: vec!["52:54:00:ab:00:01".to_owned()],
        serial: Some("CZ2D1X0GW1".to_owned()),
    };
    let unknown = Marks { node: "n2".to_owned(), macs: vec![], serial: None };
    assert_eq!((cluster.name(), cluster.marks()), ("c", vec![known, unknown]));
}
