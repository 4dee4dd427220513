//! Network devices, as systemd is told of them: names of cards for udev, what networkd makes, what it does with each.
//!
//! From a card up to what has an address: card, bond or VLAN, bridge. VLANs leave below the bridge, so that guests on it
//! do not see them.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::link::Mtu;
use crate::model::node::{Attachment, Identity, Interface, NodeSpec, Port};

/// A generic node does not know its cards: all that are wired.
const ANY_CARD: &str = "Type=ether\nKind=!*";

/// All devices of a node.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Devices {
    /// `.link` files.
    pub(super) links: Vec<Link>,
    /// `.netdev` files.
    pub(super) netdevs: Vec<Netdev>,
    /// `.network` files.
    pub(super) networks: Vec<Network>,
}

/// A card that has a name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Link {
    name: String,
    mac: String,
}

/// A device that is made.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Netdev {
    name: String,
    kind: &'static str,
    /// That of its first card, so that it is the same after every boot and install; a VLAN has its carrier's.
    mac: Option<String>,
    /// The mode of a bond.
    mode: Option<&'static str>,
    /// The tag of a VLAN.
    id: Option<u16>,
}

/// What is done with a device.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Network {
    name: String,
    /// Which device it is.
    matches: String,
    mtu: Option<u32>,
    /// The bond that it works in.
    bond: Option<String>,
    /// The bridge that it belongs to.
    bridge: Option<String>,
    /// VLANs that it carries.
    vlans: Vec<String>,
    /// It has an address, of its own or by DHCP.
    addressed: bool,
    /// None is DHCP.
    address: Option<String>,
    gateway: Option<IpAddr>,
    dns: Vec<IpAddr>,
    domain: Option<String>,
}

impl Devices {
    pub(super) fn new(spec: &NodeSpec) -> Self {
        let mut devices = Self::default();
        match &spec.identity {
            Some(identity) => identity.interfaces.iter().for_each(|one| devices.add(identity, one)),
            None => devices.networks.push(Network {
                name: "dhcp".to_owned(),
                matches: ANY_CARD.to_owned(),
                addressed: true,
                ..Network::default()
            }),
        }
        devices
    }

    fn add(&mut self, node: &Identity, interface: &Interface) {
        let (name, port) = (&interface.name, interface.port.name(&interface.name, interface.bridge));
        let cards = interface.port.cards(name, interface.bridge);
        let macs = interface.port.macs().map(str::to_owned);
        let links: Vec<Link> = cards.into_iter().zip(macs).map(|(name, mac)| Link { name, mac }).collect();
        let mut carrying = Network { vlans: vlans(node, name), mtu: mtu(node, interface), ..by_name(&port) };
        match &interface.port {
            Port::Card(mac) => carrying.matches = by_mac(mac),
            Port::Bond { mode, .. } => {
                let mac = links.first().map(|link| link.mac.clone());
                self.netdevs.push(Netdev { mac, mode: Some(mode.as_str()), ..netdev(&port, "bond") });
                self.networks.extend(links.iter().map(|link| Network {
                    matches: by_mac(&link.mac),
                    bond: Some(port.clone()),
                    ..by_name(&link.name)
                }));
            }
            Port::Vlan { id, .. } => self.netdevs.push(Netdev { id: Some(*id), ..netdev(&port, "vlan") }),
        }
        self.links.extend(links);
        if interface.bridge {
            self.netdevs.push(Netdev { mac: first_mac(node, interface), ..netdev(name, "bridge") });
            carrying.bridge = Some(name.clone());
            self.networks.push(carrying);
            carrying = Network { mtu: says_mtu(node).then(|| own_mtu(interface)), ..by_name(name) };
        }
        self.networks.push(match &interface.network {
            Some(attachment) => attached(carrying, node, attachment),
            None => carrying,
        });
    }
}

/// Also where somebody has exchanged the names of cards; in a bond a card has the MAC address of another one.
fn by_mac(mac: &str) -> String {
    format!("PermanentMACAddress={mac}")
}

fn by_name(name: &str) -> Network {
    Network { name: name.to_owned(), matches: format!("Name={name}"), ..Network::default() }
}

fn netdev(name: &str, kind: &'static str) -> Netdev {
    Netdev { name: name.to_owned(), kind, ..Netdev::default() }
}

fn attached(network: Network, node: &Identity, attachment: &Attachment) -> Network {
    Network {
        addressed: true,
        address: attachment.address.map(|(address, prefix)| format!("{address}/{prefix}")),
        gateway: attachment.gateway,
        dns: attachment.dns.clone(),
        domain: node.domain.clone(),
        ..network
    }
}

/// The VLANs on an interface.
fn on<'a>(node: &'a Identity, carrier: &str) -> impl Iterator<Item = &'a Interface> {
    node.interfaces.iter().filter(move |one| matches!(&one.port, Port::Vlan { on, .. } if on == carrier))
}

fn vlans(node: &Identity, carrier: &str) -> Vec<String> {
    on(node, carrier).map(|vlan| vlan.port.name(&vlan.name, vlan.bridge)).collect()
}

/// Of the interface, or of what carries it.
fn first_mac(node: &Identity, interface: &Interface) -> Option<String> {
    let carrier = match &interface.port {
        Port::Vlan { on, .. } => node.interfaces.iter().find(|other| other.name == *on)?,
        Port::Card(_) | Port::Bond { .. } => interface,
    };
    carrier.port.macs().next().map(str::to_owned)
}

/// Where no network says a size, cards keep what they have.
fn says_mtu(node: &Identity) -> bool {
    node.interfaces.iter().any(|one| one.network.as_ref().is_some_and(|network| network.mtu.is_some()))
}

fn own_mtu(interface: &Interface) -> u32 {
    interface.network.as_ref().and_then(|network| network.mtu).unwrap_or(Mtu::ETHERNET.0)
}

/// Large enough for all that it carries.
fn mtu(node: &Identity, interface: &Interface) -> Option<u32> {
    let above = on(node, &interface.name).map(own_mtu);
    says_mtu(node).then(|| above.fold(own_mtu(interface), u32::max))
}
