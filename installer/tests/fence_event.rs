//! What pacemaker's alerts leave behind.
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
