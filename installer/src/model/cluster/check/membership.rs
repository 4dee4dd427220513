//! Whether corosync and pacemaker can work with what is said of them.

use super::super::{Draft, Network, Node};
use crate::model::document::Entry;
use crate::model::drbd::Primaries;
use crate::model::names;
use crate::model::number::NodeNumber;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::value::Placed;
use crate::model::words::NetworkName;

pub(super) fn check(draft: &Draft, sound: bool, problems: &mut Problems) {
    let numbers = draft.nodes.iter().filter_map(|node| Some((number(node)?, node.at("number"))));
    names::once(
        "node number",
        "give each node a number of its own, and never another one",
        numbers,
        problems,
    );
    let Some(corosync) = &draft.high_availability.corosync else {
        if sound {
            needs_members(draft, problems);
        }
        return;
    };
    let networks = &corosync.value.networks;
    names::once("link", "each link is a network of its own", networks.iter().map(placed), problems);
    for network in networks {
        link(network, draft, problems);
    }
    for node in draft.nodes.iter().filter(|node| sound && node.value.number.is_none()) {
        let message = format!("node `{}` has no number", node.value.name);
        let hint =
            "add a line such as `number = 1`: corosync and OCFS2 know it by that, so it must never change";
        problems.push(Problem::at(node.at("number"), message, hint));
    }
    if let [node] = draft.nodes.as_slice() {
        let message = format!("`{}` is the only node, and a cluster needs two", node.value.name);
        problems.push(Problem::at(
            corosync.at("networks"),
            message,
            "add the other nodes, or remove `[corosync]`",
        ));
    }
}

fn number(node: &Entry<Node>) -> Option<NodeNumber> {
    node.value.number
}

fn placed(network: &Placed<NetworkName>) -> (&NetworkName, Place) {
    (&network.value, network.place.clone())
}

/// What works only in a cluster that knows its members.
fn needs_members(draft: &Draft, problems: &mut Problems) {
    let parts = &draft.high_availability;
    let pacemaker = parts.pacemaker.as_ref().map(|entry| ("pacemaker", entry.at("")));
    let fencing = parts.fencing.as_ref().map(|entry| ("fencing", entry.at("")));
    let ocfs2 = parts.ocfs2.as_ref().map(|entry| ("ocfs2", entry.at("")));
    let lvm = parts.lvm.as_ref().map(|entry| ("lvm", entry.at("")));
    let gfs2 = parts.gfs2.as_ref().map(|entry| ("gfs2", entry.at("")));
    for (table, place) in [pacemaker, fencing, ocfs2, lvm, gfs2].into_iter().flatten() {
        let message = format!("`[{table}]` in a cluster whose members do not know each other");
        problems.push(Problem::at(place, message, "add `[corosync]` with `networks = [\"lan\"]`"));
    }
    for export in &draft.exports {
        let message = format!("`{}` in a cluster whose members do not know each other", export.value.name);
        problems.push(Problem::at(
            export.at("name"),
            message,
            "add `[corosync]` with `networks = [\"lan\"]`",
        ));
    }
    for device in draft.drbd.iter().filter(|device| device.value.primaries == Primaries::Both) {
        let message = format!(
            "`{}` has two primaries, and nothing that stops them when they lose each other",
            device.value.name
        );
        let hint = "add `[corosync]` and `[fencing]`, or remove `primaries`: a split brain would be certain";
        problems.push(Problem::at(device.at("primaries"), message, hint));
    }
}

fn link(network: &Placed<NetworkName>, draft: &Draft, problems: &mut Problems) {
    let known = draft.networks.iter().map(|known: &Entry<Network>| known.value.name.as_str());
    if known.clone().all(|known| known != network.value.as_str()) {
        return names::known("network", network.value.as_str(), network.place.clone(), known, problems);
    }
    for node in draft.nodes.iter().filter(|node| node.value.address_in(&network.value).is_none()) {
        let message =
            format!("node `{}` has no fixed address in network `{}`", node.value.name, network.value);
        let hint =
            format!("give it a `[[node.interface]]` with `network = \"{}\"` and an `address`", network.value);
        problems.push(Problem::at(network.place.clone(), message, hint));
    }
}
