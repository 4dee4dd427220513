//! Whether what is exported is there, and no export is in the way of another one.

use super::super::{Draft, Network, Node};
use crate::model::document::Entry;
use crate::model::drbd::{Drbd, Primaries};
use crate::model::export::{Export, Exported, Protocol};
use crate::model::names;
use crate::model::problem::{Problem, Problems};
use crate::model::resolve::Profiles;
use crate::model::storage::Carrier;
use crate::model::words::Hostname;

pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    let exports = &draft.exports;
    let names = exports.iter().map(|export| (&export.value.name, export.at("name")));
    names::once("export", "give each export a name of its own", names, problems);
    let places = exports.iter().filter_map(|export| match &export.value.protocol {
        Protocol::Aoe { shelf, slot } => Some((format!("{shelf}.{slot}"), export.at("slot"))),
        Protocol::Nbd { .. } => None,
    });
    names::once("shelf.slot", "initiators know a device by it: take the next free slot", places, problems);
    let addresses = exports.iter().filter_map(|export| match &export.value.protocol {
        Protocol::Aoe { .. } => None,
        Protocol::Nbd { port, address } => Some((format!("{address} port {port}"), export.at("address"))),
    });
    names::once("NBD address", "give each export an address or a port of its own", addresses, problems);
    for export in exports {
        network(export, draft, problems);
        device(export, draft, profiles, problems);
        problems.extend(importers(export, draft));
    }
    problems.extend(one_network_of_aoe(exports));
}

/// Nodes that have the device.
pub(super) fn exporters<'a>(export: &'a Export, draft: &'a Draft) -> Vec<&'a Node> {
    let names: Vec<_> = match &export.on {
        Exported::Drbd(name) => {
            let device = draft.drbd.iter().find(|device| device.value.name.as_str() == name);
            device.into_iter().flat_map(|device| &device.value.nodes).map(|node| &node.value).collect()
        }
        Exported::Local(_) => export.node.iter().map(|node| &node.value).collect(),
    };
    draft.nodes.iter().map(|node| &node.value).filter(|node| names.contains(&&node.name)).collect()
}

/// Whoever exports must be in the network, and somebody else too.
fn importers(export: &Entry<Export>, draft: &Draft) -> Option<Problem> {
    let network = &export.value.network;
    if draft.networks.iter().all(|known| known.value.name != *network) {
        return None;
    }
    let exporters = exporters(&export.value, draft);
    let (message, hint) = if let Some(node) = exporters.iter().find(|node| !node.is_in(network)) {
        (
            format!("node `{}` has the device, and no interface in network `{network}`", node.name),
            format!("give it a `[[node.interface]]` with `network = \"{network}\"`"),
        )
    } else if draft.nodes.iter().filter(|node| node.value.is_in(network)).count() <= exporters.len() {
        let hint =
            format!("give those that shall import it a `[[node.interface]]` with `network = \"{network}\"`");
        (format!("no other node is in network `{network}`"), hint)
    } else {
        return None;
    };
    Some(Problem::at(export.at("network"), message, hint))
}

/// The kernel is told one.
fn one_network_of_aoe(exports: &[Entry<Export>]) -> Option<Problem> {
    let mut aoe = exports.iter().filter(|export| matches!(export.value.protocol, Protocol::Aoe { .. }));
    let first = aoe.next()?;
    let other = aoe.find(|export| export.value.network != first.value.network)?;
    let message = format!(
        "AoE over `{}` here, and over `{}` at {}",
        other.value.network,
        first.value.network,
        first.at("network")
    );
    Some(Problem::at(other.at("network"), message, "let all exports by AoE be in one network"))
}

fn network(export: &Entry<Export>, draft: &Draft, problems: &mut Problems) {
    let named = &export.value.network;
    let Some(network) = draft.networks.iter().find(|network| network.value.name == *named) else {
        let known = draft.networks.iter().map(|network| network.value.name.as_str());
        return names::known("network", named.as_str(), export.at("network"), known, problems);
    };
    if let Protocol::Nbd { address, .. } = export.value.protocol {
        let message = virtual_address(&network.value, draft, address);
        let hint = "take an address of that network that no machine has: it moves with the export";
        problems.extend(message.map(|message| Problem::at(export.at("address"), message, hint)));
    }
}

/// What is wrong with the address of an export.
fn virtual_address(network: &Network, draft: &Draft, address: std::net::IpAddr) -> Option<String> {
    let nics = |node: &Node| node.interfaces.iter().any(|nic| nic.value.address == Some(address));
    if let Some(node) = draft.nodes.iter().find(|node| nics(&node.value)) {
        return Some(format!("{address} is the address of node `{}`", node.value.name));
    }
    if network.gateway == Some(address) {
        return Some(format!("{address} is the gateway of network `{}`", network.name));
    }
    let outside = !network.subnet.is_for_machines(address);
    outside.then(|| {
        format!("{address} is no machine's address in network `{}` ({})", network.name, network.subnet)
    })
}

fn device(export: &Entry<Export>, draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    match &export.value.on {
        Exported::Drbd(name) => match draft.drbd.iter().find(|device| device.value.name.as_str() == name) {
            Some(device) if device.value.primaries == Primaries::Both => {
                let message =
                    format!("`{name}` is primary on both nodes, and an export is where the primary is");
                let hint = format!("remove `primaries` from `[[drbd]]` `{name}`");
                problems.push(Problem::at(export.at("on"), message, hint));
            }
            Some(_) => {}
            None => {
                let known = draft.drbd.iter().map(|device| device.value.name.as_str());
                names::known("DRBD resource", name, export.at("on"), known, problems);
            }
        },
        Exported::Local(carrier) => {
            let Some(owner) = &export.value.node else { return };
            let Some(node) = draft.nodes.iter().find(|node| node.value.name == owner.value) else {
                let known = draft.nodes.iter().map(|node| node.value.name.as_str());
                return names::known("node", owner.value.as_str(), owner.place.clone(), known, problems);
            };
            let Ok(profile) = profiles.resolve(node.value.profile.as_str()) else { return };
            if !profile.layout.has(carrier) {
                let message = format!("node `{}` has no `{carrier}`", node.value.name);
                let hint =
                    format!("`xbuild plan --profile {}` shows what its profile makes", node.value.profile);
                problems.push(Problem::at(export.at("on"), message, hint));
            } else if let Some(mount) = profile.layout.filesystems.iter().find(|rule| rule.on == *carrier) {
                let message = format!("`{carrier}` carries `{}` of the node itself", mount.label);
                problems.push(Problem::at(export.at("on"), message, "export what nothing else is on"));
            } else if let Some(device) =
                draft.drbd.iter().find(|device| backs(&device.value, carrier, &owner.value))
            {
                let name = &device.value.name;
                let message = format!("`{carrier}` carries `{name}`, which DRBD replicates");
                let hint = format!("export that instead: `on = \"drbd:{name}\"`");
                problems.push(Problem::at(export.at("on"), message, hint));
            }
        }
    }
}

fn backs(device: &Drbd, carrier: &Carrier, node: &Hostname) -> bool {
    device.backing == *carrier && device.nodes.iter().any(|other| other.value == *node)
}
