//! What the daemons of a cluster are told. `UPDATE_GOLDEN=1 cargo test` writes it anew.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

use installer::check::check;
use installer::context::{Context, Mirrors};
use installer::facts::parse_disks;
use installer::model::cluster::Cluster;
use installer::model::node::NodeSpec;
use installer::model::resolve::load_profiles;
use installer::overlay::{Content, render};
use installer::plan::{Seed, plan};

/// Disks of a node of `seed-b.toml`.
const PAIR: &str = "8G,4G";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text files that the overlay `cluster`, `/etc/hosts` and LVM's own become, one after the other.
fn files(spec: &NodeSpec, disks: &str) -> String {
    let plan = plan(&spec.layout, &parse_disks(disks).unwrap(), &Seed::node("c", "n")).unwrap();
    let mirrors = Mirrors { main: String::new(), security: String::new() };
    let context = Context::new(spec, &plan, mirrors, false).value();
    let overlays = ["overlays/common", "overlays/cluster"].map(|overlay| root().join(overlay));
    let files = render(&overlays, &context).unwrap();
    let ours = render(&overlays[1..], &context).unwrap();
    let shared = ["etc/hosts", "etc/lvm/lvmlocal.conf"].map(Path::new);
    let is_ours = |path: &Path| shared.contains(&path) || ours.iter().any(|file| file.path == path);
    let shown = files.iter().filter(|file| is_ours(&file.path)).filter_map(|file| {
        let Content::File(bytes) = &file.content else { return None };
        Some(format!("==> {} <==\n{}\n", file.path.display(), String::from_utf8_lossy(bytes)))
    });
    shown.collect()
}

#[test]
fn a_pair_that_works_by_itself() {
    let file = root().join("tests/clusters/seed-b.toml");
    assert_eq!(check(&root(), Some(&file)).to_string(), "");
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&file, &profiles).unwrap();
    let text = files(&cluster.node("master1", &profiles).unwrap(), PAIR);
    golden("seed-b.txt", &text);
    // Nothing but names and addresses of its own tells one node from the other.
    let other = files(&cluster.node("master2", &profiles).unwrap(), PAIR);
    let differing = text.lines().zip(other.lines()).filter(|(one, other)| one != other).count();
    assert!(text.lines().count() == other.lines().count() && differing <= 3, "{other}");
}

fn golden(name: &str, text: &str) {
    let path = root().join("installer/tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == text, "is now:\n{text}");
}

#[test]
fn nodes_that_export_and_import() {
    let file = root().join("tests/clusters/seed-a-c.toml");
    assert_eq!(check(&root(), Some(&file)).to_string(), "");
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&file, &profiles).unwrap();
    golden("seed-a-c-storage.txt", &files(&cluster.node("xenamo4", &profiles).unwrap(), "2x8G,2x4G"));
    golden("seed-a-c-compute.txt", &files(&cluster.node("xenamo1", &profiles).unwrap(), "2x8G"));
}

#[test]
fn nodes_that_share_volumes() {
    let file = root().join("tests/clusters/seed-d.toml");
    assert_eq!(check(&root(), Some(&file)).to_string(), "");
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&file, &profiles).unwrap();
    golden("seed-d.txt", &files(&cluster.node("mesh1", &profiles).unwrap(), "4x8G"));
}

/// LVM keeps what a copy was while it is overwritten; of a partition nobody can.
#[test]
fn a_volume_has_a_snapshot_while_it_is_resynced() {
    let profiles = load_profiles(&root()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("volumes.toml");
    fs::write(&file, VOLUMES).unwrap();
    let cluster = Cluster::load(&file, &profiles).unwrap();
    let text = files(&cluster.node("s1", &profiles).unwrap(), "2x8G,2x4G");
    let snapshot = "before-resync-target \"/usr/lib/drbd/snapshot-resync-target-lvm.sh\";";
    assert!(text.contains(snapshot) && text.contains("disk /dev/vg1/cluster;"), "{text}");
    let pair = Cluster::load(&root().join("tests/clusters/seed-b.toml"), &profiles).unwrap();
    assert!(!files(&pair.node("master1", &profiles).unwrap(), PAIR).contains("snapshot"));
}

const VOLUMES: &str = r#"
[cluster]
name = "c"

[[network]]
name = "lan"
subnet = "10.0.0.0/24"

[[node]]
name = "s1"
profile = "storage-lvm"
interface = [{ mac = "52:54:00:00:00:01", network = "lan", address = "10.0.0.1" }]

[[node]]
name = "s2"
profile = "storage-lvm"
interface = [{ mac = "52:54:00:00:00:02", network = "lan", address = "10.0.0.2" }]

[[drbd]]
name = "data"
nodes = ["s1", "s2"]
minor = 1
port = 7788
network = "lan"
backing = "volume:vg1/cluster"
"#;

/// Where there is no cluster, the packages' own files stay.
#[test]
fn a_generic_node_is_no_member() {
    let text = files(&load_profiles(&root()).unwrap().resolve("pair").unwrap(), PAIR);
    let files: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("==> ")).collect();
    let expected = [
        "etc/drbd.d/cluster.res <==",
        "etc/drbd.d/global_common.conf <==",
        "etc/hosts <==",
        "etc/lvm/lvmlocal.conf <==",
        "etc/systemd/system/corosync.service.d/xbuild.conf <==",
        "etc/systemd/system/o2cb.service.d/xbuild.conf <==",
        "etc/systemd/system/pacemaker.service.d/xbuild.conf <==",
        "etc/systemd/system/xbuild-firstboot.service <==",
        "etc/systemd/system/xbuild-import@.service <==",
        "etc/systemd/system/xbuild-nbd@.service <==",
        "etc/systemd/system/xendomains.service.d/xbuild.conf <==",
        "etc/udev/rules.d/60-xbuild-drbd.rules <==",
        "usr/lib/tmpfiles.d/xbuild-fenced.conf <==",
        "usr/lib/xbuild/fence-peer/cibadmin <==",
        "usr/lib/xbuild/fence-peer/words.sed <==",
        "usr/local/sbin/xbuild-fence-event <==",
        "usr/local/sbin/xbuild-fence-peer <==",
    ];
    assert_eq!(files, expected);
}
