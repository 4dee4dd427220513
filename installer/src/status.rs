//! `xinstall status`: whether this node is well, and the way out where it is not.
//!
//! Each area has a room: a parser of what the kernel or a program says, and a judge over what it has parsed. Only
//! [`Node`] touches the machine. What cannot be read or asked is a finding like any other.

mod arrays;
mod drbd;
mod exports;
mod fenced;
mod fencing;
mod finding;
mod first_boot;
mod members;
mod monitor;
mod mounts;
mod node;
mod quorum;
mod report;
mod resources;
mod split_brain;

pub use self::finding::{Area, Finding};
pub use self::node::Node;
pub use self::report::Report;

use crate::model::membership::Membership;
use crate::plan::Plan;
use crate::{own_cluster, own_plan};

use self::monitor::Monitor;

/// Nobody else has this node's plan.
const ITSELF: &str =
    "without it nobody knows what belongs to this node: take it from a backup, or install the node anew";
/// All members have the same file.
const THE_SAME: &str = "copy it from another member";

/// Looks at everything that this node ought to have.
pub fn look(node: &mut Node<'_>) -> Report {
    let mut findings = Vec::new();
    let plan = own_plan::read(&node.path(own_plan::PATH)).map_err(|error| unreadable("plan", &error, ITSELF));
    let cluster = own_cluster::read(&node.path(own_cluster::PATH))
        .map_err(|error| unreadable("cluster", &error, THE_SAME));
    match &plan {
        Ok(plan) => findings.extend(planned(node, plan)),
        Err(finding) => findings.push(finding.clone()),
    }
    match &cluster {
        Ok(Some(cluster)) => findings.extend(shared(node, cluster)),
        Ok(None) => {}
        Err(finding) => findings.push(finding.clone()),
    }
    Report::new(&node.name, findings)
}

/// What every node has, be it alone or not.
fn planned(node: &Node<'_>, plan: &Plan) -> Vec<Finding> {
    let mut findings = arrays::look(node, plan);
    findings.extend(mounts::of_plan(node, plan));
    findings
}

/// What a member of a cluster has.
fn shared(node: &mut Node<'_>, cluster: &Membership) -> Vec<Finding> {
    let mut findings: Vec<Finding> = first_boot::look(node, cluster).into_iter().collect();
    let minors = drbd::minors(node);
    findings.extend(drbd::look(node, cluster, &minors));
    findings.extend(exports::look(node, cluster));
    findings.extend(mounts::of_cluster(node, cluster, &minors));
    findings.extend(quorum::look(node, cluster));
    let monitor = monitor::ask(node);
    findings.extend(fencing::look(node, cluster, monitor.as_ref().ok()));
    match monitor {
        Ok(monitor) => findings.extend(managed(cluster, &monitor)),
        Err(finding) => findings.push(finding),
    }
    findings
}

/// What pacemaker says.
fn managed(cluster: &Membership, monitor: &Monitor) -> Vec<Finding> {
    let mut findings = members::judge(cluster, monitor);
    findings.extend(resources::judge(cluster, monitor));
    findings
}

fn unreadable(what: &str, error: &anyhow::Error, hint: &str) -> Finding {
    Finding::ill(Area::Node, what, format!("{error:#}"), hint)
}
