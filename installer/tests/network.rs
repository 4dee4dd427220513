//! What systemd is told of a node's network. `UPDATE_GOLDEN=1 cargo test` writes it anew.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

use installer::context::{Context, Mirrors};
use installer::facts::parse_disks;
use installer::model::cluster::Cluster;
use installer::model::node::NodeSpec;
use installer::model::resolve::load_profiles;
use installer::overlay::{Content, render};
use installer::plan::{Seed, plan};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The node's files for networkd, one after the other.
fn files(spec: &NodeSpec) -> String {
    let plan = plan(&spec.layout, &parse_disks("2x8G").unwrap(), &Seed::node("c", "n")).unwrap();
    let mirrors = Mirrors { main: String::new(), security: String::new() };
    let context = Context::new(spec, &plan, mirrors, false).value();
    let files = render(&[root().join("overlays/common")], &context).unwrap();
    let shown = files.iter().filter_map(|file| {
        let name = file.path.strip_prefix("etc/systemd/network").ok()?.display();
        let Content::File(bytes) = &file.content else { return None };
        Some(format!("==> {name} <==\n{}\n", String::from_utf8_lossy(bytes)))
    });
    shown.collect()
}

fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} differs; is now:\n{text}");
}

#[test]
fn a_bridge_a_bond_and_vlans_on_it() {
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&root().join("tests/clusters/network.toml"), &profiles).unwrap();
    assert_golden("network.txt", &files(&cluster.node("compute1", &profiles).unwrap()));
    let macs = ["52:54:00:00:04:01", "52:54:00:00:04:02", "52:54:00:00:04:03"];
    assert_eq!(cluster.marks()[0].macs, macs);
}

/// Where no network says the size of its packets, nobody does.
#[test]
fn a_card_is_called_as_its_network() {
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&root().join("tests/clusters/storage.toml"), &profiles).unwrap();
    let mut node = cluster.node("storage2", &profiles).unwrap();
    node.layout = profiles.resolve("compute").unwrap().layout;
    let expected = "\
==> 10-lan.link <==
# Written by xbuild. The name belongs to the card, whatever slot it is in.
[Match]
PermanentMACAddress=52:54:00:00:01:02

[Link]
Name=lan

==> 10-lan.network <==
# Written by xbuild.
[Match]
PermanentMACAddress=52:54:00:00:01:02

[Network]
DHCP=yes
DNS=192.0.2.1
Domains=example.net

# The same address as in the installer, whose machine id is another one.
[DHCPv4]
ClientIdentifier=mac

";
    let text = files(&node);
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_generic_node_asks_for_an_address_on_every_card() {
    let node = load_profiles(&root()).unwrap().resolve("compute").unwrap();
    let expected = "\
==> 10-dhcp.network <==
# Written by xbuild.
[Match]
Type=ether
Kind=!*

[Network]
DHCP=yes

# The same address as in the installer, whose machine id is another one.
[DHCPv4]
ClientIdentifier=mac

";
    assert_eq!(files(&node), expected);
}
