//! Whether the profiles of nodes bring the programs that their part in the cluster needs.

use super::super::{Draft, Node};
use super::export::exporters;
use super::lvm::users;
use crate::model::document::Entry;
use crate::model::export::Protocol;
use crate::model::fencing::FenceAgent;
use crate::model::problem::{Problem, Problems};
use crate::model::resolve::Profiles;

/// A package, and what needs it.
type Need = (&'static str, String);

pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    problems.extend(draft.nodes.iter().filter_map(|node| lacking(node, draft, profiles)));
}

fn lacking(node: &Entry<Node>, draft: &Draft, profiles: &Profiles) -> Option<Problem> {
    let profile = profiles.resolve(node.value.profile.as_str()).ok()?;
    let brings =
        |package: &str| profile.layers.iter().any(|layer| layer.packages.iter().any(|own| own == package));
    let (package, because) = needs(&node.value, draft).into_iter().find(|(package, _)| !brings(package))?;
    let message = format!(
        "node `{}` needs the package `{package}` {because}, and its profile `{}` does not have it",
        node.value.name, node.value.profile
    );
    let hint = "add it to `packages` of the profile, or take another profile";
    Some(Problem::at(node.at("profile"), message, hint))
}

fn needs(node: &Node, draft: &Draft) -> Vec<Need> {
    let parts = &draft.high_availability;
    let mut needs = Vec::new();
    let mut copies = draft.drbd.iter().flat_map(|device| &device.value.nodes);
    if copies.any(|name| name.value == node.name) {
        needs.push(("drbd-utils", "for DRBD".to_owned()));
    }
    if parts.corosync.is_some() {
        needs.extend(["corosync", "pacemaker", "crmsh"].map(|package| (package, "as a member".to_owned())));
    }
    if let Some(fencing) = &parts.fencing {
        let own = draft.nodes.iter().filter_map(|node| node.value.fencing.as_ref()?.value.agent);
        needs.extend(own.chain([fencing.value.agent]).map(|used| (agent(used), "to fence".to_owned())));
    }
    if parts.ocfs2.is_some() {
        needs.push(("ocfs2-tools", "for OCFS2".to_owned()));
    }
    for export in draft.exports.iter().map(|export| &export.value) {
        if exporters(export, draft).iter().any(|exporter| exporter.name == node.name) {
            let server = match export.protocol {
                Protocol::Aoe { .. } => "vblade",
                Protocol::Nbd { .. } => "nbd-server",
            };
            needs.push((server, format!("to export `{}`", export.name)));
        }
    }
    let groups = parts.lvm.iter().flat_map(|lvm| &lvm.value.groups).map(|group| &group.value);
    for group in groups.filter(|group| users(group, draft).iter().any(|user| user.name == node.name)) {
        let mut packages = vec!["lvm2-lockd", "dlm-controld"];
        packages.extend(parts.gfs2.as_ref().map(|_| "gfs2-utils"));
        needs.extend(packages.into_iter().map(|package| (package, format!("for `{}`", group.name))));
    }
    needs
}

const fn agent(agent: FenceAgent) -> &'static str {
    match agent {
        FenceAgent::Ipmi => "fence-agents-ipmilan",
        FenceAgent::Redfish => "fence-agents-redfish",
        FenceAgent::Virt => "fence-virt",
    }
}
