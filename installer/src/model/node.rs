//! What one node should be, after profile, cluster file and node have been put together.

use std::net::IpAddr;

use serde::Serialize;

use super::install::Install;
use super::link::BondMode;
use super::membership::Membership;
use super::storage::{Carrier, Layout};
use crate::units::Bytes;

/// Everything that is said about a node, resolved: no `extends`, no defaults left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeSpec {
    /// The profile it was resolved from, such as `storage`.
    pub profile: String,
    /// Names of the profile and all it extends, the base first: each is a cached layer of packages.
    pub layers: Vec<Layer>,
    /// Folders below `overlays/`, laid over the root in this order.
    pub overlays: Vec<String>,
    /// Hypervisor, kernel and consoles.
    pub boot: Boot,
    /// The disks.
    pub layout: Layout,
    /// Archives that the node and the build take packages from, where the cluster file names them.
    pub mirrors: Mirrors,
    /// Who may log in.
    pub access: Access,
    /// How it is installed.
    pub install: Install,
    /// Which node it is; none for a generic image (DHCP, name from serial number or MAC).
    pub identity: Option<Identity>,
    /// Devices that it has a copy of.
    pub replicated: Vec<Replicated>,
    /// The cluster that it belongs to.
    pub membership: Membership,
}

/// The packages that one profile of the `extends` chain adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The profile.
    pub profile: String,
    /// Package names, sorted.
    pub packages: Vec<String>,
}

/// Boot entries and arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Boot {
    /// `dom0_mem=X,max:X`.
    pub dom0_memory: Bytes,
    /// `dom0_max_vcpus=`; none leaves all processors to dom0.
    pub dom0_vcpus: Option<u32>,
    /// Further hypervisor arguments.
    pub xen_arguments: Vec<String>,
    /// Further kernel arguments.
    pub kernel_arguments: Vec<String>,
}

/// Base addresses of Debian archives, without a trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mirrors {
    /// The main archive.
    pub main: Option<String>,
    /// The security archive.
    pub security: Option<String>,
}

/// Root's ways in; all empty locks root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Lines for root's `authorized_keys`.
    pub ssh_keys: Vec<String>,
    /// A crypt(5) hash.
    pub root_password_hash: Option<String>,
}

/// Which node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The cluster's name.
    pub cluster: String,
    /// Host name, without domain.
    pub hostname: String,
    /// Domain, if the cluster has one.
    pub domain: Option<String>,
    /// Network interfaces, whose cards are known by their MAC addresses.
    pub interfaces: Vec<Interface>,
    /// Sizes of the node's disks, where the cluster file says them; an image is made for these.
    pub disks: Vec<Bytes>,
}

/// A DRBD resource with one volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replicated {
    /// The resource's name.
    pub name: String,
    /// It is `/dev/drbdMINOR`.
    pub minor: u32,
    /// The TCP port of its connection.
    pub port: u32,
    /// What carries the copy, on either node.
    pub backing: Carrier,
    /// What that must have at least.
    pub min_size: Bytes,
    /// Names and values for `disk { … }` of drbd.conf(5).
    pub disk: Vec<(String, String)>,
    /// Names and values for `net { … }`.
    pub net: Vec<(String, String)>,
    /// The two nodes.
    pub copies: Vec<Copy>,
}

/// One end of a DRBD connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// The node's host name.
    pub node: String,
    /// Its address in the network of the resource.
    pub address: IpAddr,
}

/// A network interface: what has an address, or carries VLANs or guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// What it is called on the node: as its network, if it is in one.
    pub name: String,
    /// What it consists of.
    pub port: Port,
    /// It is a bridge over its port, and guests are connected to it.
    pub bridge: bool,
    /// Its place in its network; none if it is in none: then it has no address.
    pub network: Option<Attachment>,
}

/// What carries an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// One card, by its MAC address: lower case, with colons.
    Card(String),
    /// Several cards that work as one.
    Bond {
        /// How they share the work.
        mode: BondMode,
        /// Which they are.
        macs: Vec<String>,
    },
    /// Tagged packets on a card or a bond.
    Vlan {
        /// The tag.
        id: u16,
        /// The interface that carries them.
        on: String,
    },
}

/// How a node is part of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// Address and prefix length; none is DHCP.
    pub address: Option<(IpAddr, u8)>,
    /// Default gateway, if the network has one.
    pub gateway: Option<IpAddr>,
    /// Resolvers.
    pub dns: Vec<IpAddr>,
    /// Bytes of its largest packets, if the network says it.
    pub mtu: Option<u32>,
}

impl Port {
    /// MAC addresses of its cards.
    pub fn macs(&self) -> impl Iterator<Item = &str> {
        let macs = match self {
            Self::Card(mac) => std::slice::from_ref(mac),
            Self::Bond { macs, .. } => macs,
            Self::Vlan { .. } => &[],
        };
        macs.iter().map(String::as_str)
    }

    /// What its cards are called. A card that is an interface by itself has the interface's name.
    #[must_use]
    pub fn cards(&self, interface: &str, bridge: bool) -> Vec<String> {
        match self {
            Self::Card(_) if !bridge => vec![interface.to_owned()],
            _ => (0..self.macs().count()).map(|index| format!("{interface}{index}")).collect(),
        }
    }

    /// What it is called itself: as the interface, unless a bridge has that name.
    #[must_use]
    pub fn name(&self, interface: &str, bridge: bool) -> String {
        let behind = match self {
            _ if !bridge => "",
            Self::Card(_) => "0",
            Self::Bond { .. } => "-bond",
            Self::Vlan { .. } => "-vlan",
        };
        format!("{interface}{behind}")
    }
}

/// What tells the machine of a node from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The node's name.
    pub node: String,
    /// MAC addresses of its cards, lower case, with colons.
    pub macs: Vec<String>,
    /// Serial number of the machine, where the cluster file has it.
    pub serial: Option<String>,
}
