//! One `[[node.interface]]`: a card, several cards as a bond, or a VLAN on one of these.

use std::net::IpAddr;

use crate::model::document::{Section, Table};
use crate::model::link::{BondMode, VlanId};
use crate::model::network::Mac;
use crate::model::node;
use crate::model::value::Placed;
use crate::model::words::NetworkName;

/// An interface, as the file says it.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// Its own name, or that of its network.
    pub(super) name: NetworkName,
    pub(super) in_network: bool,
    pub(super) address: Option<IpAddr>,
    pub(super) port: Port,
    pub(super) bridge: bool,
}

/// What carries it.
#[derive(Clone, Debug)]
pub(super) enum Port {
    Card(Mac),
    Bond { mode: BondMode, macs: Vec<Placed<Mac>> },
    Vlan { id: VlanId, on: NetworkName },
}

impl Interface {
    /// Whether it leads to that network.
    pub(super) fn is_in(&self, network: &NetworkName) -> bool {
        self.in_network && self.name == *network
    }
}

/// A key, another one without which it says nothing, and how to write that.
const PAIRS: [(&str, &str, &str); 4] = [
    ("macs", "bond", "say how the cards work together, such as `bond = \"active-backup\"`"),
    ("bond", "macs", "list the MAC addresses of its cards, such as `macs = [\"52:54:00:00:00:01\", …]`"),
    ("on", "vlan", "say which VLAN it is, such as `vlan = 20`"),
    ("vlan", "on", "name the interface that carries the VLAN, such as `on = \"trunk\"`"),
];

/// Of these an interface has one.
const PORTS: [&str; 3] = ["mac", "macs", "on"];

impl Section for Interface {
    const ABOUT: &'static str = "a card, several cards as a bond, or a VLAN on one of these";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let name = name(table);
        let address = table.about("without it: DHCP").optional("address");
        let port = port(table);
        let bridge = table.about("guests are connected to it").optional("bridge").unwrap_or_default();
        let in_network = table.has("network");
        Some(Self { name: name?, in_network, address, port: port?, bridge })
    }
}

fn name(table: &mut Table<'_>) -> Option<NetworkName> {
    let (network, name) = (table.optional("network"), table.optional("name"));
    match table.one_of(&["network", "name"]).as_slice() {
        [_, _] => table.problem(
            "name",
            "an interface is called as its network",
            "remove `name`; or remove `network` if the node has no address there",
        ),
        [] => table.problem(
            "network",
            "missing key `network`",
            "add a line such as `network = \"lan\"`, or `name = \"trunk\"` for an interface without an address",
        ),
        ["name"] if table.has("address") => {
            table.problem("address", "an address of no network", "name the network instead of `name`");
        }
        _ => {}
    }
    network.or(name)
}

fn port(table: &mut Table<'_>) -> Option<Port> {
    let mac = table.optional("mac");
    let (macs, mode) = (table.list("macs"), table.optional("bond"));
    let (on, id) = (table.optional::<NetworkName>("on"), table.optional("vlan"));
    for (key, other, way_out) in PAIRS {
        table.pair(key, other, way_out);
    }
    match table.one_of(&PORTS).as_slice() {
        [] if !table.has("bond") && !table.has("vlan") => table.problem(
            "mac",
            "missing key `mac`",
            "add the MAC address of its card, `macs` and `bond` for several cards, or `on` and `vlan` for a VLAN",
        ),
        [one, other, ..] => table.problem(
            other,
            format!("`{one}` and `{other}` exclude each other"),
            "an interface is one card (`mac`), several as a bond (`macs`), or a VLAN (`on`)",
        ),
        _ => {}
    }
    let vlan = on.zip(id).map(|(on, id)| Port::Vlan { id, on });
    vlan.or(mode.map(|mode| Port::Bond { mode, macs })).or(mac.map(Port::Card))
}

impl Interface {
    /// The key that gives it its name.
    pub(super) fn key(&self) -> &'static str {
        if self.in_network { "network" } else { "name" }
    }

    /// MAC addresses of its cards.
    pub(super) fn macs(&self) -> Vec<String> {
        self.port().macs().map(str::to_owned).collect()
    }

    /// As the node has it.
    pub(super) fn port(&self) -> node::Port {
        match &self.port {
            Port::Card(mac) => node::Port::Card(mac.to_string()),
            Port::Bond { mode, macs } => {
                let macs = macs.iter().map(|mac| mac.value.to_string()).collect();
                node::Port::Bond { mode: *mode, macs }
            }
            Port::Vlan { id, on } => node::Port::Vlan { id: id.0, on: on.to_string() },
        }
    }
}
