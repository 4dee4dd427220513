//! Which secrets a cluster has, and where they stand on a node.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use installer::context::{Context, Mirrors};
use installer::facts::parse_disks;
use installer::model::cluster::Cluster;
use installer::model::resolve::{Profiles, load_profiles};
use installer::model::secret::Secret;
use installer::overlay::{Content, OverlayFile, render};
use installer::plan::{Seed, plan};
use installer::secrets::Secrets;

/// Two pairs, and a node that is in neither.
const CLUSTER: &str = r#"
[cluster]
name = "lab"

[[network]]
name = "replication"
subnet = "10.0.1.0/24"

[[node]]
name = "n1"
number = 1
profile = "pair"
interface = [{ mac = "52:54:00:00:00:01", network = "replication", address = "10.0.1.1" }]

[[node]]
name = "n2"
number = 2
profile = "pair"
interface = [{ mac = "52:54:00:00:00:02", network = "replication", address = "10.0.1.2" }]

[[node]]
name = "n3"
number = 3
profile = "pair"
interface = [{ mac = "52:54:00:00:00:03", network = "replication", address = "10.0.1.3" }]

[corosync]
networks = ["replication"]

[[drbd]]
name = "xen"
nodes = ["n2", "n1"]
minor = 1
port = 7788
network = "replication"
backing = "partition:drbd"
"#;

const SHARED: &str = "0123456789abcdef";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cluster() -> (Profiles, Cluster) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.toml");
    fs::write(&file, CLUSTER).unwrap();
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&file, &profiles).unwrap();
    (profiles, cluster)
}

/// One for each that the cluster calls for.
fn secrets(cluster: &Cluster) -> Secrets {
    let mut secrets = Secrets::default();
    for secret in cluster.secrets() {
        secrets.insert(&secret, format!("{SHARED}\n").into_bytes());
    }
    secrets
}

/// What the overlay `cluster` gives a node that has these secrets.
fn overlay(node: &str, secrets: impl FnOnce(&Cluster) -> Secrets) -> Vec<OverlayFile> {
    let (profiles, cluster) = cluster();
    let spec = cluster.node(node, &profiles).unwrap();
    let plan = plan(&spec.layout, &parse_disks("8G,4G").unwrap(), &Seed::node("c", node)).unwrap();
    let mirrors = Mirrors { main: String::new(), security: String::new() };
    let secrets = secrets(&cluster).of(&cluster.secrets(), node);
    let context = Context::new(&spec, &plan, mirrors, false).with_secrets(&secrets);
    render(&[root().join("overlays/cluster")], &context.value()).unwrap()
}

fn resource(files: &[OverlayFile]) -> (u32, String) {
    let file = files.iter().find(|file| file.path == Path::new("etc/drbd.d/cluster.res")).unwrap();
    let Content::File(bytes) = &file.content else { panic!("no file") };
    (file.mode, String::from_utf8(bytes.clone()).unwrap())
}

#[test]
fn a_pair_has_a_shared_secret_and_a_key_for_corosync() {
    let (_, cluster) = cluster();
    let line = |secret: &Secret| {
        let nodes = ["n1", "n2", "n3"].into_iter().filter(|node| secret.is_for(node)).collect::<Vec<_>>();
        format!("{} {}", secret.name(), nodes.join(" "))
    };
    let listed: Vec<_> = cluster.secrets().iter().map(line).collect();
    assert_eq!(listed, ["xen.drbd n1 n2", "corosync.authkey n1 n2 n3"]);
}

#[test]
fn who_may_fence_knows_the_passwords() {
    let profiles = load_profiles(&root()).unwrap();
    let cluster = Cluster::load(&root().join("tests/clusters/seed-b.toml"), &profiles).unwrap();
    let names: Vec<_> =
        cluster.secrets().iter().filter(|secret| secret.is_for("master1")).map(Secret::name).collect();
    assert_eq!(names, ["xen.drbd", "corosync.authkey", "bmc-master1.password", "bmc-master2.password"]);
}

#[test]
fn both_ends_know_each_other_by_a_file_that_is_roots_alone() {
    let (mode, text) = resource(&overlay("n1", secrets));
    let net = text.split("    net {\n").nth(1).unwrap().split("    }\n").next().unwrap();
    let expected = format!("        cram-hmac-alg sha256;\n        shared-secret \"{SHARED}\";\n");
    assert!(net.ends_with(&expected), "{text}");
    assert_eq!((mode, text.matches(SHARED).count(), text.contains('\0')), (0o600, 1, false));
    assert_eq!(resource(&overlay("n2", secrets)), (mode, text));
}

/// Nothing else has come to hold it.
#[test]
fn files_without_secrets_stay_as_they_are() {
    let (with, without) = (overlay("n1", secrets), overlay("n1", |_| Secrets::default()));
    let changed = with.iter().zip(&without).filter(|(with, without)| with != without);
    let changed: Vec<_> = changed.map(|(file, _)| file.path.display().to_string()).collect();
    assert_eq!((changed, with.len()), (vec!["etc/drbd.d/cluster.res".to_owned()], without.len()));
    let (mode, text) = resource(&without);
    assert_eq!((mode, text.contains("secret"), text.contains("cram-hmac")), (0o644, false, false));
}

#[test]
fn other_nodes_get_nothing() {
    assert_eq!(overlay("n3", secrets), overlay("n3", |_| Secrets::default()));
}
