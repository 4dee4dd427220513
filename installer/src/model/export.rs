//! Devices that other nodes import over the network: `[[export]]`.

use std::fmt;
use std::net::IpAddr;

use super::document::{Section, Table};
use super::number::{Port, Shelf, Slot};
use super::shared::Shared;
use super::storage::Carrier;
use super::value::{Choice, Found, Placed, Value, Wrong};
use super::words::{Hostname, Name, NetworkName};

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exported {
    /// A device that two nodes have; the export follows its primary.
    Drbd(String),
    /// A device of one node.
    Local(Carrier),
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drbd(name) => write!(f, "drbd:{name}"),
            Self::Local(carrier) => carrier.fmt(f),
        }
    }
}

impl Value for Exported {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"drbd:xen\"";

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        if found.text()?.starts_with("drbd:") {
            let shared = Shared::read(found)?;
            let (Shared::Drbd(name) | Shared::Export(name)) = shared;
            return Ok(Self::Drbd(name));
        }
        Carrier::read(found).map(Self::Local)
    }
}

/// How it is exported.
#[derive(Clone, Debug)]
pub(super) enum Protocol {
    /// ATA over Ethernet: frames that no router lets through, to `SHELF.SLOT`.
    Aoe { shelf: Shelf, slot: Slot },
    /// Network Block Device: TCP, to an address that moves with the export.
    Nbd { port: Port, address: IpAddr },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Aoe,
    Nbd,
}

impl Choice for Kind {
    const NAME: &'static str = "protocol";
    const EXAMPLE: &'static str = "\"aoe\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("aoe", Self::Aoe), ("nbd", Self::Nbd)]
    }
}

/// One `[[export]]`.
#[derive(Clone, Debug)]
pub(super) struct Export {
    pub(super) name: Name,
    pub(super) on: Exported,
    /// Of a device that is not replicated.
    pub(super) node: Option<Placed<Hostname>>,
    pub(super) network: NetworkName,
    pub(super) protocol: Protocol,
}

impl Section for Export {
    const ABOUT: &'static str = "a device that other nodes import over the network";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (name, on) = (table.required("name"), table.required("on"));
        let (node, network) = (table.optional("node"), table.required("network"));
        let protocol = protocol(table);
        match (&on, table.has("node")) {
            (Some(Exported::Drbd(_)), true) => {
                table.problem("node", "a replicated device is exported by its primary", "remove `node`");
            }
            (Some(Exported::Local(_)), false) => {
                table.problem(
                    "node",
                    "missing key `node`",
                    "add a line such as `node = \"mesh1\"`: whose device it is",
                );
            }
            _ => {}
        }
        if let (Some(Exported::Local(_)), Some(Protocol::Nbd { .. })) = (&on, &protocol) {
            let hint = "write `protocol = \"aoe\"` with `shelf` and `slot`";
            table.problem("protocol", "a device of one node is exported over AoE", hint);
        }
        Some(Self { name: name?, on: on?, node, network: network?, protocol: protocol? })
    }
}

/// What a protocol needs, and what it has no use for.
const KEYS: [(Kind, &[&str], &[&str]); 2] =
    [(Kind::Aoe, &["shelf", "slot"], &["port", "address"]), (Kind::Nbd, &["address"], &["shelf", "slot"])];

fn protocol(table: &mut Table<'_>) -> Option<Protocol> {
    let kind = table.required::<Kind>("protocol");
    let (shelf, slot) = (table.optional("shelf"), table.optional("slot"));
    let (port, address) = (table.optional("port"), table.optional("address"));
    let kind = kind?;
    for (_, needed, useless) in KEYS.iter().filter(|(known, ..)| *known == kind) {
        for key in needed.iter().filter(|key| !table.has(key)).collect::<Vec<_>>() {
            table.problem(
                key,
                format!("missing key `{key}`"),
                "say where it is exported: `shelf = 1` and `slot = 0`, or `address = \"10.0.0.6\"`",
            );
        }
        for key in useless.iter().filter(|key| table.has(key)).collect::<Vec<_>>() {
            table.problem(
                key,
                format!("`{key}` is nothing that this protocol has"),
                "remove it, or change `protocol`",
            );
        }
    }
    match kind {
        Kind::Aoe => Some(Protocol::Aoe { shelf: shelf?, slot: slot? }),
        Kind::Nbd => Some(Protocol::Nbd { port: port.unwrap_or(Port(10809)), address: address? }),
    }
}
