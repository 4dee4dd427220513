//! Whether replicated devices fit to the nodes that have them, and to each other.

use super::super::{Draft, Node};
use crate::model::document::Entry;
use crate::model::drbd::Drbd;
use crate::model::names;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::resolve::Profiles;
use crate::model::storage::{Carrier, Layout};
use crate::model::value::Placed;
use crate::model::words::Hostname;

pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    unique(&draft.drbd, problems);
    for device in &draft.drbd {
        for node in &device.value.nodes {
            let found = draft.nodes.iter().find(|known| known.value.name == node.value);
            match found {
                Some(found) => {
                    problems.extend(address(device, &found.value, &node.place));
                    problems.extend(backing(device, &found.value, profiles));
                }
                None => {
                    let known = draft.nodes.iter().map(|known| known.value.name.as_str());
                    names::known("node", node.value.as_str(), node.place.clone(), known, problems);
                }
            }
        }
    }
}

/// Minors and ports could be the same on other pairs of nodes; but then one number would mean two things in one cluster.
fn unique(devices: &[Entry<Drbd>], problems: &mut Problems) {
    let names = devices.iter().map(|device| (&device.value.name, device.at("name")));
    names::once("DRBD resource", "give each resource a name of its own", names, problems);
    let minors = devices.iter().map(|device| (device.value.minor, device.at("minor")));
    names::once("DRBD minor", "`/dev/drbdMINOR` is one device: take the next free number", minors, problems);
    let ports = devices.iter().map(|device| (device.value.port, device.at("port")));
    names::once(
        "DRBD port",
        "each resource has a connection of its own: take the next free port",
        ports,
        problems,
    );
    for device in devices {
        let nodes = device.value.nodes.iter().map(|node| (&node.value, node.place.clone()));
        names::once("node", "name the two nodes that have a copy each", nodes, problems);
    }
    for (at, device) in devices.iter().enumerate() {
        if let Some(first) = devices[..at].iter().find(|first| shares_backing(&first.value, &device.value)) {
            let message =
                format!("`{}` carries a device already: {}", device.value.backing, first.at("backing"));
            let hint = "a partition or volume carries one device";
            problems.push(Problem::at(device.at("backing"), message, hint));
        }
    }
}

fn shares_backing(one: &Drbd, other: &Drbd) -> bool {
    let there = |node: &Placed<Hostname>| other.nodes.iter().any(|other| other.value == node.value);
    one.backing == other.backing && one.nodes.iter().any(there)
}

fn address(device: &Entry<Drbd>, node: &Node, place: &Place) -> Option<Problem> {
    let network = &device.value.network;
    let nic = node.interfaces.iter().find(|nic| nic.value.is_in(network));
    let message = match nic {
        None => format!("node `{}` has no interface in network `{network}`", node.name),
        Some(nic) if nic.value.address.is_none() => {
            format!("node `{}` has no fixed address in network `{network}`", node.name)
        }
        Some(_) => return None,
    };
    let hint = format!("give it a `[[node.interface]]` with `network = \"{network}\"` and an `address`");
    Some(Problem::at(place.clone(), message, hint))
}

/// What is wrong with a profile is told with the node.
fn backing(device: &Entry<Drbd>, node: &Node, profiles: &Profiles) -> Option<Problem> {
    let layout = profiles.resolve(node.profile.as_str()).ok()?.layout;
    let raw = raw(&layout);
    let backing = &device.value.backing;
    if raw.contains(backing) {
        return None;
    }
    let message =
        format!("node `{}` has no `{backing}` that its profile `{}` leaves to DRBD", node.name, node.profile);
    let hint = match raw.as_slice() {
        [] => format!("give a partition or volume of profile `{}` the line `drbd = true`", node.profile),
        raw => {
            let raw: Vec<String> = raw.iter().map(|raw| format!("`{raw}`")).collect();
            format!("the profile has {}", raw.join(", "))
        }
    };
    Some(Problem::at(device.at("backing"), message, hint))
}

/// What a layout leaves to DRBD, if there is one of it.
fn raw(layout: &Layout) -> Vec<Carrier> {
    let partitions = layout.partitions.iter().filter(|rule| rule.drbd && layout.may_have_one(&rule.disks));
    let partitions = partitions.map(|rule| Carrier::Partition(rule.name.clone()));
    let volumes = layout.logical_volumes.iter().filter(|rule| rule.drbd);
    let volumes = volumes.map(|rule| Carrier::Volume { group: rule.group.clone(), name: rule.name.clone() });
    partitions.chain(volumes).collect()
}
