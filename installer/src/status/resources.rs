//! What pacemaker runs: what the cluster file wants, and whatever else somebody has added.

use std::collections::BTreeMap;

use super::finding::{Area, Finding};
use super::monitor::{Failure, Monitor, Resource};
use crate::model::membership::Membership;

/// How many instances there have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    running: usize,
    promoted: usize,
}

/// Each resource that is no fence device, then each action that has failed.
pub(super) fn judge(cluster: &Membership, monitor: &Monitor) -> Vec<Finding> {
    let wanted = wanted(cluster);
    let mut instances: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in monitor.resources.iter().filter(|resource| !resource.agent.starts_with("stonith:")) {
        instances.entry(resource.inside.as_deref().unwrap_or(&resource.id)).or_default().push(resource);
    }
    let missing = wanted.keys().filter(|name| !instances.contains_key(name.as_str()));
    let mut findings: Vec<Finding> = missing.map(|name| unknown(name)).collect();
    findings.extend(instances.iter().map(|(name, instances)| judge_one(name, instances, wanted.get(*name))));
    findings.extend(monitor.failures.iter().map(failed));
    findings
}

/// As `overlays/cluster/etc/xbuild/cluster.crm.hbs` calls them.
fn wanted(cluster: &Membership) -> BTreeMap<String, Wanted> {
    let copies = cluster.promoted.iter().map(|device| {
        let promoted = device.primaries as usize;
        (format!("{}-copies", device.name), Wanted { running: device.nodes.len(), promoted })
    });
    let volumes = cluster.ocfs2.iter().flat_map(|ocfs2| &ocfs2.volumes);
    let mounts = volumes.filter_map(|volume| {
        let device = cluster.promoted.iter().find(|device| device.name == volume.resource)?;
        let running = device.primaries as usize;
        Some((format!("{}-mounts", volume.resource), Wanted { running, promoted: 0 }))
    });
    copies.chain(mounts).collect()
}

fn unknown(name: &str) -> Finding {
    let hint = "the first boot loads it from /etc/xbuild/cluster.crm; what is loaded: crm configure show";
    Finding::ill(Area::Resource, name, "unknown to pacemaker", hint)
}

fn failed(failure: &Failure) -> Finding {
    let Failure { resource, node, what } = failure;
    let hint = format!(
        "remove the cause, then: crm resource cleanup {resource}; the log: journalctl -u pacemaker on {node}"
    );
    Finding::ill(Area::Resource, resource, format!("on {node}: {what}"), hint)
}

fn judge_one(name: &str, instances: &[&Resource], wanted: Option<&Wanted>) -> Finding {
    let (state, id) = (state(instances), instances.first().map_or(name, |first| first.id.as_str()));
    let any = |what: fn(&Resource) -> bool| instances.iter().any(|resource| what(resource));
    let hint = if any(|resource| resource.orphaned) {
        Some(format!("it is not in the configuration any more: crm resource cleanup {id}"))
    } else if any(|resource| resource.blocked) {
        Some(format!(
            "pacemaker cannot go on: a stop has failed, or fencing. Remove the cause, then: crm resource cleanup {id}"
        ))
    } else if any(|resource| !resource.managed) {
        Some(format!("pacemaker leaves it alone: crm resource manage {name}"))
    } else if any(|resource| resource.failed) {
        Some(format!("crm resource cleanup {id}"))
    } else {
        too_few(name, instances, wanted)
    };
    Finding::judged(Area::Resource, name, state, hint)
}

/// What was stopped on purpose is well, unless the cluster file wants it.
fn too_few(name: &str, instances: &[&Resource], wanted: Option<&Wanted>) -> Option<String> {
    let disabled = instances.iter().any(|resource| resource.disabled);
    let is_short = match wanted {
        Some(wanted) => {
            running(instances).count() < wanted.running || promoted(instances).count() < wanted.promoted
        }
        None => running(instances).count() == 0 && !disabled,
    };
    let hint = if disabled {
        format!("it was stopped on purpose: crm resource start {name}")
    } else {
        format!("why: crm_mon -1, crm resource locate {name}, crm configure show type:location")
    };
    is_short.then_some(hint)
}

fn running<'a>(instances: &'a [&Resource]) -> impl Iterator<Item = &'a Resource> {
    instances.iter().copied().filter(|resource| !resource.nodes.is_empty() && resource.role != "Stopped")
}

fn promoted<'a>(instances: &'a [&Resource]) -> impl Iterator<Item = &'a Resource> {
    instances.iter().copied().filter(|resource| resource.role == "Promoted")
}

/// `Promoted on a, b; Stopped`: nodes by what they do.
fn state(instances: &[&Resource]) -> String {
    let mut roles: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for resource in instances {
        let failed = if resource.failed { " (failed)" } else { "" };
        let blocked = if resource.blocked { " (blocked)" } else { "" };
        let role = format!("{}{failed}{blocked}", resource.role.to_lowercase());
        roles.entry(role).or_default().extend(resource.nodes.iter().map(String::as_str));
    }
    let told = |(role, nodes): (String, Vec<&str>)| match nodes.as_slice() {
        [] => role,
        nodes => format!("{role} on {}", nodes.join(", ")),
    };
    roles.into_iter().map(told).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
