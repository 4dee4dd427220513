//! `xbuild secrets` and `--with-secrets`: what is said, to the letter, and what is never said.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const PROFILE: &str = r#"summary = "Pair"
packages = ["corosync", "crmsh", "drbd-utils", "pacemaker"]
[layout]
name = "pair"
disks = [{ name = "system", boot = true, count = 1, min-size = "4G" }, { name = "data", count = 1, min-size = "2G" }]
partitions = [
    { disks = "system", number = 1, name = "root", min = "2G" },
    { disks = "data", number = 1, name = "drbd", min = "1G", drbd = true },
]
filesystems = [{ on = "partition:root", type = "ext4", label = "root", mount = "/" }]
"#;

const CLUSTER: &str = r#"[cluster]
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
"#;

const DRBD: &str = r#"[corosync]
networks = ["replication"]
[[drbd]]
name = "xen"
nodes = ["n1", "n2"]
minor = 1
port = 7788
network = "replication"
backing = "partition:drbd"
"#;

/// A folder with a profile and the cluster file `lab.toml`.
fn folder() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("profiles")).unwrap();
    fs::create_dir_all(root.path().join("overlays/common")).unwrap();
    fs::write(root.path().join("profiles/base.toml"), "summary = \"Base\"\n").unwrap();
    fs::write(root.path().join("profiles/pair.toml"), PROFILE).unwrap();
    fs::write(root.path().join("lab.toml"), format!("{CLUSTER}{DRBD}")).unwrap();
    root
}

/// Exit code, standard output, standard error.
fn xbuild(root: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xbuild"));
    for variable in ["XBUILD_SOURCE", "XBUILD_MIRROR", "XBUILD_MIRROR_SECURITY"] {
        command.env_remove(variable);
    }
    command.env("XBUILD_CACHE", root.path().join("cache")).env("HOME", root.path());
    let said = command.args(arguments).current_dir(root.path()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (said.status.code().unwrap(), text(&said.stdout), text(&said.stderr))
}

fn read(root: &TempDir, name: &str) -> Vec<u8> {
    fs::read(root.path().join(name)).unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const INIT: [&str; 4] = ["secrets", "init", "--cluster", "lab.toml"];
const ROTATE: [&str; 4] = ["secrets", "rotate", "--cluster", "lab.toml"];

#[test]
fn init_says_what_it_has_made_and_shows_none_of_it() {
    let root = folder();
    let made = "made: lab.secrets/xen.drbd\nmade: lab.secrets/corosync.authkey\n";
    assert_eq!(xbuild(&root, &INIT), (0, made.to_owned(), String::new()));
    let first = (read(&root, "lab.secrets/xen.drbd"), read(&root, "lab.secrets/corosync.authkey"));
    let again = "there already: lab.secrets/xen.drbd\nthere already: lab.secrets/corosync.authkey\n";
    assert_eq!(xbuild(&root, &INIT), (0, again.to_owned(), String::new()));
    let json = xbuild(&root, &[&INIT[..], &["--json", "--secrets", "elsewhere"]].concat()).1;
    let expected = r#"{"event":"secret","name":"xen.drbd","path":"elsewhere/xen.drbd","state":"made"}"#;
    assert_eq!(json.lines().next(), Some(expected));
    assert_eq!((read(&root, "lab.secrets/xen.drbd"), read(&root, "lab.secrets/corosync.authkey")), first);
}

#[test]
fn rotate_says_who_needs_the_new_one() {
    let root = folder();
    xbuild(&root, &INIT);
    let before = read(&root, "lab.secrets/corosync.authkey");
    let old = read(&root, "lab.secrets/xen.drbd");
    let (code, out, said) = xbuild(&root, &[&ROTATE[..], &["xen.drbd"]].concat());
    assert_eq!((code, out.as_str()), (0, "made anew: lab.secrets/xen.drbd\n"));
    assert_eq!(
        said,
        "nodes that run keep the old ones until you change them; both ends must have the same:\n\
         xen.drbd: needed by n1, n2; put it into `shared-secret` of xen in /etc/drbd.d/cluster.res on both, \
         then `drbdadm adjust xen` on both\n"
    );
    assert_eq!(read(&root, "lab.secrets/corosync.authkey"), before);
    assert_ne!(read(&root, "lab.secrets/xen.drbd"), old);
}

#[test]
fn unknown_names_are_told_at_once() {
    let root = folder();
    xbuild(&root, &INIT);
    let (code, _, said) = xbuild(&root, &[&ROTATE[..], &["xem.drbd", "mail"]].concat());
    let expected = "\
error: unknown secret `xem.drbd`
   = hint: did you mean `xen.drbd`?

error: unknown secret `mail`
   = hint: known secrets: `xen.drbd`, `corosync.authkey`
";
    assert_eq!((code, said.as_str()), (1, expected));
}

const IMAGE: [&str; 6] = ["image", "--cluster", "lab.toml", "--node", "n1", "--with-secrets"];

#[test]
fn images_take_no_secret_that_others_could_have_read() {
    let root = folder();
    let (code, _, said) = xbuild(&root, &IMAGE);
    let expected = "\
error: cannot read the secrets in lab.secrets: No such file or directory (os error 2)
   = hint: make them with `xbuild secrets init`, or name their folder with --secrets DIR
";
    assert_eq!((code, said.as_str()), (1, expected));
    xbuild(&root, &INIT);
    for name in ["xen.drbd", "corosync.authkey"] {
        set_mode(&root.path().join("lab.secrets").join(name), 0o640);
    }
    let (code, _, said) = xbuild(&root, &IMAGE);
    let expected = "\
error: lab.secrets/xen.drbd has secrets, and is open to others (mode 640)
   = hint: `chmod 600 lab.secrets/xen.drbd`; if others may have read it, `xbuild secrets rotate`

error: lab.secrets/corosync.authkey has secrets, and is open to others (mode 640)
   = hint: `chmod 600 lab.secrets/corosync.authkey`; if others may have read it, `xbuild secrets rotate`
";
    assert_eq!((code, said.as_str()), (1, expected));
    assert!(!root.path().join("out").exists() && !root.path().join("cache").exists());
}

#[test]
fn secrets_are_not_served() {
    let root = folder();
    xbuild(&root, &INIT);
    let (code, _, said) =
        xbuild(&root, &["media", "--cluster", "lab.toml", "--pxe", "netboot", "--with-secrets"]);
    let expected = "\
error: secrets are not served over the network: whoever reaches the web server could read them
  hint: install from a stick (--usb FILE), or without secrets and copy them to the nodes over ssh
";
    assert_eq!((code, said.as_str()), (1, expected));
    assert!(!root.path().join("netboot").exists());
}

/// There is no cluster to have secrets.
#[test]
fn generic_images_have_none() {
    let root = folder();
    for command in [&["image"][..], &["media", "--usb", "stick.img"]] {
        let (code, _, said) = xbuild(&root, &[command, &["--profile", "pair", "--with-secrets"]].concat());
        let expected = "\
error: a generic node has no secrets: they are a cluster's
  hint: give the cluster file with --cluster FILE, or leave out --with-secrets
";
        assert_eq!((code, said.as_str()), (1, expected));
    }
}

#[test]
fn a_cluster_without_secrets_is_said_to_have_none() {
    let root = folder();
    fs::write(root.path().join("lab.toml"), CLUSTER).unwrap();
    let none = "no table of this cluster file calls for a secret\n";
    assert_eq!(xbuild(&root, &INIT), (0, String::new(), none.to_owned()));
    assert!(!root.path().join("lab.secrets").exists());
}
