//! Finding things in a plan, and what they are called.

use super::partitions::backup_gpt;
use super::{Array, Device, Disk, Filesystem, LogicalVolume, Partition, PartitionRef, Plan, VolumeGroup};
use crate::model::storage::Carrier;
use crate::units::Bytes;

impl PartitionRef {
    /// The disk it lies on.
    #[must_use]
    pub fn disk(self, plan: &Plan) -> Option<&Disk> {
        plan.disks.get(self.disk)
    }
}

impl Disk {
    /// How large a disk must be at least to carry the same partitions.
    #[must_use]
    pub fn least_size(&self) -> Bytes {
        let end = |partition: &Partition| partition.start + partition.size;
        self.partitions.iter().map(end).max().unwrap_or(Bytes::MIB) + backup_gpt(self.sector_size)
    }
}

impl VolumeGroup {
    /// The volume of that name.
    #[must_use]
    pub fn volume(&self, name: &str) -> Option<&LogicalVolume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }

    /// So many extents in bytes.
    #[must_use]
    pub const fn extents_size(&self, extents: u64) -> Bytes {
        Bytes(extents.saturating_mul(self.extent_size.0))
    }

    /// What no volume has.
    #[must_use]
    pub fn free(&self) -> Bytes {
        let used = self.volumes.iter().fold(0, |sum: u64, volume| sum.saturating_add(volume.extents));
        self.extents_size(self.extents.saturating_sub(used))
    }
}

impl Plan {
    /// The array of that name.
    #[must_use]
    pub fn array(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|array| array.name == name)
    }

    /// The volume group of that name.
    #[must_use]
    pub fn volume_group(&self, name: &str) -> Option<&VolumeGroup> {
        self.volume_groups.iter().find(|group| group.name == name)
    }

    /// The partition that a reference means.
    #[must_use]
    pub fn partition(&self, at: PartitionRef) -> Option<&Partition> {
        at.disk(self)?.partitions.iter().find(|partition| partition.number == at.number)
    }

    /// The file system mounted at that path.
    #[must_use]
    pub fn filesystem_at(&self, mount: &str) -> Option<&Filesystem> {
        self.filesystems.iter().find(|filesystem| filesystem.mount.as_deref() == Some(mount))
    }

    /// Every partition with its reference, in the order of the disks and on them.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionRef, &Partition)> {
        self.disks.iter().enumerate().flat_map(|(disk, planned)| {
            let at = move |partition: &Partition| PartitionRef { disk, number: partition.number };
            planned.partitions.iter().map(move |partition| (at(partition), partition))
        })
    }

    /// What a layout calls `carrier`; none if the plan does not have it.
    #[must_use]
    pub fn device(&self, carrier: &Carrier) -> Option<Device> {
        let device = match carrier {
            Carrier::Partition(wanted) => {
                Device::Partition(self.partitions().find(|(_, partition)| partition.name == *wanted)?.0)
            }
            Carrier::Array(name) => Device::Array(name.clone()),
            Carrier::Volume { group, name } => Device::Volume { group: group.clone(), name: name.clone() },
        };
        self.device_size(&device).map(|_| device)
    }

    /// How large a device is; none if the plan does not have it.
    #[must_use]
    pub fn device_size(&self, device: &Device) -> Option<Bytes> {
        match device {
            Device::Partition(at) => Some(self.partition(*at)?.size),
            Device::Array(name) => Some(self.array(name)?.size),
            Device::Volume { group, name } => {
                let group = self.volume_group(group)?;
                Some(group.extents_size(group.volume(name)?.extents))
            }
        }
    }

    /// The device's path on the running node: `/dev/md/root`, `/dev/vg0/var`, and for a partition the name that
    /// does not depend on the order in which disks are found, `/dev/disk/by-partuuid/…`.
    #[must_use]
    pub fn device_path(&self, device: &Device) -> String {
        match device {
            Device::Partition(at) => self.partition(*at).map_or_else(
                || format!("/dev/disk/by-partuuid/missing-{}-{}", at.disk, at.number),
                |partition| format!("/dev/disk/by-partuuid/{}", partition.guid),
            ),
            Device::Array(name) => format!("/dev/md/{name}"),
            Device::Volume { group, name } => format!("/dev/{group}/{name}"),
        }
    }

    /// What people call a partition: `disk0p1`, `sda1`, `nvme0n1p1`.
    #[must_use]
    pub fn partition_label(&self, at: PartitionRef) -> String {
        let name = at.disk(self).map_or("?", |disk| &disk.name);
        let short = name.strip_prefix("/dev/").unwrap_or(name);
        let separator = if short.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
        format!("{short}{separator}{}", at.number)
    }
}
