//! What DRBD and udev are told of replicated devices.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::membership::{Export, Exported};
use crate::model::node::{Copy, Replicated};
use crate::model::secret::Kind;
use crate::model::storage::Carrier;
use crate::plan::{self, PartitionKind, Plan};
use crate::secrets::{SecretText, Secrets};

/// A partition that udev gives a name of its own: what disk it is on may change, and the peer's may be another.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Partition {
    /// Its name below `/dev/xbuild`.
    name: String,
    /// Its GUID.
    uuid: String,
}

/// A file below `/etc/drbd.d`, for both nodes the same.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Resource {
    name: String,
    /// `/dev/drbdMINOR`.
    device: String,
    /// The device below it.
    backing: String,
    /// It is a logical volume, of which LVM can keep what it was.
    volume: bool,
    /// Lines of `disk`, without the semicolon.
    disk: Vec<String>,
    /// Lines of `net`.
    net: Vec<String>,
    /// The network, and the interface to it, in which others import it from its primary, if they do.
    exported_in: Option<String>,
    /// By which both ends know each other; null without secrets.
    shared_secret: Option<SecretText>,
    ends: Vec<End>,
}

/// `on NODE { … }`.
#[derive(Clone, Debug, Serialize)]
struct End {
    node: String,
    /// Address and port.
    address: String,
}

/// The partitions that a plan leaves to DRBD.
pub(super) fn partitions(plan: &Plan) -> Vec<Partition> {
    let raw = |partition: &&plan::Partition| partition.kind == PartitionKind::Drbd;
    let partitions = plan.disks.iter().flat_map(|disk| &disk.partitions).filter(raw);
    let named = |partition: &plan::Partition| Partition {
        name: partition.name.clone(),
        uuid: partition.guid.to_string(),
    };
    partitions.map(named).collect()
}

impl Resource {
    pub(super) fn new(device: &Replicated, exports: &[Export]) -> Self {
        let exported =
            |export: &&Export| matches!(&export.on, Exported::Replicated(name) if *name == device.name);
        let lines = |options: &[(String, String)]| {
            options.iter().map(|(name, value)| format!("{name} {value}")).collect()
        };
        Self {
            name: device.name.clone(),
            device: format!("/dev/drbd{}", device.minor),
            backing: match &device.backing {
                Carrier::Partition(name) => format!("/dev/xbuild/{name}"),
                Carrier::Array(name) => format!("/dev/md/{name}"),
                Carrier::Volume { group, name } => format!("/dev/{group}/{name}"),
            },
            volume: matches!(device.backing, Carrier::Volume { .. }),
            disk: lines(&device.disk),
            net: lines(&device.net),
            exported_in: exports.iter().find(exported).map(|export| export.network.clone()),
            shared_secret: None,
            ends: device.copies.iter().map(|copy| End::new(copy, device.port)).collect(),
        }
    }

    pub(super) fn tell(&mut self, secrets: &Secrets) {
        self.shared_secret = secrets.text(&Kind::Drbd(self.name.clone()));
    }
}

impl End {
    fn new(copy: &Copy, port: u32) -> Self {
        let address = match copy.address {
            IpAddr::V4(address) => format!("{address}:{port}"),
            IpAddr::V6(address) => format!("ipv6 [{address}]:{port}"),
        };
        Self { node: copy.node.clone(), address }
    }
}
