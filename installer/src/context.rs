//! What templates may ask for: the node and the plan, in the words that configuration files use.

mod cluster;
mod devices;
mod drbd;
mod exports;
mod groups;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use self::cluster::Cluster;
use self::devices::Devices;
use self::drbd::{Partition, Resource};
use self::exports::Exports;
use self::groups::Groups;
use crate::model::node::{Boot, Identity, NodeSpec};
use crate::model::storage::FilesystemKind;
use crate::plan::{Device, Filesystem, Plan};
use crate::secrets::Secrets;
use crate::units::Bytes;

/// Values for overlay templates. Every name is always there, so that a template cannot fail on one node only.
#[derive(Clone, Debug, Serialize)]
pub struct Context {
    /// The profile's name.
    pub profile: String,
    /// Host name; empty on a generic node.
    pub hostname: String,
    /// `hostname.domain hostname`, as `/etc/hosts` wants it; empty on a generic node.
    pub host_names: String,
    /// Boot arguments.
    pub boot: BootArguments,
    /// Debian archives for apt.
    pub mirrors: Mirrors,
    /// The node's kernel has modules that its initramfs must carry.
    pub kernel_modular: bool,
    /// The node's own arrays.
    pub arrays: Vec<ArrayEntry>,
    /// LVM may look at these devices and at no others.
    pub lvm_devices: Vec<String>,
    /// Lines for fstab, in the order in which they are mounted.
    pub mounts: Vec<MountEntry>,
    /// `links`, `netdevs` and `networks`: what systemd is told of network devices.
    #[serde(flatten)]
    devices: Devices,
    /// Partitions that are left to DRBD.
    drbd_partitions: Vec<Partition>,
    /// DRBD's resources.
    drbd: Vec<Resource>,
    /// `members` and what else there is in a cluster that works by itself.
    #[serde(flatten)]
    cluster: Cluster,
    /// `exports` and the files for them.
    #[serde(flatten)]
    exports: Exports,
    /// Volume groups that several nodes use.
    #[serde(flatten)]
    groups: Groups,
}

/// Arguments, joined by spaces.
#[derive(Clone, Debug, Serialize)]
pub struct BootArguments {
    /// For the hypervisor.
    pub xen: String,
    /// For every kernel.
    pub kernel: String,
}

/// Addresses of the archives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirrors {
    /// The main archive.
    pub main: String,
    /// The security archive.
    pub security: String,
}

/// A line of mdadm.conf.
#[derive(Clone, Debug, Serialize)]
pub struct ArrayEntry {
    /// Name below `/dev/md`.
    pub name: String,
    /// As mdadm writes it: four groups of eight digits.
    pub uuid: String,
}

/// A line of fstab.
#[derive(Clone, Debug, Serialize)]
pub struct MountEntry {
    /// `UUID=…`.
    pub device: String,
    /// Mount point, or `none`.
    pub mount: String,
    /// Type.
    pub kind: String,
    /// Options.
    pub options: String,
    /// fsck's pass.
    pub pass: u8,
}

impl Context {
    /// The values for a node that is laid out by `plan`, without secrets.
    #[must_use]
    pub fn new(spec: &NodeSpec, plan: &Plan, mirrors: Mirrors, kernel_modular: bool) -> Self {
        let identity = spec.identity.as_ref();
        let hostname = identity.map(|identity| identity.hostname.clone()).unwrap_or_default();
        Self {
            profile: spec.profile.clone(),
            host_names: identity.map(host_names).unwrap_or_default(),
            boot: BootArguments { xen: xen_arguments(&spec.boot), kernel: kernel_arguments(spec, plan) },
            mirrors,
            kernel_modular,
            arrays: plan
                .arrays
                .iter()
                .map(|array| ArrayEntry { name: array.name.clone(), uuid: mdadm_uuid(array.uuid) })
                .collect(),
            lvm_devices: lvm_devices(spec, plan, &hostname),
            mounts: mounts(plan),
            devices: Devices::new(spec),
            drbd_partitions: drbd::partitions(plan),
            drbd: spec
                .replicated
                .iter()
                .map(|device| Resource::new(device, &spec.membership.exports))
                .collect(),
            cluster: Cluster::new(&spec.membership, &hostname),
            exports: Exports::new(&spec.membership, plan, &hostname),
            groups: Groups::new(&spec.membership, &hostname),
            hostname,
        }
    }

    /// With what the node has of secrets.
    #[must_use]
    pub fn with_secrets(mut self, secrets: &Secrets) -> Self {
        self.drbd.iter_mut().for_each(|resource| resource.tell(secrets));
        self
    }

