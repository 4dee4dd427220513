//! What a cluster file says of the cluster as a whole, put together for its nodes.

use std::net::IpAddr;

use super::{Cluster, Node};
use crate::model::document::Entry;
use crate::model::drbd::{Drbd, Primaries};
use crate::model::export;
use crate::model::fencing::{self, FenceAgent, Fencing};
use crate::model::membership::{
    Export, Exported, FenceDevice, Member, Membership, Ocfs2, Promoted, Protocol, Volume,
};
use crate::model::ocfs2;
use crate::model::setting::Settings;
use crate::model::shared::Shared;

/// The port of IPMI over the network (RMCP+), and that of Redfish.
const PORTS: [u32; 2] = [623, 443];

impl Cluster {
    /// What all members are told; nothing in a cluster without `[corosync]`.
    pub(super) fn membership(&self) -> Membership {
        let parts = &self.high_availability;
        let Some(Entry { value: corosync, .. }) = &parts.corosync else { return Membership::default() };
        let manager = parts.pacemaker.as_ref().map(|manager| manager.value.clone()).unwrap_or_default();
        let fencing = parts.fencing.as_ref().map(|fencing| &fencing.value);
        let addresses = |node: &Node| -> Vec<IpAddr> {
            corosync.networks.iter().filter_map(|network| node.address_in(&network.value)).collect()
        };
        let member = |node: &Node| Member {
            number: node.number(),
            name: node.name.to_string(),
            addresses: addresses(node),
        };
        let mut members: Vec<Member> = self.nodes.iter().map(member).collect();
        members.sort_by_key(|member| member.number);
        let first = members.first().map(|member| member.name.clone()).unwrap_or_default();
        let devices =
            |fencing: &Fencing| self.nodes.iter().filter_map(|node| device(fencing, node, &first)).collect();
        Membership {
            cluster: self.common.name.to_string(),
            members,
            token: corosync.totem.number("token"),
            properties: owned(&manager.properties),
            defaults: owned(&manager.defaults),
            fencing: fencing.map(devices).unwrap_or_default(),
            watchdog: fencing.and_then(|fencing| fencing.watchdog.as_ref()).map(ToString::to_string),
            promoted: self.drbd.iter().map(promoted).collect(),
            exports: self.exports(),
            ocfs2: parts.ocfs2.as_ref().map(|ocfs2| self.ocfs2(&ocfs2.value)),
            groups: self.groups(),
        }
    }

    fn ocfs2(&self, ocfs2: &ocfs2::Ocfs2) -> Ocfs2 {
        let mut nodes: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.name.to_string(), node.number(), node.address_in(&ocfs2.network)?)))
            .collect();
        nodes.sort_by_key(|(_, number, _)| *number);
        let volume = |volume: &ocfs2::Volume| {
            let (resource, import) = self.below(&volume.on)?;
            let mounted_by = match &import {
                Some(export) => export.importers.len(),
                None => nodes.len(),
            };
            Some(Volume {
                resource,
                import: import.map(|export| export.name),
                label: volume.label.to_string(),
                mount: volume.mount.to_string(),
                slots: volume.slots.map_or(mounted_by as u32, |slots| slots.0),
            })
        };
        Ocfs2 {
            name: ocfs2.name.to_string(),
            port: ocfs2.port.0,
            o2cb: owned(&ocfs2.o2cb),
            volumes: ocfs2.volumes.iter().filter_map(|entry| volume(&entry.value)).collect(),
            nodes,
        }
    }

    /// The DRBD resource below a file system, and the export by which it is reached if it is not reached by itself.
    fn below(&self, device: &Shared) -> Option<(String, Option<Export>)> {
        let name = match device {
            Shared::Drbd(name) => return Some((name.clone(), None)),
            Shared::Export(name) => name,
        };
        let export = self.exports().into_iter().find(|export| export.name == *name)?;
        match &export.on {
            Exported::Replicated(resource) => Some((resource.clone(), Some(export))),
            Exported::Local { .. } => None,
        }
    }

    pub(super) fn exports(&self) -> Vec<Export> {
        let mut minors = 0..;
        self.exports.iter().filter_map(|export| self.export(export, &mut minors)).collect()
    }

    /// `minors` has numbers for devices of NBD that are still free.
    fn export(&self, export: &export::Export, minors: &mut impl Iterator<Item = u32>) -> Option<Export> {
        let network = self.networks.iter().find(|network| network.name == export.network)?;
        let (on, exporters) = match &export.on {
            export::Exported::Drbd(name) => {
                let device = self.drbd.iter().find(|device| device.name.as_str() == name)?;
                let nodes = device.nodes.iter().map(|node| &node.value).collect();
                (Exported::Replicated(name.clone()), nodes)
            }
            export::Exported::Local(carrier) => {
                let node = &export.node.as_ref()?.value;
                (Exported::Local { node: node.to_string(), carrier: carrier.clone() }, vec![node])
            }
        };
        let importers =
            self.nodes.iter().filter(|node| node.is_in(&network.name) && !exporters.contains(&&node.name));
        Some(Export {
            name: export.name.to_string(),
            on,
            network: network.name.to_string(),
            protocol: match export.protocol {
                export::Protocol::Aoe { shelf, slot } => Protocol::Aoe { shelf: shelf.0, slot: slot.0 },
                export::Protocol::Nbd { port, address } => Protocol::Nbd {
                    address,
                    prefix: network.subnet.prefix(),
                    port: port.0,
                    minor: minors.next()?,
                },
            },
            importers: importers.map(|node| node.name.to_string()).collect(),
        })
    }
}

impl Node {
    /// Every member has one: [`super::check`] has seen to it.
    fn number(&self) -> u32 {
        self.number.map_or(0, |number| number.0)
    }
}

fn owned(settings: &Settings) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn device(fencing: &Fencing, node: &Node, first: &str) -> Option<FenceDevice> {
    let fencing::FenceDevice { agent, address, port, user, secret, guest } = &node.fencing.as_ref()?.value;
    let agent = agent.unwrap_or(fencing.agent);
    let usual = match agent {
        FenceAgent::Ipmi => PORTS[0],
        FenceAgent::Redfish | FenceAgent::Virt => PORTS[1],
    };
    let delay = if node.name.as_str() == first { fencing.times.number("delay") } else { 0 };
    Some(FenceDevice {
        node: node.name.to_string(),
        agent,
        address: address.map(|address| (address, port.map_or(usual, |port| port.0))),
        user: user.as_ref().or(fencing.user.as_ref()).map(ToString::to_string),
        secret: secret.as_ref().map(ToString::to_string),
        guest: guest.as_ref().map(ToString::to_string),
        timeout: fencing.times.number("timeout"),
        delay,
    })
}

fn promoted(device: &Drbd) -> Promoted {
    Promoted {
        name: device.name.to_string(),
        minor: device.minor.0,
        nodes: device.nodes.iter().map(|node| node.value.to_string()).collect(),
        primaries: match device.primaries {
            Primaries::One => 1,
            Primaries::Both => 2,
        },
        first_sync: device.first_sync,
    }
}
