//! `xinstall status` on a member of the pair of `tests/clusters/seed-b.toml`, and on a node that is alone.
//! `UPDATE_GOLDEN=1 cargo test` writes it anew.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{env, fs};

use installer::facts::parse_disks;
use installer::host::{Command, CommandFailed, Output, Run};
use installer::model::cluster::Cluster;
use installer::model::resolve::load_profiles;
use installer::overlay::Content;
use installer::plan::{Plan, Seed, plan};
use installer::status::{Area, Node, Report, look};
use installer::{own_cluster, own_plan};
use tempfile::TempDir;

const CONNECTED: &str = "version: 8.4.11 (api:1/proto:86-101)\nbuilt-in\n\n \
     1: cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C r-----\n    ns:0 nr:0 dw:0 dr:672 oos:0\n";
const MEMBERS: &str = "Quorate:          Yes\n\nMembership information\n----------------------\n    \
    Nodeid      Votes Name\n         1          1 master1 (local)\n         2          1 master2\n";
const LINKS: &str = "stats.knet.node2.link0.connected (u8) = 1\nstats.knet.node2.link1.connected (u8) = 1\n";
const WELL: &str = include_str!("status/well.xml");
const DOWN: &str = include_str!("status/down.xml");
const SPLIT: &str = "block drbd1: Split-Brain detected but unresolved, dropping connection!\n\
    drbd xen: conn( Disconnecting -> StandAlone )\n";

/// A machine whose programs answer what they are told to; others are not there.
#[derive(Default)]
struct Told {
    answers: BTreeMap<&'static str, (i32, String)>,
    asked: Vec<String>,
}

impl Told {
    fn that(mut self, program: &'static str, status: i32, stdout: &str) -> Self {
        self.answers.insert(program, (status, stdout.to_owned()));
        self
    }

    /// A cluster in which all is well.
    fn well() -> Self {
        let told = Self::default().that("corosync-quorumtool", 0, MEMBERS);
        told.that("corosync-cmapctl", 0, LINKS).that("crm_mon", 0, WELL)
    }
}

impl Run for Told {
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        self.asked.push(command.to_string());
        let program = command.argv.get(2).map(String::as_str).unwrap_or_default();
        let missing = || Output {
            status: Some(127),
            stdout: String::new(),
            stderr: format!("timeout: failed to run command '{program}': No such file or directory\n"),
        };
        Ok(self.answers.get(program).map_or_else(missing, |(status, stdout)| Output {
            status: Some(*status),
            stdout: stdout.clone(),
            stderr: String::new(),
        }))
    }
}

/// A node's files.
struct Files(TempDir);

