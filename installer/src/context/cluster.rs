//! What corosync, pacemaker and OCFS2 are told of the cluster, the same on all its nodes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::model::fencing::FenceAgent;
use crate::model::membership::{self, FenceDevice, Membership, Promoted};

/// Values for templates; without members everything is empty.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cluster {
    cluster: String,
    members: Vec<Member>,
    /// The others, for `/etc/hosts`.
    peers: Vec<Member>,
    /// Quorum of two is none: the one that is left goes on, because the other one is fenced.
    two_node: bool,
    token: u32,
    knet: Vec<Link>,
    /// Device of the watchdog, or nothing.
    watchdog: String,
    /// `name=value`.
    properties: Vec<String>,
    defaults: Vec<String>,
    fence_devices: Vec<Fence>,
    promoted: Vec<Resource>,
    ocfs2: Option<FileSystems>,
}

#[derive(Clone, Debug, Serialize)]
struct Member {
    number: u32,
    name: String,
    /// `ringN_addr`.
    addresses: Vec<Address>,
    /// Where other nodes find it: its address on the best link.
    address: IpAddr,
}

#[derive(Clone, Debug, Serialize)]
struct Address {
    link: usize,
    address: IpAddr,
}

/// A link of knet; of those that work the one with the highest priority is used.
#[derive(Clone, Debug, Serialize)]
struct Link {
    number: usize,
    priority: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Fence {
    node: String,
    program: &'static str,
    /// `name=value`, quoted for crm(8).
    parameters: Vec<String>,
    timeout: u32,
}

#[derive(Clone, Debug, Serialize)]
struct Resource {
    name: String,
    nodes: usize,
    primaries: u32,
    /// Nodes that have no copy.
    elsewhere: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct FileSystems {
    name: String,
    port: u32,
    count: usize,
    nodes: Vec<Node>,
    /// Values for `/etc/default/o2cb`, by the names of our settings with `_`.
    o2cb: BTreeMap<String, String>,
    volumes: Vec<Volume>,
}

#[derive(Clone, Debug, Serialize)]
struct Node {
    name: String,
    number: u32,
    address: IpAddr,
}

#[derive(Clone, Debug, Serialize)]
struct Volume {
    /// The DRBD resource or the export that it lies on.
    on: String,
    /// It lies on an export.
    imported: bool,
    device: String,
    label: String,
    mount: String,
}

impl Cluster {
    pub(super) fn new(membership: &Membership, hostname: &str) -> Self {
        let links = membership.members.first().map_or(0, |member| member.addresses.len());
        let names: Vec<&str> = membership.members.iter().map(|member| member.name.as_str()).collect();
        let members: Vec<Member> = membership.members.iter().filter_map(Member::new).collect();
        let assigned = |(name, value): &(String, String)| format!("{name}={value}");
        Self {
            cluster: membership.cluster.clone(),
            peers: members.iter().filter(|member| member.name != hostname).cloned().collect(),
            members,
            two_node: membership.members.len() == 2,
            token: membership.token,
            knet: (0..links).map(|number| Link { number, priority: links - number }).collect(),
            watchdog: membership.watchdog.clone().unwrap_or_default(),
            properties: membership.properties.iter().map(assigned).collect(),
            defaults: membership.defaults.iter().map(assigned).collect(),
            fence_devices: membership.fencing.iter().map(Fence::new).collect(),
            promoted: membership.promoted.iter().map(|promoted| Resource::new(promoted, &names)).collect(),
            ocfs2: FileSystems::new(membership),
        }
    }
}

impl Member {
    fn new(member: &membership::Member) -> Option<Self> {
        let addresses = member.addresses.iter().enumerate();
        Some(Self {
            number: member.number,
            name: member.name.clone(),
            addresses: addresses.map(|(link, address)| Address { link, address: *address }).collect(),
            address: *member.addresses.first()?,
        })
    }
}

impl Fence {
    /// The password stays in its file: parameters of resources are shown by every tool of pacemaker.
    fn new(device: &FenceDevice) -> Self {
        let mut parameters = vec![format!("pcmk_host_list={}", device.node)];
        if let Some((address, port)) = device.address {
            parameters.extend([format!("ip={address}"), format!("ipport={port}")]);
        }
        parameters.extend(device.user.iter().map(|user| format!("username={user}")));
        let script = |secret: &String| format!("password_script=\"cat /etc/xbuild/secrets/{secret}\"");
        parameters.extend(device.secret.iter().map(script));
        match device.agent {
            FenceAgent::Ipmi => parameters.push("lanplus=1".to_owned()),
            // A BMC's certificate is its own: nobody has signed it.
            FenceAgent::Redfish => parameters.push("ssl_insecure=1".to_owned()),
            FenceAgent::Virt => parameters.extend(device.guest.iter().map(|guest| format!("port={guest}"))),
        }
        if device.delay > 0 {
            parameters.push(format!("pcmk_delay_base={}s", device.delay));
        }
        Self {
            node: device.node.clone(),
            program: device.agent.program(),
            parameters,
            timeout: device.timeout,
        }
    }
}

impl Resource {
    fn new(promoted: &Promoted, names: &[&str]) -> Self {
        let elsewhere = names.iter().filter(|name| promoted.nodes.iter().all(|node| node != *name));
        Self {
            name: promoted.name.clone(),
            nodes: promoted.nodes.len(),
            primaries: promoted.primaries,
            elsewhere: elsewhere.map(|name| (*name).to_owned()).collect(),
        }
    }
}

impl FileSystems {
    fn new(membership: &Membership) -> Option<Self> {
        let ocfs2 = membership.ocfs2.as_ref()?;
        let volume = |volume: &membership::Volume| {
            Some(Volume {
                on: volume.import.as_ref().unwrap_or(&volume.resource).clone(),
                imported: volume.import.is_some(),
                device: membership.device(volume)?,
                label: volume.label.clone(),
                mount: volume.mount.clone(),
            })
        };
        let node = |(name, number, address): &(String, u32, IpAddr)| Node {
            name: name.clone(),
            number: *number,
            address: *address,
        };
        Some(Self {
            name: ocfs2.name.clone(),
            port: ocfs2.port,
            count: ocfs2.nodes.len(),
            nodes: ocfs2.nodes.iter().map(node).collect(),
            o2cb: ocfs2.o2cb.iter().map(|(name, value)| (name.replace('-', "_"), value.clone())).collect(),
            volumes: ocfs2.volumes.iter().filter_map(volume).collect(),
        })
    }
}
