//! Whether nodes, networks and profiles fit together.

mod drbd;

use std::net::IpAddr;

use super::{Draft, Network, Nic, Node};
use crate::model::document::Entry;
use crate::model::names;
use crate::model::problem::{Problem, Problems};
use crate::model::resolve::Profiles;

/// Adds everything that does not fit to what is wrong already.
pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    // A network that could not be read would look like one that does not exist.
    let sound = problems.is_empty();
    unique(draft, problems);
    draft.nodes.iter().for_each(|node| profile(node, profiles, problems));
    draft.networks.iter().for_each(|network| gateway(network, problems));
    overlaps(&draft.networks, problems);
    drbd::check(draft, profiles, problems);
    for nic in draft.nodes.iter().flat_map(|node| &node.value.interfaces) {
        let network = draft
            .networks
            .iter()
            .map(|network| &network.value)
            .find(|network| network.name == nic.value.network);
        match network {
            Some(network) => problems.extend(address(nic, network)),
            None if sound => unknown_network(nic, &draft.networks, problems),
            None => {}
        }
    }
}

fn unique(draft: &Draft, problems: &mut Problems) {
    let nodes = draft.nodes.iter().map(|node| (&node.value.name, node.at("name")));
    names::once("node name", "give each node a name of its own", nodes, problems);
    let networks = draft.networks.iter().map(|network| (&network.value.name, network.at("name")));
    names::once("network name", "give each network a name of its own", networks, problems);
    let nics = || draft.nodes.iter().flat_map(|node| &node.value.interfaces);
    let macs = nics().map(|nic| (nic.value.mac, nic.at("mac")));
    names::once("MAC address", "every network card has its own: read it off the card", macs, problems);
    let serials =
        draft.nodes.iter().filter_map(|node| Some((node.value.serial.as_ref()?, node.at("serial"))));
    let way_out = "every machine has its own: read it with `dmidecode -s system-serial-number`";
    names::once("serial number", way_out, serials, problems);
    let addresses = nics().filter_map(|nic| Some((nic.value.address?, nic.at("address"))));
    names::once("address", "give each interface an address of its own", addresses, problems);
    for node in &draft.nodes {
        let what = format!("on node `{}`, network", node.value.name);
        let networks = node.value.interfaces.iter().map(|nic| (&nic.value.network, nic.at("network")));
        names::once(&what, "interfaces are named after their networks: one for each", networks, problems);
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
    let Network { name, subnet, gateway } = &network.value;
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

fn unknown_network(nic: &Entry<Nic>, networks: &[Entry<Network>], problems: &mut Problems) {
    let known = networks.iter().map(|network| network.value.name.as_str());
    names::known("network", nic.value.network.as_str(), nic.at("network"), known, problems);
}

fn address(nic: &Entry<Nic>, network: &Network) -> Option<Problem> {
    let address = nic.value.address?;
    let (message, hint) = misplaced(address, network)?;
    Some(Problem::at(nic.at("address"), message, hint))
}

/// Why a node cannot have an address.
fn misplaced(address: IpAddr, network: &Network) -> Option<(String, String)> {
    let Network { name, subnet, gateway } = network;
    let inside = || format!("take another address of {subnet}, or remove the line for DHCP");
    if !subnet.contains(address) {
        Some((format!("{address} lies outside network `{name}`, which is {subnet}"), inside()))
    } else if !subnet.is_for_machines(address) {
        Some((format!("{address} is the network's own or its broadcast address"), inside()))
    } else if *gateway == Some(address) {
        Some((format!("{address} is the gateway of network `{name}`"), inside()))
    } else {
        None
    }
}