    /// As the template engine takes them.
    #[must_use]
    pub fn value(&self) -> Value {
        // Only maps with keys that are no strings fail to convert, and there are none.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// `name.domain name`.
fn host_names(identity: &Identity) -> String {
    let name = &identity.hostname;
    identity.domain.as_ref().map_or_else(|| name.clone(), |domain| format!("{name}.{domain} {name}"))
}

/// `dom0_mem=X,max:X …`; without the maximum Xen would let dom0 balloon up to all memory.
fn xen_arguments(boot: &Boot) -> String {
    let memory = mebibytes(boot.dom0_memory);
    let mut words = vec![format!("dom0_mem={memory},max:{memory}")];
    words.extend(boot.dom0_vcpus.map(|count| format!("dom0_max_vcpus={count}")));
    words.extend(boot.xen_arguments.iter().cloned());
    words.join(" ")
}

/// A kernel that looks for its root by itself must wait for slow controllers, as an initramfs does. It takes devices of AoE from
/// the network that the cluster file says, and none that others offer.
fn kernel_arguments(spec: &NodeSpec, plan: &Plan) -> String {
    let wait = (!plan.initrd).then(|| "rootwait".to_owned());
    let hostname = spec.identity.as_ref().map_or("", |identity| &identity.hostname);
    let network = spec.membership.aoe_network(hostname).unwrap_or("none");
    let aoe = format!("aoe.aoe_iflist={network}");
    wait.into_iter()
        .chain([aoe])
        .chain(spec.boot.kernel_arguments.iter().cloned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn mebibytes(size: Bytes) -> String {
    format!("{}M", size.0 / Bytes::MIB.0)
}

/// mdadm's way to write a UUID.
#[must_use]
pub fn mdadm_uuid(uuid: Uuid) -> String {
    let digits = uuid.simple().to_string();
    [&digits[..8], &digits[8..16], &digits[16..24], &digits[24..]].join(":")
}

/// All that LVM may see: the node's own physical volumes, and those of groups that it shares.
fn lvm_devices(spec: &NodeSpec, plan: &Plan, hostname: &str) -> Vec<String> {
    let (shared, imported) = groups::devices(&spec.membership, plan, hostname);
    let own = plan.volume_groups.iter().map(|group| &group.on).chain(&shared);
    own.flat_map(|device| lvm_names(plan, device)).chain(imported).collect()
}

/// Names by which LVM may know the device; udev gives an array several.
fn lvm_names(plan: &Plan, device: &Device) -> Vec<String> {
    let array = match device {
        Device::Array(name) => plan.array(name),
        Device::Partition(_) | Device::Volume { .. } => None,
    };
    let by_id = array.map(|array| format!("/dev/disk/by-id/md-uuid-{}", mdadm_uuid(array.uuid)));
    by_id.into_iter().chain([plan.device_path(device)]).collect()
}

/// `/` first, then by depth; swap last.
fn mounts(plan: &Plan) -> Vec<MountEntry> {
    let mut filesystems: Vec<_> = plan.filesystems.iter().collect();
    filesystems.sort_by_key(|filesystem| {
        filesystem.mount.as_ref().map_or(usize::MAX, |mount| mount.trim_end_matches('/').matches('/').count())
    });
    filesystems.into_iter().map(mount_entry).collect()
}

fn mount_entry(filesystem: &Filesystem) -> MountEntry {
    let (mount, kind, fallback) = match filesystem.kind {
        FilesystemKind::Swap => ("none", "swap", "sw"),
        FilesystemKind::Ext4 => (filesystem.mount.as_deref().unwrap_or("none"), "ext4", "defaults"),
    };
    let mut options = filesystem.options.join(",");
    if options.is_empty() {
        fallback.clone_into(&mut options);
    }
    if mount == "/" {
        options.push_str(",errors=remount-ro");
    }
    let pass = match mount {
        "/" => 1,
        "none" => 0,
        _ => 2,
    };
    MountEntry {
        device: format!("UUID={}", filesystem.uuid),
        mount: mount.to_owned(),
        kind: kind.to_owned(),
        options,
        pass,
    }
}

#[cfg(test)]
mod tests {
    use super::mdadm_uuid;
    use uuid::Uuid;

    #[test]
    fn mdadm_writes_uuids_in_four_groups() {
        let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(mdadm_uuid(uuid), "01234567:89abcdef:01234567:89abcdef");
    }
}
