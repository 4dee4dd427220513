//! The cluster file: which machines there are, and what each of them is.

mod check;
mod interface;
mod membership;
mod secrets;
mod shared_groups;

use std::net::IpAddr;
use std::path::Path;

use self::interface::Interface;
use super::access::is_password_hash;
use super::corosync::Corosync;
use super::document::{self, Document, Entry, Section, Table};
use super::drbd::Drbd;
use super::export::Export;
use super::fencing::{FenceDevice, Fencing};
use super::gfs2::Gfs2;
use super::install::{Install, InstallSettings};
use super::link::Mtu;
use super::lvm::Lvm;
use super::network::Subnet;
use super::node::{self, Access, Attachment, Copy, Identity, Marks, Mirrors, NodeSpec, Replicated};
use super::number::NodeNumber;
use super::ocfs2::Ocfs2;
use super::pacemaker::Pacemaker;
use super::problem::{Place, Problem, Problems};
use super::profile::BootSettings;
use super::resolve::Profiles;
use super::schema::{self, Schema};
use super::suggest;
use super::value::{Found, Value, Wrong};
use super::words::{Domain, Hostname, MachineSerial, Mirror, Name, NetworkName, SshKey};
use crate::units::Bytes;

/// A cluster file that was found sound.
#[derive(Clone, Debug)]
pub struct Cluster {
    common: Common,
    install: InstallSettings,
    networks: Vec<Network>,
    nodes: Vec<Node>,
    /// Where each of them stands, in the same order.
    places: Vec<Place>,
    drbd: Vec<Drbd>,
    exports: Vec<Export>,
    high_availability: HighAvailability,
}

/// What lets the cluster work by itself. Each of these may be missing; [`check`] says what needs what.
#[derive(Clone, Debug)]
struct HighAvailability {
    corosync: Option<Entry<Corosync>>,
    pacemaker: Option<Entry<Pacemaker>>,
    fencing: Option<Entry<Fencing>>,
    ocfs2: Option<Entry<Ocfs2>>,
    lvm: Option<Entry<Lvm>>,
    gfs2: Option<Entry<Gfs2>>,
}

/// What all nodes have in common: `[cluster]`.
#[derive(Clone, Debug)]
struct Common {
    name: Name,
    domain: Option<Domain>,
    dns: Vec<IpAddr>,
    mirrors: Mirrors,
    access: Access,
}

/// One `[[network]]`.
#[derive(Clone, Debug)]
struct Network {
    name: NetworkName,
    subnet: Subnet,
    gateway: Option<IpAddr>,
    dns: Vec<IpAddr>,
    mtu: Option<Mtu>,
}

/// One `[[node]]`.
#[derive(Clone, Debug)]
struct Node {
    name: Hostname,
    number: Option<NodeNumber>,
    profile: Name,
    serial: Option<MachineSerial>,
    boot: BootSettings,
    install: InstallSettings,
    interfaces: Vec<Entry<Interface>>,
    disks: Vec<Bytes>,
    fencing: Option<Entry<FenceDevice>>,
}

/// A hash as crypt(5) makes them.
struct PasswordHash(String);

impl Value for PasswordHash {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"$y$...\"";
    const SECRET: bool = true;

    fn schema() -> Schema {
        schema::text("a hash as crypt(5) makes them", r"^\$([!-9;-~]*\$){2}[!-9;-~]*$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        if is_password_hash(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Wrong::value("this is not a password hash", "make one with `mkpasswd -m yescrypt`"))
    }
}

/// A cluster file as it was read: every table with its places.
struct Draft {
    common: Option<Entry<Common>>,
    install: InstallSettings,
    networks: Vec<Entry<Network>>,
    nodes: Vec<Entry<Node>>,
    drbd: Vec<Entry<Drbd>>,
    exports: Vec<Entry<Export>>,
    high_availability: HighAvailability,
}

impl Section for Draft {
    const ABOUT: &'static str = "which machines there are, and what each of them is";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let hint = "add `[cluster]` with `name = \"xencluster\"`";
        table.must_have("cluster", "missing table `[cluster]`", hint);
        table.must_have("node", "this cluster has no nodes", "add a table `[[node]]` for each machine");
        let common = table.section("cluster");
        let install = install(table);
        let networks = table.sections("network");
        let nodes = table.sections("node");
        let (drbd, exports) = (table.sections("drbd"), table.sections("export"));
        let high_availability = HighAvailability {
            corosync: table.section("corosync"),
            pacemaker: table.section("pacemaker"),
            fencing: table.section("fencing"),
            ocfs2: table.section("ocfs2"),
            lvm: table.section("lvm"),
            gfs2: table.section("gfs2"),
        };
        Some(Self { common, install, networks, nodes, drbd, exports, high_availability })
    }
}