impl Files {
    fn put(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn new(plan: &Plan, mountinfo: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let Content::File(plan) = own_plan::file(plan).unwrap().content else { panic!("no file") };
        files
            .put("etc/xbuild/plan.json", str::from_utf8(&plan).unwrap())
            .put("proc/self/mountinfo", mountinfo)
    }

    /// `master1` of the pair, after its first boot.
    fn member() -> Self {
        let profiles = load_profiles(&root()).unwrap();
        let cluster = Cluster::load(&root().join("tests/clusters/seed-b.toml"), &profiles).unwrap();
        let spec = cluster.node("master1", &profiles).unwrap();
        let plan = plan(&spec.layout, &parse_disks("8G,4G").unwrap(), &Seed::node("c", "n")).unwrap();
        let Content::File(cluster) = own_cluster::file(&spec.membership).unwrap().unwrap().content else {
            panic!("no file")
        };
        let mounts = "1 0 8:3 / / rw - ext4 /dev/sda3 rw\n2 1 8:2 / /boot rw - ext4 /dev/sda2 rw\n\
            3 1 147:1 / /XEN rw,noatime - ocfs2 /dev/drbd1 rw\n";
        let files =
            Self::new(&plan, mounts).put("etc/xbuild/cluster.json", str::from_utf8(&cluster).unwrap());
        let files = files.put("proc/drbd", CONNECTED).put("var/lib/xbuild/first-boot.done", "");
        files.put("var/lib/xbuild/fenced/master1", "2026-11-22T00:15:00Z reboot\n")
    }

    fn look(&self, told: &mut Told) -> Report {
        look(&mut Node { name: "master1".to_owned(), root: self.0.path().to_owned(), host: told })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn assert_golden(name: &str, text: &str) {
    let path = root().join("installer/tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == text, "{name} is now:\n{text}");
}

#[test]
fn a_member_in_which_all_is_well() {
    let (files, mut told) = (Files::member(), Told::well());
    let report = files.look(&mut told);
    assert_golden("status-well.txt", &report.to_string());
    assert_golden("status-well.json", &(serde_json::to_string_pretty(&report).unwrap() + "\n"));
    assert!(report.healthy);
    let asked = [
        "timeout 30 corosync-quorumtool -s",
        "timeout 30 corosync-cmapctl -m stats stats.knet.",
        "timeout 30 crm_mon --one-shot --output-as=xml --inactive --fence-history=3",
    ];
    assert_eq!(told.asked, asked);
}

#[test]
fn a_split_brain_with_the_way_out_of_it() {
    let alone = CONNECTED.replace("Connected ro:Primary/Primary", "StandAlone ro:Primary/Unknown");
    let files = Files::member().put("proc/drbd", &alone.replace("/UpToDate C", "/DUnknown  "));
    let report = files.look(&mut Told::well().that("journalctl", 0, SPLIT));
    assert_golden("status-split.txt", &report.to_string());
    assert!(!report.healthy);
}

/// Nothing is left out because something else is broken.
#[test]
fn a_member_of_which_nothing_answers() {
    let files = Files::member().put("proc/drbd", "").put("proc/self/mountinfo", "");
    fs::remove_dir_all(files.0.path().join("var/lib/xbuild")).unwrap();
    let report = files.look(&mut Told::default().that("crm_mon", 102, DOWN));
    assert_golden("status-down.txt", &report.to_string());
    assert!(report.findings.iter().all(|finding| !finding.healthy && finding.hint.is_some()));
}

#[test]
fn a_node_alone_reports_arrays_and_file_systems() {
    let profiles = load_profiles(&root()).unwrap();
    let spec = profiles.resolve("storage").unwrap();
    let plan = plan(&spec.layout, &parse_disks("2x8G,4G").unwrap(), &Seed::node("c", "n")).unwrap();
    let mut files = Files::new(&plan, "1 0 9:127 / / rw - ext4 /dev/md127 rw\n");
    for (number, array) in plan.arrays.iter().enumerate() {
        let degraded = if number == 0 { "1" } else { "0" };
        let kernel = format!("md{}", 127 - number);
        let attributes =
            [("array_state", "clean"), ("raid_disks", "2"), ("degraded", degraded), ("sync_action", "idle")];
        for (name, value) in attributes {
            files = files.put(&format!("sys/block/{kernel}/md/{name}"), &format!("{value}\n"));
        }
        fs::create_dir_all(files.0.path().join("dev/md")).unwrap();
        symlink(format!("../{kernel}"), files.0.path().join("dev/md").join(&array.name)).unwrap();
    }
    let mut told = Told::default();
    let report = files.look(&mut told);
    assert_golden("status-alone.txt", &report.to_string());
    assert!(told.asked.is_empty());
    assert!(report.findings.iter().all(|finding| [Area::Array, Area::Mount].contains(&finding.area)));
}

#[test]
fn a_node_of_somebody_else_says_so() {
    let files = Files(tempfile::tempdir().unwrap()).put("etc/xbuild/cluster.json", "{}");
    let report = files.look(&mut Told::default());
    let subjects: Vec<_> = report.findings.iter().map(|one| (one.area, one.subject.as_str())).collect();
    assert_eq!(subjects, [(Area::Node, "plan"), (Area::Node, "cluster")]);
    assert!(!report.healthy);
}
