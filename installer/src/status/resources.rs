//! What pacemaker runs: what the cluster file wants, and whatever else somebody has added.

use std::collections::{BTreeMap, BTreeSet};

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
    let everywhere = replicated(cluster).chain(imported(cluster)).chain(grouped(cluster));
    copies.chain(everywhere.map(|(name, running)| (name, Wanted { running, promoted: 0 }))).collect()
}

fn replicated(cluster: &Membership) -> impl Iterator<Item = (String, usize)> {
    let volumes = cluster.ocfs2.iter().flat_map(|ocfs2| &ocfs2.volumes);
    volumes.filter(|volume| volume.import.is_none()).filter_map(|volume| {
        let device = cluster.promoted.iter().find(|device| device.name == volume.resource)?;
        Some((format!("{}-mounts", volume.resource), device.primaries as usize))
    })
}

fn imported(cluster: &Membership) -> impl Iterator<Item = (String, usize)> {
    let exports = cluster.exports.iter().filter(|export| !export.importers.is_empty());
    let imports = exports.map(|export| (format!("{}-imports", export.name), export.importers.len()));
    let volumes = cluster.ocfs2.iter().flat_map(|ocfs2| &ocfs2.volumes);
    let mounts = volumes.filter_map(|volume| {
        let export = cluster.export(volume.import.as_ref()?)?;
        Some((format!("{}-mounts", export.name), export.importers.len()))
    });
    imports.chain(mounts)
}

fn grouped(cluster: &Membership) -> impl Iterator<Item = (String, usize)> {
    let users: BTreeSet<&String> = cluster.groups.iter().flat_map(|group| &group.nodes).collect();
    let lockings = (!users.is_empty()).then(|| ("lockings".to_owned(), users.len()));
    let groups = cluster.groups.iter().flat_map(|group| {
        let mounts = group.volumes.iter().filter(|volume| volume.gfs2.is_some());
        let mounts = mounts.map(|volume| format!("{}-{}-mounts", group.name, volume.name));
        let names = mounts.chain([format!("{}-activations", group.name)]);
        names.map(|name| (name, group.nodes.len()))
    });
    lockings.into_iter().chain(groups)
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
        Some(wanted) => running(instances) < wanted.running || promoted(instances) < wanted.promoted,
        None => running(instances) == 0 && !disabled,
    };
    let hint = if disabled {
        format!("it was stopped on purpose: crm resource start {name}")
    } else {
        format!("why: crm_mon -1, crm resource locate {name}, crm configure show type:location")
    };
    is_short.then_some(hint)
}

/// On how many nodes all of it runs: a clone may be one of a group.
fn running(instances: &[&Resource]) -> usize {
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in instances {
        let here = if resource.role == "Stopped" { 0 } else { resource.nodes.len() };
        *nodes.entry(&resource.id).or_default() += here;
    }
    nodes.into_values().min().unwrap_or_default()
}

fn promoted(instances: &[&Resource]) -> usize {
    instances.iter().filter(|resource| resource.role == "Promoted").count()
}

/// `promoted on a, b; stopped`: nodes by what they do. Instances that no node has are told only when there are no others.
fn state(instances: &[&Resource]) -> String {
    let mut roles: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for resource in instances {
        let failed = if resource.failed { " (failed)" } else { "" };
        let blocked = if resource.blocked { " (blocked)" } else { "" };
        let role = format!("{}{failed}{blocked}", resource.role.to_lowercase());
        roles.entry(role).or_default().extend(resource.nodes.iter().map(String::as_str));
    }
    if roles.len() > 1 && roles.get("stopped").is_some_and(BTreeSet::is_empty) {
        roles.remove("stopped");
    }
    let told = |(role, nodes): (String, BTreeSet<&str>)| {
        let nodes: Vec<&str> = nodes.into_iter().collect();
        if nodes.is_empty() { role } else { format!("{role} on {}", nodes.join(", ")) }
    };
    roles.into_iter().map(told).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
