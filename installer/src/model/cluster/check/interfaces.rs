//! Whether the interfaces of a node fit together, and into their networks.

use std::net::IpAddr;

use super::{Interface, Network, Node, Port};
use crate::model::document::Entry;
use crate::model::link::Mtu;
use crate::model::names;
use crate::model::problem::{Problem, Problems};

/// The kernel's limit (`IFNAMSIZ`).
const LONGEST_NAME: usize = 15;

/// Adds what does not fit. What could not be read looks like what does not exist: such things are told only where all
/// of the file was `sound`.
pub(super) fn check(node: &Node, networks: &[Entry<Network>], sound: bool, problems: &mut Problems) {
    let of = |interface: &Interface| {
        let all = networks.iter().map(|network| &network.value);
        all.filter(|_| interface.in_network).find(|network| network.name == interface.name)
    };
    device_names(node, problems);
    vlan_ids(node, problems);
    for interface in &node.interfaces {
        match of(&interface.value) {
            Some(network) => problems.extend(address(interface, network)),
            None if sound && interface.value.in_network => unknown_network(interface, networks, problems),
            None => {}
        }
        problems.extend(lonely_bond(interface).filter(|_| sound));
        let Port::Vlan { on, .. } = &interface.value.port else { continue };
        match node.interfaces.iter().find(|other| other.value.name == *on) {
            Some(carrier) => {
                problems.extend(vlan_on_vlan(interface, &carrier.value));
                let networks = [of(&interface.value), of(&carrier.value)];
                problems.extend(narrow_carrier(interface, &carrier.value, networks));
            }
            None if sound => unknown_carrier(interface, node, problems),
            None => {}
        }
    }
}

/// Every device of a node has a name of its own, also those that get it from us.
fn device_names(node: &Node, problems: &mut Problems) {
    let names = node.interfaces.iter().map(|interface| (&interface.value.name, interface));
    let mut found = Problems::default();
    let what = format!("on node `{}`, interface", node.name);
    let placed =
        names.map(|(name, interface)| (name.as_str().to_owned(), interface.at(interface.value.key())));
    let hint = "interfaces are named after their networks: one for each";
    names::once(&what, hint, placed, &mut found);
    if found.is_empty() {
        let parts = node.interfaces.iter().flat_map(|interface| {
            let place = || interface.at(interface.value.key());
            devices(&interface.value).into_iter().map(move |name| (name, place()))
        });
        let hint =
            "what an interface lies on is called as it, with a number, `-bond` or `-vlan` behind: rename one";
        names::once(&what, hint, parts, &mut found);
    }
    found.extend(node.interfaces.iter().filter_map(long_name));
    problems.extend(found);
}

/// The interface first, then what it lies on.
fn devices(interface: &Interface) -> Vec<String> {
    let (name, port) = (interface.name.as_str(), interface.port());
    let below = port.cards(name, interface.bridge).into_iter().chain([port.name(name, interface.bridge)]);
    let mut names = vec![name.to_owned()];
    for device in below {
        if !names.contains(&device) {
            names.push(device);
        }
    }
    names
}

fn long_name(interface: &Entry<Interface>) -> Option<Problem> {
    let names = devices(&interface.value);
    let longest = names.iter().max_by_key(|name| name.len())?;
    let (own, over) = (interface.value.name.as_str(), longest.len().checked_sub(LONGEST_NAME + 1)?);
    let hint = format!("give it a name of at most {} letters", own.len() - over - 1);
    let message =
        format!("`{own}` lies on `{longest}`, and the kernel takes names of {LONGEST_NAME} letters");
    Some(Problem::at(interface.at(interface.value.key()), message, hint))
}

fn vlan_ids(node: &Node, problems: &mut Problems) {
    let vlan = |interface: &Entry<Interface>| match &interface.value.port {
        Port::Vlan { id, on } => Some((format!("{} on {on}", id.0), interface.at("vlan"))),
        Port::Card(_) | Port::Bond { .. } => None,
    };
    let what = format!("on node `{}`, VLAN", node.name);
    let hint = "one interface for each VLAN; guests share it if it is a bridge";
    names::once(&what, hint, node.interfaces.iter().filter_map(vlan), problems);
}

fn unknown_network(interface: &Entry<Interface>, networks: &[Entry<Network>], problems: &mut Problems) {
    let known = networks.iter().map(|network| network.value.name.as_str());
    names::known("network", interface.value.name.as_str(), interface.at("network"), known, problems);
}

fn unknown_carrier(interface: &Entry<Interface>, node: &Node, problems: &mut Problems) {
    let Port::Vlan { on, .. } = &interface.value.port else { return };
    let carriers = node.interfaces.iter().filter(|other| !matches!(other.value.port, Port::Vlan { .. }));
    let known = carriers.map(|other| other.value.name.as_str());
    names::known("interface", on.as_str(), interface.at("on"), known, problems);
}

fn lonely_bond(interface: &Entry<Interface>) -> Option<Problem> {
    let Port::Bond { macs, .. } = &interface.value.port else { return None };
    let message = match macs.len() {
        0 => "a bond of no cards",
        1 => "a bond of a single card",
        _ => return None,
    };
    let hint = "list two cards or more, or write `mac` for a single one and remove `bond`";
    Some(Problem::at(interface.at("macs"), message, hint))
}

/// So VLANs cannot lie on each other in a circle.
fn vlan_on_vlan(interface: &Entry<Interface>, carrier: &Interface) -> Option<Problem> {
    let Port::Vlan { on, .. } = &carrier.port else { return None };
    let hint = match carrier.name == interface.value.name {
        true => "name the card or the bond that carries it".to_owned(),
        false => format!("name the card or the bond that carries both, such as `{on}`"),
    };
    let message = format!("`{}` is a VLAN itself", carrier.name);
    Some(Problem::at(interface.at("on"), message, hint))
}

/// Where the carrier has a network of its own, and no bridge between, it sends packets of that network's size.
fn narrow_carrier(
    interface: &Entry<Interface>,
    carrier: &Interface,
    [above, below]: [Option<&Network>; 2],
) -> Option<Problem> {
    let below = below.filter(|_| !carrier.bridge)?;
    let mtu = |network: &Network| network.mtu.unwrap_or(Mtu::ETHERNET);
    let (Mtu(large), Mtu(small)) = (mtu(above?), mtu(below));
    let message = || {
        let name = &interface.value.name;
        format!("network `{name}` has packets of {large} bytes, and `{}` carries {small}", below.name)
    };
    let hint = "give both networks the same `mtu`, or carry them as two VLANs on an interface with a `name`";
    (large > small).then(|| Problem::at(interface.at("on"), message(), hint))
}

fn address(interface: &Entry<Interface>, network: &Network) -> Option<Problem> {
    let address = interface.value.address?;
    let (message, hint) = misplaced(address, network)?;
    Some(Problem::at(interface.at("address"), message, hint))
}

/// Why a node cannot have an address.
fn misplaced(address: IpAddr, network: &Network) -> Option<(String, String)> {
    let Network { name, subnet, gateway, .. } = network;
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
