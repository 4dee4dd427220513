//! What `crm_mon` of pacemaker 3.0.0 says of the pair of `tests/clusters/seed-b.toml` in `crm_simulate`; the history of
//! fencings is by hand.
#![allow(clippy::unwrap_used)]

use super::{Monitor, command, parse, reason};

pub(in super::super) const WELL: &str = include_str!("../../tests/status/well.xml");
pub(in super::super) const ILL: &str = include_str!("../../tests/status/ill.xml");
pub(in super::super) const STOPPED: &str = include_str!("../../tests/status/stopped.xml");
const DOWN: &str = include_str!("../../tests/status/down.xml");

/// Of what somebody else's test needs.
pub(in super::super) fn monitor(text: &str) -> Monitor {
    parse(text).unwrap()
}

#[test]
fn everything_is_asked_with_one_command() {
    let expected = "timeout 30 crm_mon --one-shot --output-as=xml --inactive --fence-history=3";
    assert_eq!(command().to_string(), expected);
}

#[test]
fn a_cluster_is_read_with_all_that_it_runs() {
    let monitor = monitor(WELL);
    assert!(monitor.fencing && !monitor.maintenance && !monitor.stop_all);
    let nodes: Vec<_> =
        monitor.nodes.iter().map(|node| (node.name.as_str(), node.online, node.unclean)).collect();
    assert_eq!(nodes, [("master1", true, false), ("master2", true, false)]);
    let told = |resource: &super::Resource| {
        let inside = resource.inside.as_deref().unwrap_or("-");
        format!("{} {inside} {} {}", resource.id, resource.role, resource.nodes.join(" "))
    };
    let expected = [
        "fence-master1 - Started master2",
        "fence-master2 - Started master1",
        "xen-drbd xen-copies Promoted master1",
        "xen-drbd xen-copies Promoted master2",
        "xen-mount xen-mounts Started master1",
        "xen-mount xen-mounts Started master2",
    ];
    assert_eq!(monitor.resources.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(
        monitor.resources.iter().all(|resource| resource.managed && !resource.disabled && !resource.failed)
    );
    assert_eq!(monitor.failures, []);
}

#[test]
fn failures_are_read_with_their_reason() {
    let monitor = monitor(ILL);
    let failure = &monitor.failures[0];
    assert_eq!((failure.resource.as_str(), failure.node.as_str()), ("xen-mount", "master1"));
    assert_eq!(failure.what, "monitor failed, Not running: Simulated action result");
}

#[test]
fn fencings_are_read_with_who_has_done_them() {
    let told = |event: &super::FenceEvent| {
        format!("{} {} {} by {}", event.action, event.target, event.succeeded, event.delegate)
    };
    let events: Vec<_> = monitor(WELL).fenced.iter().map(told).collect();
    let expected =
        ["reboot master2 true by master1", "off master1 true by a human", "reboot master1 false by master2"];
    assert_eq!(events, expected);
}

#[test]
fn a_pacemaker_that_is_down_says_so() {
    assert_eq!(reason(DOWN).unwrap(), "Connection to cluster failed: Connection refused");
    assert_eq!(parse(DOWN).unwrap_err(), "it has no cluster_options");
    assert!(parse("").is_err());
    assert_eq!(reason("crm_mon: not found"), None);
}
