//! What every member of a cluster is told of it: the same on all nodes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::fencing::FenceAgent;
use super::storage::Carrier;
use crate::units::Bytes;

/// A cluster as corosync, pacemaker and OCFS2 know it; without members there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The cluster's name.
    pub cluster: String,
    /// All nodes, in the order of their numbers.
    pub members: Vec<Member>,
    /// Milliseconds until corosync misses its token.
    pub token: u32,
    /// Names and values for `property` of crm(8).
    pub properties: Vec<(String, String)>,
    /// Names and values for `rsc_defaults` of crm(8).
    pub defaults: Vec<(String, String)>,
    /// What switches nodes off.
    pub fencing: Vec<FenceDevice>,
    /// `/dev/watchdog0` or the like, if systemd has to keep it quiet.
    pub watchdog: Option<String>,
    /// DRBD resources that pacemaker promotes.
    pub promoted: Vec<Promoted>,
    /// Devices that nodes import over the network.
    pub exports: Vec<Export>,
    /// OCFS2, if there are such file systems.
    pub ocfs2: Option<Ocfs2>,
    /// Volume groups that several nodes use at the same time.
    pub groups: Vec<SharedGroup>,
}

impl Membership {
    /// Where the nodes that mount `volume` find it.
    #[must_use]
    pub fn device(&self, volume: &Volume) -> Option<String> {
        match &volume.import {
            Some(name) => self.export(name).map(|export| export.protocol.device()),
            None => self.promoted.iter().find(|device| device.name == volume.resource).map(Promoted::device),
        }
    }

    /// The network from which `node` imports devices of AoE, if it does.
    #[must_use]
    pub fn aoe_network(&self, node: &str) -> Option<&str> {
        let imports = |export: &&Export| {
            matches!(export.protocol, Protocol::Aoe { .. })
                && export.importers.iter().any(|name| name == node)
        };
        self.exports.iter().find(imports).map(|export| export.network.as_str())
    }

    /// The export of that name.
    #[must_use]
    pub fn export(&self, name: &str) -> Option<&Export> {
        self.exports.iter().find(|export| export.name == name)
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its number, from 1.
    pub number: u32,
    /// Its host name.
    pub name: String,
    /// Its addresses, one for each link.
    pub addresses: Vec<IpAddr>,
}

/// What switches one node off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceDevice {
    /// The node.
    pub node: String,
    /// How.
    pub agent: FenceAgent,
    /// Where: the address of its BMC and the port; none for a guest.
    pub address: Option<(IpAddr, u32)>,
    /// Who logs in.
    pub user: Option<String>,
    /// The name of the file that has the password.
    pub secret: Option<String>,
    /// The guest's name on its host.
    pub guest: Option<String>,
    /// Seconds until it counts as failed.
    pub timeout: u32,
    /// Seconds of head start that the node has.
    pub delay: u32,
}

/// A DRBD resource that pacemaker promotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// The resource's name.
    pub name: String,
    /// It is `/dev/drbdMINOR`.
    pub minor: u32,
    /// Nodes that have it.
    pub nodes: Vec<String>,
    /// How many of them write to it at the same time.
    pub primaries: u32,
    /// What becomes of the first sync.
    pub first_sync: FirstSync,
}

impl Promoted {
    /// Where a node that has a copy finds it.
    #[must_use]
    pub fn device(&self) -> String {
        format!("/dev/drbd{}", self.minor)
    }
}

/// What becomes of the sync by which new copies become the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstSync {
    /// It is left out if both copies are seen to be zeros.
    IfNeeded,
    /// It is left out: somebody has said that both copies are the same, or that nothing on them matters.
    Skip,
}

/// A device that nodes import over the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What is exported.
    pub on: Exported,
    /// The network, and the name of the interface to it on every node.
    pub network: String,
    /// How it is exported.
    pub protocol: Protocol,
    /// Nodes that import it.
    pub importers: Vec<String>,
}

impl Export {
    /// Whether `node` can use the device, wherever it is exported.
    #[must_use]
    pub fn reaches(&self, node: &str) -> bool {
        let has = matches!(&self.on, Exported::Local { node: owner, .. } if owner == node);
        has || self.importers.iter().any(|name| name == node)
    }
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exported {
    /// The DRBD resource of that name, by the node where it is primary.
    Replicated(String),
    /// A device that one node has.
    Local {
        /// The node.
        node: String,
        /// What it has.
        carrier: Carrier,
    },
}

/// How a device is exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// ATA over Ethernet.
    Aoe {
        /// The shelf, or major address.
        shelf: u32,
        /// The slot, or minor address.
        slot: u32,
    },
    /// Network Block Device.
    Nbd {
        /// The address, which is always where the export is.
        address: IpAddr,
        /// The prefix length of its network.
        prefix: u8,
        /// The TCP port.
        port: u32,
        /// It is `/dev/nbdMINOR` on the nodes that import it.
        minor: u32,
    },
}

impl Protocol {
    /// What the device is called where it is imported.
    #[must_use]
    pub fn device(&self) -> String {
        match self {
            Self::Aoe { shelf, slot } => format!("/dev/etherd/e{shelf}.{slot}"),
            Self::Nbd { minor, .. } => format!("/dev/nbd{minor}"),
        }
    }
}

/// An OCFS2 cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ocfs2 {
    /// Its name, which is on every file system of it.
    pub name: String,
    /// TCP port.
    pub port: u32,
    /// Its nodes: name, number, address.
    pub nodes: Vec<(String, u32, IpAddr)>,
    /// Names and values of o2cb: `heartbeat-threshold`, `idle-timeout`, …
    pub o2cb: Vec<(String, String)>,
    /// Its file systems.
    pub volumes: Vec<Volume>,
}

/// A file system that several nodes mount at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The DRBD resource that it lies on.
    pub resource: String,
    /// The export by which nodes reach that, if they have no copies themselves.
    pub import: Option<String>,
    /// Its label.
    pub label: String,
    /// Where it is mounted.
    pub mount: String,
    /// How many nodes may mount it.
    pub slots: u32,
}

/// A volume group on exported devices that several nodes use at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedGroup {
    /// Its name.
    pub name: String,
    /// Its physical volumes.
    pub devices: Vec<SharedDevice>,
    /// Nodes that reach all of them, in the order of their numbers.
    pub nodes: Vec<String>,
    /// What is in it.
    pub volumes: Vec<SharedVolume>,
}

/// A physical volume of a shared group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedDevice {
    /// The export.
    pub export: String,
    /// Where nodes that import it find it.
    pub imported: String,
    /// The node that has it, and where; none if the export moves.
    pub local: Option<(String, String)>,
}

impl SharedDevice {
    /// Where `node` finds it.
    #[must_use]
    pub fn on(&self, node: &str) -> &str {
        self.local.as_ref().filter(|(owner, _)| owner == node).map_or(&self.imported, |(_, device)| device)
    }
}

/// A volume of a shared group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedVolume {
    /// Its name.
    pub name: String,
    /// How large.
    pub size: Bytes,
    /// The export that it lies on; none if it may lie anywhere.
    pub export: Option<String>,
    /// The GFS2 that it carries.
    pub gfs2: Option<Gfs2>,
}

/// GFS2 on a shared volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gfs2 {
    /// Its label, which is unique in the cluster.
    pub label: String,
    /// Where it is mounted.
    pub mount: String,
    /// How many nodes may mount it.
    pub journals: u32,
}
