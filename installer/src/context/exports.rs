//! What vblade, nbd-server and pacemaker are told of devices that nodes import.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::membership::{self, Exported, Membership, Protocol};
use crate::plan::Plan;

/// The exports of a cluster, and the part that one node has in them.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Exports {
    /// Those that follow the primary of a DRBD resource.
    exports: Vec<Moving>,
    /// What nodes import.
    imports: Vec<Import>,
    /// Files below `/etc/vblade.conf.d`: what this node exports over AoE, or may have to.
    blades: Vec<Blade>,
    /// Of these, those that systemd starts, because no other node has the device.
    blades_at_boot: Vec<String>,
    /// Files of nbd-server, one server each.
    nbd_servers: Vec<NbdServer>,
}

/// An export that pacemaker moves.
#[derive(Clone, Debug, Serialize)]
struct Moving {
    name: String,
    resource: String,
    /// The unit that exports it.
    unit: String,
    /// The address that moves along; AoE needs none.
    address: Option<Address>,
    /// Nodes that cannot export it. Pacemaker would take what they lack of it for an error.
    without_copy: Vec<String>,
}

/// An export, where it is imported.
#[derive(Clone, Debug, Serialize)]
struct Import {
    name: String,
    /// Pacemaker moves the export.
    moves: bool,
    /// Nodes that do not import it.
    elsewhere: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Address {
    ip: IpAddr,
    prefix: u8,
    interface: String,
}

/// vblade-persistence(5).
#[derive(Clone, Debug, Serialize)]
struct Blade {
    name: String,
    shelf: u32,
    slot: u32,
    interface: String,
    /// The address that initiators know the export by: whichever node has it, there is one.
    mac: String,
    device: String,
}

/// nbd-server(5).
#[derive(Clone, Debug, Serialize)]
struct NbdServer {
    name: String,
    port: u32,
    device: String,
}

impl Exports {
    pub(super) fn new(membership: &Membership, plan: &Plan, hostname: &str) -> Self {
        let mut exports = Self::default();
        for export in &membership.exports {
            exports.exports.extend(Moving::new(export, membership));
            exports.imports.push(Import {
                name: export.name.clone(),
                moves: matches!(export.on, Exported::Replicated(_)),
                elsewhere: all_but(&export.importers, membership),
            });
            if let Some(device) = exported_by(export, membership, plan, hostname) {
                exports.serve(export, device);
            }
        }
        exports
    }

    fn serve(&mut self, export: &membership::Export, device: String) {
        let name = export.name.clone();
        match export.protocol {
            Protocol::Aoe { shelf, slot } => {
                if let Exported::Local { .. } = export.on {
                    self.blades_at_boot.push(name.clone());
                }
                let interface = export.network.clone();
                let mac = mac(shelf, slot);
                self.blades.push(Blade { name, shelf, slot, interface, mac, device });
            }
            Protocol::Nbd { port, .. } => self.nbd_servers.push(NbdServer { name, port, device }),
        }
    }
}

impl Moving {
    fn new(export: &membership::Export, membership: &Membership) -> Option<Self> {
        let Exported::Replicated(resource) = &export.on else { return None };
        let name = &export.name;
        let device = membership.promoted.iter().find(|device| device.name == *resource)?;
        let (unit, address) = match export.protocol {
            Protocol::Aoe { .. } => (format!("vblade@{name}"), None),
            Protocol::Nbd { address, prefix, .. } => {
                let interface = export.network.clone();
                (format!("xbuild-nbd@{name}"), Some(Address { ip: address, prefix, interface }))
            }
        };
        Some(Self {
            name: name.clone(),
            resource: resource.clone(),
            unit,
            address,
            without_copy: all_but(&device.nodes, membership),
        })
    }
}

/// Members that are not among these.
pub(super) fn all_but(nodes: &[String], membership: &Membership) -> Vec<String> {
    let names = membership.members.iter().map(|member| &member.name);
    names.filter(|name| !nodes.contains(name)).cloned().collect()
}

/// Locally administered (IEEE 802, 02), and as unique in a network as shelf and slot are.
fn mac(shelf: u32, slot: u32) -> String {
    format!("02:a0:e0:{:02x}:{:02x}:{slot:02x}", shelf >> 8, shelf & 0xff)
}

/// The device that this node exports, if it is one of those that do.
fn exported_by(
    export: &membership::Export,
    membership: &Membership,
    plan: &Plan,
    hostname: &str,
) -> Option<String> {
    match &export.on {
        Exported::Replicated(resource) => {
            let device = membership.promoted.iter().find(|device| device.name == *resource)?;
            device.nodes.iter().any(|node| node == hostname).then(|| device.device())
        }
        Exported::Local { node, carrier } => {
            (node == hostname).then(|| plan.device(carrier).map(|device| plan.device_path(&device))).flatten()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mac;

    #[test]
    fn every_shelf_and_slot_has_its_address() {
        assert_eq!(mac(1, 0), "02:a0:e0:00:01:00");
        assert_eq!(mac(65534, 254), "02:a0:e0:ff:fe:fe");
    }
}
