//! What switches nodes off. It counts only when it has really done so once: a password or an address that is wrong shows at
//! the worst moment otherwise.

use super::fenced::{self, Fenced};
use super::finding::{Area, Finding};
use super::monitor::{Monitor, Resource};
use super::node::Node;
use crate::model::membership::{FenceDevice, Membership};

/// Every device; without an answer of pacemaker by what is on file.
pub(super) fn look(node: &Node<'_>, cluster: &Membership, monitor: Option<&Monitor>) -> Vec<Finding> {
    let mut fenced = fenced::read(node);
    let nodes: Vec<&str> = cluster.fencing.iter().map(|device| device.node.as_str()).collect();
    let seen = monitor.map(|monitor| fenced::seen(&monitor.fenced, &nodes, &fenced)).unwrap_or_default();
    let mut findings: Vec<Finding> = fenced::remember(node, &seen).err().map(forgotten).into_iter().collect();
    fenced.extend(seen);
    findings.extend(monitor.filter(|monitor| is_off(cluster, monitor)).map(|_| switched_off()));
    findings.extend(cluster.fencing.iter().map(|device| judge(&node.name, device, monitor, &fenced)));
    findings
}

fn forgotten(error: std::io::Error) -> Finding {
    let state = format!("what was fenced cannot be kept in {}: {error}", fenced::FOLDER);
    Finding::ill(Area::Fencing, "records", state, "as root: systemd-tmpfiles --create xbuild-fenced.conf")
}

fn is_off(cluster: &Membership, monitor: &Monitor) -> bool {
    !cluster.fencing.is_empty() && !monitor.fencing
}

fn switched_off() -> Finding {
    let hint = "crm configure property stonith-enabled=true";
    Finding::ill(Area::Fencing, "stonith-enabled", "false: no node is ever switched off", hint)
}

fn judge(here: &str, device: &FenceDevice, monitor: Option<&Monitor>, fenced: &Fenced) -> Finding {
    let name = format!("fence-{}", device.node);
    let proof = fenced.get(&device.node);
    let proven = match proof {
        Some(when) => format!("has switched {} off: {when}", device.node),
        None => format!("has never switched {} off", device.node),
    };
    let running = match monitor {
        None => Err("nobody knows whether it runs".to_owned()),
        Some(monitor) => place(&name, &monitor.resources),
    };
    let state = format!("{}, {proven}", running.as_ref().unwrap_or_else(|state| state));
    let mut hints = Vec::new();
    if running.is_err() {
        hints.push(format!("why it does not run: crm_mon -1; then: crm resource cleanup {name}"));
    }
    if proof.is_none() {
        hints.push(untried(here, &device.node));
    }
    let hint = (!hints.is_empty()).then(|| hints.join("\n"));
    Finding::judged(Area::Fencing, &name, state, hint)
}

/// Where it runs, or that it does not.
fn place(name: &str, resources: &[Resource]) -> Result<String, String> {
    let resource = resources.iter().find(|resource| resource.id == name).ok_or("unknown to pacemaker")?;
    if resource.role == "Started" && !resource.failed {
        Ok(format!("runs on {}", resource.nodes.join(", ")))
    } else {
        Err(format!("{}{}", resource.role.to_lowercase(), if resource.failed { ", failed" } else { "" }))
    }
}

fn untried(here: &str, node: &str) -> String {
    let elsewhere = if here == node { "on another node" } else { "here" };
    format!(
        "try it while nothing runs on {node}, {elsewhere}: crm node fence {node}; \
         when {node} is back, ask for the status on each node once"
    )
}

#[cfg(test)]
#[path = "fencing_tests.rs"]
mod tests;
