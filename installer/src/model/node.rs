//! What one node should be, after profile, cluster file and node have been put together.

use std::net::IpAddr;

use serde::Serialize;

use super::install::Install;
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
    /// Resolvers.
    pub dns: Vec<IpAddr>,
    /// Network interfaces, pinned by MAC.
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

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Lower case, with colons.
    pub mac: String,
    /// The network's name: also the interface's name on the node.
    pub network: String,
    /// Address and prefix length; none is DHCP.
    pub address: Option<(IpAddr, u8)>,
    /// Default gateway, if the network has one.
    pub gateway: Option<IpAddr>,
}

/// What tells the machine of a node from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The node's name.
    pub node: String,
    /// MAC addresses of its interfaces, lower case, with colons.
    pub macs: Vec<String>,
    /// Serial number of the machine, where the cluster file has it.
    pub serial: Option<String>,
}
