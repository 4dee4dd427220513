//! The profiles that are shipped, and the example cluster.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use installer::check::check;
use installer::model::cluster::Cluster;
use installer::model::resolve::load_profiles;
use installer::units::Bytes;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn example() -> PathBuf {
    root().join("tests/clusters/storage.toml")
}

#[test]
fn nothing_is_wrong() {
    assert_eq!(check(&root(), Some(&example())).to_string(), "");
}

#[test]
fn storage_is_base_and_more() {
    let node = load_profiles(&root()).unwrap().resolve("storage").unwrap();
    let layers: Vec<&str> = node.layers.iter().map(|layer| layer.profile.as_str()).collect();
    assert_eq!(
        (layers, node.overlays),
        (vec!["base", "storage"], ["common", "cluster", "storage"].map(str::to_owned).to_vec())
    );
    assert_eq!((node.boot.dom0_memory, node.boot.dom0_vcpus), (Bytes::GIB, Some(2)));
    assert_eq!((node.layout.name.as_str(), node.layout.logical_volumes.len()), ("raid1-drbd", 2));
    assert!(node.layout.partitions[2].drbd && node.identity.is_none());
}

/// What makes an initrd is there exactly where there is one: it would make one with every kernel.
#[test]
fn only_nodes_with_an_initrd_can_make_one() {
    let profiles = load_profiles(&root()).unwrap();
    for name in ["storage", "storage-lvm", "storage-raid10", "compute", "pair", "mesh"] {
        let node = profiles.resolve(name).unwrap();
        let mut packages = node.layers.iter().flat_map(|layer| &layer.packages);
        assert_eq!(packages.any(|package| package == "initramfs-tools"), node.layout.initrd, "{name}");
    }
    assert!(!profiles.resolve("pair").unwrap().layout.initrd);
}

#[test]
fn what_seed_a_removed_is_not_listed() {
    let profiles = load_profiles(&root()).unwrap();
    for name in ["storage", "compute", "pair", "mesh"] {
        let node = profiles.resolve(name).unwrap();
        let listed: Vec<&String> = node.layers.iter().flat_map(|layer| &layer.packages).collect();
        for removed in ["exim4", "exim4-base", "lpr", "nfs-common", "portmap", "rpcbind", "pidentd", "ppp"] {
            assert!(!listed.iter().any(|package| *package == removed), "{removed} in {name}");
        }
    }
}

#[test]
fn a_profile_without_layout_is_no_node() {
    let problem = load_profiles(&root()).unwrap().resolve("base").unwrap_err();
    let expected = "\
error: profile `base` has no layout: it is not a node by itself
   = hint: take a profile that extends it: `compute`, `mesh`, `pair`, `storage`, `storage-lvm`, `storage-raid10`";
    assert_eq!(problem.to_string(), expected);
}

#[test]
fn a_node_of_the_cluster_has_its_identity() {
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&example(), &profiles).unwrap();
    let node = cluster.node("storage1", &profiles).unwrap();
    let identity = node.identity.unwrap();
    assert_eq!(identity.disks, [Bytes::mib(8192), Bytes::mib(8192), Bytes::mib(4096)]);
    let lan = identity.interfaces[0].network.as_ref().unwrap();
    assert_eq!(lan.address, Some(("192.0.2.11".parse().unwrap(), 24)));
    assert_eq!(
        (lan.gateway, lan.dns.as_slice()),
        (Some("192.0.2.1".parse().unwrap()), &["192.0.2.1".parse().unwrap()][..])
    );
    assert_eq!((node.boot.dom0_memory, node.boot.dom0_vcpus), (Bytes::mib(2048), Some(2)));
    assert_eq!(node.boot.xen_arguments, ["sched=credit2"]);
    assert_eq!(node.access.ssh_keys.len(), 1);

    let dhcp = cluster.node("storage2", &profiles).unwrap().identity.unwrap();
    let lan = dhcp.interfaces[0].network.as_ref().unwrap();
    assert_eq!((lan.address, lan.gateway), (None, None));
}

#[test]
fn unknown_names_say_what_there_is() {
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&example(), &profiles).unwrap();
    for (problem, expected) in [
        (
            profiles.resolve("storge").unwrap_err(),
            "error: unknown profile `storge`\n   = hint: did you mean `storage`?",
        ),
        (
            profiles.resolve("mailserver").unwrap_err(),
            "error: unknown profile `mailserver`\n   = hint: known profiles: `base`, `compute`, `mesh`, `pair`, `storage`, `storage-lvm`, \
             `storage-raid10`",
        ),
        (
            cluster.node("nas", &profiles).unwrap_err(),
            "error: unknown node `nas`\n   = hint: known nodes: `storage1`, `storage2`",
        ),
    ] {
        assert_eq!(problem.to_string(), expected);
    }
}
