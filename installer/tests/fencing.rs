//! What pacemaker's alerts leave behind, and what DRBD's handler reads.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// What is in the folder after an alert with these words.
fn left(kind: &str, rc: &str, node: &str, desc: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../overlays/cluster/usr/local/sbin/xbuild-fence-event");
    let environment = [
        ("CRM_alert_kind", kind),
        ("CRM_alert_rc", rc),
        ("CRM_alert_node", node),
        ("CRM_alert_desc", desc),
        ("CRM_alert_task", "st_notify_fence"),
        ("CRM_alert_timestamp_epoch", "1795306800"),
    ];
    let mut command = Command::new("sh");
    command.arg(script).envs(environment).env("CRM_alert_recipient", folder.path());
    assert!(command.status().unwrap().success());
    let text = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        format!("{}: {}", entry.file_name().display(), text.trim_end())
    };
    fs::read_dir(folder.path()).unwrap().map(|entry| text(entry.unwrap())).collect()
}

fn described(action: &str, by: &str) -> String {
    format!("Operation {action} of master2 by {by} for pacemaker-controld.812@master1: OK (ref=1-2-3)")
}

#[test]
fn a_node_that_was_switched_off_is_kept() {
    let kept = |action| left("fencing", "0", "master2", &described(action, "master1"));
    assert_eq!(kept("reboot"), ["master2: 2026-11-22T00:20:00Z reboot"]);
    assert_eq!(kept("off"), ["master2: 2026-11-22T00:20:00Z off"]);
}

#[test]
fn what_proves_nothing_is_not_kept() {
    let nothing = Vec::<String>::new();
    assert_eq!(left("fencing", "0", "master2", &described("off", "a human")), nothing);
    assert_eq!(left("fencing", "0", "master2", &described("on", "master1")), nothing);
    assert_eq!(left("fencing", "-62", "master2", &described("reboot", "master1")), nothing);
    assert_eq!(left("node", "0", "master2", "lost"), nothing);
    assert_eq!(left("fencing", "0", "../master2", &described("reboot", "master1")), nothing);
    assert_eq!(left("fencing", "0", "", ""), nothing);
}

/// What `crm-fence-peer.sh` reads of a node's state: `cibadmin --query` of pacemaker 3.0.0, cut to what it looks at.
fn read(state: &str) -> String {
    let words =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../overlays/cluster/usr/lib/xbuild/fence-peer/words.sed");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), state).unwrap();
    let output = Command::new("sed").arg("-E").arg("-f").args([&words, file.path()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn states_of_nodes_are_read_in_the_words_of_old() {
    let state =
        |words: &str| format!("    <node_state id=\"2\" uname=\"master2\" {words} expected=\"down\">\n");
    for (new, old) in [
        ("in_ccm=\"0\" crmd=\"0\"", "in_ccm=\"false\" crmd=\"offline\""),
        ("in_ccm=\"1795306800\" crmd=\"0\"", "in_ccm=\"true\" crmd=\"offline\""),
        ("in_ccm=\"1795306800\" crmd=\"1795306801\"", "in_ccm=\"true\" crmd=\"online\""),
        ("in_ccm=\"false\" crmd=\"offline\"", "in_ccm=\"false\" crmd=\"offline\""),
    ] {
        assert_eq!(read(&state(new)), state(old));
    }
    let other = "<lrm_resource in_ccm=\"0\" crmd=\"0\"/>\n";
    assert_eq!(read(other), other);
}
