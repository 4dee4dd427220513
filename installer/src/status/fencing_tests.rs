#![allow(clippy::unwrap_used)]

use std::fs;

use super::super::finding::Finding;
use super::super::monitor::tests::{STOPPED, WELL, monitor};
use super::super::node::Node;
use super::look;
use crate::host::Host;
use crate::model::fencing::FenceAgent;
use crate::model::membership::{FenceDevice, Membership};

fn cluster() -> Membership {
    let device = |node: &str| FenceDevice {
        node: node.to_owned(),
        agent: FenceAgent::Ipmi,
        address: None,
        user: None,
        secret: None,
        guest: None,
        timeout: 30,
        delay: 0,
    };
    Membership { fencing: ["master1", "master2"].map(device).to_vec(), ..Membership::default() }
}

/// A node with these files in the folder.
fn findings(files: &[(&str, &str)], xml: Option<&str>) -> (Vec<Finding>, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("var/lib/xbuild/fenced");
    fs::create_dir_all(&folder).unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    let node = Node { name: "master1".to_owned(), root: root.path().to_owned(), host: &mut Host };
    (look(&node, &cluster(), xml.map(monitor).as_ref()), root)
}

fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|one| format!("{} {}: {}", one.healthy, one.subject, one.state)).collect()
}

#[test]
fn a_device_that_has_done_it_once_is_well() {
    let (found, _root) = findings(&[("master1", "2026-11-01T00:00:00Z reboot\n")], Some(WELL));
    let expected = [
        "true fence-master1: runs on master2, has switched master1 off: 2026-11-01T00:00:00Z reboot",
        "true fence-master2: runs on master1, has switched master2 off: 2026-11-22 00:20:00.123456Z reboot",
    ];
    assert_eq!(told(&found), expected);
}

#[test]
fn what_is_seen_in_the_history_is_kept() {
    let (_, root) = findings(&[], Some(WELL));
    let folder = root.path().join("var/lib/xbuild/fenced");
    let kept = fs::read_to_string(folder.join("master2")).unwrap();
    assert_eq!(kept, "2026-11-22 00:20:00.123456Z reboot\n");
    // That a person has said so, or that it was tried, is no proof.
    assert!(!folder.join("master1").exists());
    // What is on file stays as it is.
    let (found, root) = findings(&[("master2", "first")], Some(WELL));
    assert_eq!(fs::read_to_string(root.path().join("var/lib/xbuild/fenced/master2")).unwrap(), "first");
    assert!(found[1].state.ends_with(": first"));
}

#[test]
fn a_device_that_was_never_tried_is_not_well() {
    let (found, _root) = findings(&[], Some(WELL));
    assert_eq!(told(&found)[0], "false fence-master1: runs on master2, has never switched master1 off");
    assert!(found[0].hint.as_deref().unwrap().contains("on another node: crm node fence master1;"));
}

#[test]
fn a_device_that_does_not_run_is_not_well() {
    let files = [("master1", "a"), ("master2", "b")];
    let (found, _root) = findings(&files, Some(STOPPED));
    assert_eq!(told(&found)[0], "false fence-master1: stopped, has switched master1 off: a");
    let (found, _root) = findings(&files, None);
    assert_eq!(
        told(&found)[1],
        "false fence-master2: nobody knows whether it runs, has switched master2 off: b"
    );
    let off = WELL.replace("stonith-enabled=\"true\"", "stonith-enabled=\"false\"");
    let (found, _root) = findings(&files, Some(&off));
    assert_eq!(told(&found)[0], "false stonith-enabled: false: no node is ever switched off");
}

#[test]
fn without_the_folder_it_says_so() {
    let root = tempfile::tempdir().unwrap();
    let node = Node { name: "master1".to_owned(), root: root.path().to_owned(), host: &mut Host };
    let found = look(&node, &cluster(), Some(&monitor(WELL)));
    assert_eq!(found[0].subject, "records");
    assert!(!found[0].healthy);
}
