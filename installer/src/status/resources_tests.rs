#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::super::monitor::tests::{ILL, STOPPED, WELL, monitor};
use super::judge;
use crate::model::membership::Membership;

fn cluster() -> Membership {
    let xen = json!({
        "name": "xen", "minor": 1, "nodes": ["master1", "master2"], "primaries": 2, "first_sync": "if-needed",
    });
    let volume = json!({"resource": "xen", "label": "XEN", "mount": "/XEN", "slots": 2});
    let ocfs2 = json!({"name": "ocfs2", "port": 7777, "nodes": [], "o2cb": [], "volumes": [volume]});
    Membership {
        promoted: vec![serde_json::from_value(xen).unwrap()],
        ocfs2: Some(serde_json::from_value(ocfs2).unwrap()),
        ..Membership::default()
    }
}

fn told(xml: &str) -> Vec<String> {
    let findings = judge(&cluster(), &monitor(xml));
    findings.iter().map(|one| format!("{} {}: {}", one.healthy, one.subject, one.state)).collect()
}

fn hints(xml: &str) -> Vec<String> {
    judge(&cluster(), &monitor(xml)).into_iter().filter_map(|one| one.hint).collect()
}

/// A guest besides what the cluster file wants.
fn with_guest(attributes: &str) -> String {
    let guest = format!(
        "<resource id=\"guest\" resource_agent=\"ocf:heartbeat:Xen\" managed=\"true\" {attributes}/>\n  </resources>"
    );
    WELL.replace("</resources>", &guest)
}

#[test]
fn what_runs_everywhere_is_well() {
    let expected =
        ["true xen-copies: promoted on master1, master2", "true xen-mounts: started on master1, master2"];
    assert_eq!(told(WELL), expected);
}

#[test]
fn a_failed_action_is_told_besides_its_resource() {
    let expected = [
        "true xen-copies: promoted on master1, master2",
        "false xen-mounts: started on master2; started (failed) on master1",
        "false xen-mount: on master1: monitor failed, Not running: Simulated action result",
    ];
    assert_eq!(told(ILL), expected);
    assert_eq!(hints(ILL)[0], "crm resource cleanup xen-mount");
}

#[test]
fn what_should_run_and_does_not_is_not_well() {
    assert_eq!(told(STOPPED), ["false xen-copies: stopped", "false xen-mounts: stopped"]);
    let one = WELL.replacen("role=\"Promoted\"", "role=\"Unpromoted\"", 1);
    assert_eq!(told(&one)[0], "false xen-copies: promoted on master2; unpromoted on master1");
    let none = WELL.replace("xen-mounts", "other");
    assert_eq!(told(&none)[0], "false xen-mounts: unknown to pacemaker");
}

#[test]
fn a_guest_that_was_stopped_on_purpose_is_well() {
    let disabled = with_guest("role=\"Stopped\" target_role=\"Stopped\"");
    assert_eq!(told(&disabled)[0], "true guest: stopped");
    assert_eq!(told(&with_guest("role=\"Stopped\""))[0], "false guest: stopped");
    let ours =
        STOPPED.replace("resource id=\"xen-mount\"", "resource id=\"xen-mount\" target_role=\"Stopped\"");
    assert!(hints(&ours).contains(&"it was stopped on purpose: crm resource start xen-mounts".to_owned()));
}

#[test]
fn what_pacemaker_cannot_or_must_not_touch_is_not_well() {
    let blocked = with_guest("role=\"Started\" blocked=\"true\" failed=\"true\"");
    assert_eq!(told(&blocked)[0], "false guest: started (failed) (blocked)");
    let orphaned = with_guest("role=\"Started\" orphaned=\"true\"");
    assert!(hints(&orphaned)[0].ends_with("crm resource cleanup guest"));
    let unmanaged = WELL.replace("managed=\"true\"", "managed=\"false\"");
    assert!(hints(&unmanaged)[0].ends_with("crm resource manage xen-copies"));
}

/// The clone of a group of two, on nodes that are both to have it.
#[test]
fn a_node_that_lacks_a_part_is_short_of_all_of_it() {
    let group = json!({"name": "vgmesh", "devices": [], "nodes": ["mesh1", "mesh2"], "volumes": []});
    let cluster =
        Membership { groups: vec![serde_json::from_value(group).unwrap()], ..Membership::default() };
    let started = |id: &str, node: &str| {
        format!(
            "<resource id=\"{id}\" resource_agent=\"ocf:x:y\" role=\"Started\" managed=\"true\">\
             <node name=\"{node}\"/></resource>"
        )
    };
    let stopped =
        "<resource id=\"vgmesh-activation\" resource_agent=\"ocf:x:y\" role=\"Stopped\" managed=\"true\"/>";
    let told = |lockings: &[(&str, &str)]| {
        let locking: String = lockings.iter().map(|(id, node)| started(id, node)).collect();
        let active = ["mesh2", "mesh1"].map(|node| started("vgmesh-activation", node)).concat();
        let (before, rest) = WELL.split_once("<resources>").unwrap();
        let (_, after) = rest.split_once("</resources>").unwrap();
        let xml = format!(
            "{before}<resources><clone id=\"lockings\"><group id=\"locking:0\">{locking}</group></clone>\
             <clone id=\"vgmesh-activations\">{active}{stopped}</clone></resources>{after}"
        );
        let findings = judge(&cluster, &monitor(&xml));
        findings
            .iter()
            .map(|one| format!("{} {}: {}", one.healthy, one.subject, one.state))
            .collect::<Vec<_>>()
    };
    let both = [("dlm", "mesh1"), ("lvmlockd", "mesh1"), ("dlm", "mesh2"), ("lvmlockd", "mesh2")];
    let activations = "true vgmesh-activations: started on mesh1, mesh2";
    assert_eq!(told(&both), ["true lockings: started on mesh1, mesh2", activations]);
    assert_eq!(told(&both[..3]), ["false lockings: started on mesh1, mesh2", activations]);
    assert_eq!(told(&both[..2]), ["false lockings: started on mesh1", activations]);
}
