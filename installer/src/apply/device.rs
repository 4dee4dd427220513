//! What the installer calls the devices of a plan, and on which disks they lie.

use crate::plan::{Array, Device, PartitionRef, Plan};

/// The node of a partition: `/dev/sda1`, `/dev/nvme0n1p1`.
#[must_use]
pub fn partition(disk: &str, number: u32) -> String {
    format!("{}{number}", stem(disk))
}

/// What the numbers of a disk's partitions are put behind.
fn stem(disk: &str) -> String {
    let separator = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{separator}")
}

/// The partition's node by its reference.
pub(super) fn partition_of(plan: &Plan, at: PartitionRef) -> String {
    partition(at.disk(plan).map_or("", |disk| &disk.name), at.number)
}

/// The node of a device. There is no udev in the installer, hence no `/dev/disk`.
pub(super) fn node(plan: &Plan, device: &Device) -> String {
    match device {
        Device::Partition(at) => partition_of(plan, *at),
        Device::Array(_) | Device::Volume { .. } => plan.device_path(device),
    }
}

/// The disks that carry a device.
pub(super) fn disks(plan: &Plan, device: &Device) -> Vec<String> {
    match device {
        Device::Partition(at) => at.disk(plan).map(|disk| disk.name.clone()).into_iter().collect(),
        Device::Array(name) => {
            let members = plan.array(name).into_iter().flat_map(|array| &array.members);
            members.filter_map(|member| Some(member.partition.disk(plan)?.name.clone())).collect()
        }
        Device::Volume { group, .. } => {
            plan.volume_group(group).map(|group| disks(plan, &group.on)).unwrap_or_default()
        }
    }
}

/// The array that a device is or lies on.
pub(super) fn array<'p>(plan: &'p Plan, device: &Device) -> Option<&'p Array> {
    match device {
        Device::Partition(_) => None,
        Device::Array(name) => plan.array(name),
        Device::Volume { group, .. } => array(plan, &plan.volume_group(group)?.on),
    }
}

/// The disk of the plan that `path` is, or is a partition of.
pub(super) fn owner<'p>(plan: &'p Plan, path: &str) -> Option<&'p str> {
    let is_on = |disk: &str| path == disk || number(disk, path).is_some();
    plan.disks.iter().map(|disk| disk.name.as_str()).find(|disk| is_on(disk))
}

/// The number of the partition `path` of `disk`.
pub(super) fn number(disk: &str, path: &str) -> Option<u32> {
    let number = path.strip_prefix(&stem(disk))?.parse().ok()?;
    (partition(disk, number) == path).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::{number, partition};

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        assert_eq!(partition("/dev/sda", 1), "/dev/sda1");
        assert_eq!(partition("/dev/vdb", 15), "/dev/vdb15");
        assert_eq!(partition("/dev/nvme0n1", 1), "/dev/nvme0n1p1");
        assert_eq!(partition("/dev/mmcblk0", 2), "/dev/mmcblk0p2");
    }

    #[test]
    fn a_path_tells_its_number() {
        let table = [
            ("/dev/sda", "/dev/sda12", Some(12)),
            ("/dev/sda", "/dev/sda", None),
            ("/dev/sda", "/dev/sdaa1", None),
            ("/dev/sda", "/dev/sda01", None),
            ("/dev/sda", "/dev/sda+1", None),
            ("/dev/nvme0n1", "/dev/nvme0n1p3", Some(3)),
            ("/dev/nvme0n1", "/dev/nvme0n13", None),
        ];
        for (disk, path, expected) in table {
            assert_eq!(number(disk, path), expected, "{path}");
        }
    }
}
