//! Whether every node can be switched off, and nothing is shared that nobody could switch off.

use std::net::IpAddr;

use super::super::{Draft, Node};
use crate::model::document::Entry;
use crate::model::drbd::Primaries;
use crate::model::fencing::{FenceAgent, FenceDevice, Fencing};
use crate::model::names;
use crate::model::problem::{Problem, Problems};

pub(super) fn check(draft: &Draft, sound: bool, problems: &mut Problems) {
    match &draft.high_availability.fencing {
        Some(fencing) => {
            for node in draft.nodes.iter().filter(|_| sound) {
                of_node(node, &fencing.value, problems);
            }
            mixed(draft, &fencing.value, problems);
        }
        None if sound => unfenced(draft, problems),
        None => {}
    }
    let devices = || draft.nodes.iter().filter_map(|node| node.value.fencing.as_ref());
    let addresses = devices().filter_map(|device| Some((Bmc::of(device)?, device.at("address"))));
    names::once("BMC", "each node has one of its own", addresses, problems);
    let guests = devices().filter_map(|device| Some((device.value.guest.as_ref()?, device.at("guest"))));
    names::once("guest", "each node is a guest of its own", guests, problems);
    for device in devices() {
        problems.extend(nodes_address(device, draft));
    }
}

/// Address and port.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Bmc(IpAddr, Option<u32>);

impl Bmc {
    fn of(device: &Entry<FenceDevice>) -> Option<Self> {
        Some(Self(device.value.address?, device.value.port.map(|port| port.0)))
    }
}

impl std::fmt::Display for Bmc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.1 {
            Some(port) => write!(f, "{} port {port}", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// A node and its BMC are two machines.
fn nodes_address(device: &Entry<FenceDevice>, draft: &Draft) -> Option<Problem> {
    let address = device.value.address?;
    let has =
        |node: &&Entry<Node>| node.value.interfaces.iter().any(|nic| nic.value.address == Some(address));
    let node = draft.nodes.iter().find(has)?;
    let message = format!("{address} is the address of node `{}` itself", node.value.name);
    Some(Problem::at(
        device.at("address"),
        message,
        "give the address of the BMC: it answers when the node is off",
    ))
}

fn of_node(node: &Entry<Node>, fencing: &Fencing, problems: &mut Problems) {
    let name = &node.value.name;
    let Some(device) = &node.value.fencing else {
        let message = format!("node `{name}` cannot be fenced");
        let hint = format!("add to it {}", example(fencing.agent));
        return problems.push(Problem::at(node.at("name"), message, hint));
    };
    let FenceDevice { address, secret, guest, .. } = &device.value;
    let agent = device.value.agent.unwrap_or(fencing.agent);
    let user = device.value.user.is_some() || fencing.user.is_some();
    let missing = match agent {
        FenceAgent::Virt => vec![("guest", guest.is_some())],
        FenceAgent::Ipmi | FenceAgent::Redfish => {
            vec![("address", address.is_some()), ("user", user), ("secret", secret.is_some())]
        }
    };
    for (key, _) in missing.into_iter().filter(|(_, there)| !there) {
        let message = format!("node `{name}` cannot be fenced without `{key}`");
        let hint = format!("write {}", example(agent));
        problems.push(Problem::at(device.at("agent"), message, hint));
    }
}

fn example(agent: FenceAgent) -> &'static str {
    match agent {
        FenceAgent::Ipmi | FenceAgent::Redfish => {
            "`fencing = { address = \"10.0.2.101\", user = \"fencing\", secret = \"bmc-master1\" }`"
        }
        FenceAgent::Virt => "`fencing = { guest = \"web1\" }`",
    }
}

/// Hosts and guests must never be in one cluster: the hosts would wait for guests that they have stopped themselves.
fn mixed(draft: &Draft, fencing: &Fencing, problems: &mut Problems) {
    let is_guest = |node: &&Entry<Node>| {
        let device = node.value.fencing.as_ref();
        device.and_then(|device| device.value.agent).unwrap_or(fencing.agent) == FenceAgent::Virt
    };
    let (guests, hosts): (Vec<_>, Vec<_>) = draft.nodes.iter().partition(is_guest);
    if let ([guest, ..], [host, ..]) = (guests.as_slice(), hosts.as_slice()) {
        let (guest_name, host) = (&guest.value.name, &host.value.name);
        let message =
            format!("`{guest_name}` is a guest and `{host}` is a host: they cannot be in one cluster");
        let hint = "make a cluster of the hosts and another one of the guests, each with a file of its own";
        problems.push(Problem::at(guest.at("fencing"), message, hint));
    }
}

fn unfenced(draft: &Draft, problems: &mut Problems) {
    let hint = "add `[fencing]` with `agent = \"ipmi\"`, and to each node what switches it off";
    if draft.high_availability.corosync.is_some() {
        for device in draft.drbd.iter().filter(|device| device.value.primaries == Primaries::Both) {
            let message = format!("`{}` has two primaries, and no node can be fenced", device.value.name);
            problems.push(Problem::at(device.at("primaries"), message, hint));
        }
    }
    for node in draft.nodes.iter() {
        if let Some(device) = &node.value.fencing {
            let message =
                format!("node `{}` can be fenced, and nothing says that it shall be", node.value.name);
            problems.push(Problem::at(device.at(""), message, hint));
        }
    }
}