fn install(table: &mut Table<'_>) -> InstallSettings {
    table.section("install").map(|settings| settings.value).unwrap_or_default()
}

impl Section for Common {
    const ABOUT: &'static str = "what all nodes have in common";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let domain = table.optional("domain");
        let dns = table.list("dns");
        let ssh_keys = table.list::<SshKey>("ssh-keys").into_iter().map(String::from).collect();
        let root_password_hash = table.optional("root-password-hash").map(|PasswordHash(hash)| hash);
        let [main, security] = ["mirror", "mirror-security"].map(|key| {
            let mirror = table.optional::<Mirror>(key);
            mirror.map(|mirror| mirror.as_str().trim_end_matches('/').to_owned())
        });
        let (mirrors, access) = (Mirrors { main, security }, Access { ssh_keys, root_password_hash });
        Some(Self { name: name?, domain, dns, mirrors, access })
    }
}

impl Section for Network {
    const ABOUT: &'static str = "a network; its name is also that of the interfaces that lead to it";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (name, subnet) = (table.required("name"), table.required("subnet"));
        let (gateway, dns, mtu) = (table.optional("gateway"), table.list("dns"), table.optional("mtu"));
        Some(Self { name: name?, subnet: subnet?, gateway, dns, mtu })
    }
}

impl Section for Node {
    const ABOUT: &'static str = "a machine";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (name, number) = (table.required("name"), table.optional("number"));
        let (profile, serial) = (table.required("profile"), table.optional("serial"));
        let boot = BootSettings::read(table);
        let install = install(table);
        let interfaces = table.sections("interface");
        let disks = table.sections::<Disk>("disk").into_iter().map(|disk| disk.value.0).collect();
        let fencing = table.section("fencing");
        Some(Self {
            name: name?,
            number,
            profile: profile?,
            serial,
            boot: boot?,
            install,
            interfaces,
            disks,
            fencing,
        })
    }
}

/// One `[[node.disk]]`.
struct Disk(Bytes);

impl Section for Disk {
    const ABOUT: &'static str = "a disk of an image";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        table.required("size").map(Self)
    }
}

impl Node {
    fn address_in(&self, network: &NetworkName) -> Option<IpAddr> {
        self.interfaces.iter().find(|nic| nic.value.is_in(network))?.value.address
    }

    fn is_in(&self, network: &NetworkName) -> bool {
        self.interfaces.iter().any(|nic| nic.value.is_in(network))
    }
}

impl Cluster {
    /// A cluster file as editors are to know it.
    #[must_use]
    pub fn schema() -> Schema {
        schema::file("Cluster file of xbuild", document::schema::<Draft>())
    }

