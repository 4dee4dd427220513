//! Whether nodes, networks and profiles fit together.

mod drbd;
mod export;
mod fencing;
mod gfs2;
mod interfaces;
mod lvm;
mod membership;
mod mounts;
mod ocfs2;
mod packages;
mod timing;

use super::interface::{Interface, Port};
use super::{Draft, Network, Node};
use crate::model::document::Entry;
use crate::model::names;
use crate::model::network::Mac;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::resolve::Profiles;

/// Adds everything that does not fit to what is wrong already.
pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    // What could not be read would look like something that does not exist.
    let sound = problems.is_empty();
    unique(draft, problems);
    draft.nodes.iter().for_each(|node| profile(node, profiles, problems));
    draft.networks.iter().for_each(|network| gateway(network, problems));
    overlaps(&draft.networks, problems);
    drbd::check(draft, profiles, problems);
    export::check(draft, profiles, problems);
    membership::check(draft, sound, problems);
    fencing::check(draft, sound, problems);
    ocfs2::check(draft, problems);
    lvm::check(draft, profiles, problems);
    gfs2::check(draft, sound, problems);
    mounts::check(draft, profiles, problems);
    if sound {
        timing::check(draft, problems);
    }
    for node in &draft.nodes {
        interfaces::check(&node.value, &draft.networks, sound, problems);
    }
    if problems.is_empty() {
        packages::check(draft, profiles, problems);
    }
}

fn unique(draft: &Draft, problems: &mut Problems) {
    let nodes = draft.nodes.iter().map(|node| (&node.value.name, node.at("name")));
    names::once("node name", "give each node a name of its own", nodes, problems);
    let networks = draft.networks.iter().map(|network| (&network.value.name, network.at("name")));
    names::once("network name", "give each network a name of its own", networks, problems);
    let interfaces = || draft.nodes.iter().flat_map(|node| &node.value.interfaces);
    names::once(
        "MAC address",
        "every network card has its own: read it off the card",
        interfaces().flat_map(cards),
        problems,
    );
    let serials =
        draft.nodes.iter().filter_map(|node| Some((node.value.serial.as_ref()?, node.at("serial"))));
    let way_out = "every machine has its own: read it with `dmidecode -s system-serial-number`";
    names::once("serial number", way_out, serials, problems);
    let addresses =
        interfaces().filter_map(|interface| Some((interface.value.address?, interface.at("address"))));
    names::once("address", "give each interface an address of its own", addresses, problems);
}

fn cards(interface: &Entry<Interface>) -> Vec<(Mac, Place)> {
    match &interface.value.port {
        Port::Card(mac) => vec![(*mac, interface.at("mac"))],
        Port::Bond { macs, .. } => macs.iter().map(|mac| (mac.value, mac.place.clone())).collect(),
        Port::Vlan { .. } => vec![],
    }
}

/// What is wrong inside a profile is told with the profile.
fn profile(node: &Entry<Node>, profiles: &Profiles, problems: &mut Problems) {
    let name = node.value.profile.as_str();
    let told = profiles.names().any(|other| other == name) && !profiles.is_whole(name);
    if let (false, Err(Problem { message, hint, .. })) = (told, profiles.resolve(name)) {
        problems.push(Problem::at(node.at("profile"), message, hint));
    }
}

fn gateway(network: &Entry<Network>, problems: &mut Problems) {
    let Network { name, subnet, gateway, .. } = &network.value;
    if let Some(gateway) = gateway.filter(|gateway| !subnet.is_for_machines(*gateway)) {
        let message = format!("gateway {gateway} is no machine's address in {subnet}");
        let hint = format!("take an address inside the subnet of network `{name}`");
        problems.push(Problem::at(network.at("gateway"), message, hint));
    }
}

fn overlaps(networks: &[Entry<Network>], problems: &mut Problems) {
    for (at, network) in networks.iter().enumerate() {
        let subnet = network.value.subnet;
        if let Some(first) = networks[..at].iter().find(|first| first.value.subnet.overlaps(subnet)) {
            let message = format!("subnet {subnet} overlaps that of network `{}`", first.value.name);
            problems.push(Problem::at(
                network.at("subnet"),
                message,
                "give each network addresses of its own",
            ));
        }
    }
}