    /// Reads a cluster file whose nodes have these profiles.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn load(file: &Path, profiles: &Profiles) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Some(Entry { value: draft, .. }) = Document::open(file)?.read::<Draft>(&mut problems) else {
            return Err(problems);
        };
        check::check(&draft, profiles, &mut problems);
        let Some(common) = draft.common else { return Err(problems) };
        problems.unless_any(Self {
            common: common.value,
            install: draft.install,
            networks: draft.networks.into_iter().map(|network| network.value).collect(),
            places: draft.nodes.iter().map(|node| node.at("name")).collect(),
            nodes: draft.nodes.into_iter().map(|node| node.value).collect(),
            drbd: draft.drbd.into_iter().map(|device| device.value).collect(),
            exports: draft.exports.into_iter().map(|export| export.value).collect(),
            high_availability: draft.high_availability,
        })
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.common.name.as_str()
    }

    /// What tells the machines of the nodes apart, in the order of the file.
    #[must_use]
    pub fn marks(&self) -> Vec<Marks> {
        let marks = |node: &Node| Marks {
            node: node.name.to_string(),
            macs: node.interfaces.iter().flat_map(|interface| interface.value.macs()).collect(),
            serial: node.serial.as_ref().map(ToString::to_string),
        };
        self.nodes.iter().map(marks).collect()
    }

    /// How machines are installed as long as nobody knows which node they are.
    #[must_use]
    pub fn install(&self) -> Install {
        self.install.clone().finish()
    }

    /// Names of all nodes, in the order of the file.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.name.as_str())
    }

    /// The same, each with its place in the file.
    pub fn places(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.nodes().zip(&self.places)
    }

    /// The node of that name, with the profile that it has.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn node(&self, name: &str, profiles: &Profiles) -> Result<NodeSpec, Problem> {
        let node = self.nodes.iter().find(|node| node.name.as_str() == name).ok_or_else(|| {
            let hint = suggest::hint(name, "node", self.nodes());
            Problem::anywhere(format!("unknown node `{name}`"), hint)
        })?;
        Ok(NodeSpec {
            mirrors: self.common.mirrors.clone(),
            access: self.common.access.clone(),
            install: self.install.then(&node.install).finish(),
            identity: Some(self.identity(node)),
            replicated: self.replicated(node),
            membership: self.membership(),
            ..profiles.resolve_with(node.profile.as_str(), &node.boot)?
        })
    }

    /// The devices that a node has a copy of.
    fn replicated(&self, node: &Node) -> Vec<Replicated> {
        let here = |device: &&Drbd| device.nodes.iter().any(|name| name.value == node.name);
        let copy = |device: &Drbd, name: &Hostname| {
            let node = self.nodes.iter().find(|node| node.name == *name)?;
            Some(Copy { node: name.to_string(), address: node.address_in(&device.network)? })
        };
        let replicated = |device: &Drbd| {
            let [disk, net] = device.options(self.high_availability.fencing.is_some());
            Replicated {
                name: device.name.to_string(),
                minor: device.minor.0,
                port: device.port.0,
                backing: device.backing.clone(),
                min_size: device.min_size,
                disk,
                net,
                copies: device.nodes.iter().filter_map(|name| copy(device, &name.value)).collect(),
            }
        };
        self.drbd.iter().filter(here).map(replicated).collect()
    }

    fn identity(&self, node: &Node) -> Identity {
        Identity {
            cluster: self.common.name.to_string(),
            hostname: node.name.to_string(),
            domain: self.common.domain.as_ref().map(ToString::to_string),
            interfaces: node.interfaces.iter().map(|interface| self.interface(&interface.value)).collect(),
            disks: node.disks.clone(),
        }
    }

    fn interface(&self, interface: &Interface) -> node::Interface {
        let network = self.networks.iter().find(|network| network.name == interface.name);
        let network = network.filter(|_| interface.in_network);
        node::Interface {
            name: interface.name.to_string(),
            port: interface.port(),
            bridge: interface.bridge,
            network: network.map(|network| self.attachment(network, interface.address)),
        }
    }

    /// With an address comes the prefix of its network, and the way out of it; DHCP brings its own.
    fn attachment(&self, network: &Network, address: Option<IpAddr>) -> Attachment {
        let dns = if network.dns.is_empty() { &self.common.dns } else { &network.dns };
        Attachment {
            address: address.map(|address| (address, network.subnet.prefix())),
            gateway: network.gateway.filter(|_| address.is_some()),
            dns: dns.clone(),
            mtu: network.mtu.map(|Mtu(bytes)| bytes),
        }
    }
}
