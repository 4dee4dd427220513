//! Looking for our own mistakes: what must be true of every plan, whatever the layout and the disks.

use std::collections::BTreeSet;

use super::partitions::backup_gpt;
use super::{Array, Device, Disk, Filesystem, Partition, PartitionKind, Plan, VolumeGroup};
use crate::model::storage::RaidLevel;
use crate::units::Bytes;

impl Plan {
    /// Checks that pieces lie inside what they are cut from, do not overlap, are used once, and add up.
    ///
    /// # Errors
    /// Every broken rule. Each is a mistake of ours, never of the layout's author.
    pub fn verify(&self) -> Result<(), Vec<String>> {
        let mut mistakes = Mistakes::default();
        for disk in &self.disks {
            mistakes.in_disk(disk);
            mistakes.in_cover(self, disk);
        }
        for array in &self.arrays {
            mistakes.in_array(self, array);
        }
        for group in &self.volume_groups {
            mistakes.in_volume_group(self, group);
        }
        for filesystem in &self.filesystems {
            mistakes.in_filesystem(self, filesystem);
        }
        mistakes.in_use_of_devices(self);
        mistakes.in_names(self);
        mistakes.in_ids(self);
        if mistakes.0.is_empty() { Ok(()) } else { Err(mistakes.0) }
    }
}

#[derive(Default)]
struct Mistakes(Vec<String>);

impl Mistakes {
    fn unless(&mut self, holds: bool, mistake: impl FnOnce() -> String) {
        if !holds {
            self.0.push(mistake());
        }
    }

    fn in_disk(&mut self, disk: &Disk) {
        let name = &disk.name;
        let mut free_from = Bytes::MIB.0;
        for partition in &disk.partitions {
            let number = partition.number;
            let (start, size) = (partition.start.0, partition.size.0);
            let aligned = start.is_multiple_of(Bytes::MIB.0) && size.is_multiple_of(Bytes::MIB.0) && size > 0;
            self.unless(aligned, || format!("{name} partition {number} is not whole MiB at a whole MiB"));
            self.unless(start >= free_from, || {
                format!("{name} partition {number} overlaps what lies before it")
            });
            free_from = end(partition);
        }
        let fits = disk.partitions.is_empty() || free_from <= usable_end(disk);
        self.unless(fits, || format!("the partitions of {name} reach into the backup GPT"));
        self.in_boot_partitions(disk);
    }

    /// Every MiB of a disk lies in a partition, or is said to be wasted.
    fn in_cover(&mut self, plan: &Plan, disk: &Disk) {
        let used = sum(disk.partitions.iter().map(|partition| partition.size));
        let wasted = plan.waste.iter().filter(|waste| waste.disk == disk.name);
        let covered = used.saturating_add(sum(wasted.map(|waste| waste.bytes)));
        let whole = usable_end(disk).saturating_sub(Bytes::MIB.0);
        self.unless(covered == whole, || {
            format!("the partitions and the waste of {} do not add up to it", disk.name)
        });
    }

    fn in_boot_partitions(&mut self, disk: &Disk) {
        let mut first = disk.partitions.iter().map(|partition| (partition.number, partition.kind));
        let boots = [(14, PartitionKind::BiosBoot), (15, PartitionKind::Esp)];
        let has_boot = boots.into_iter().all(|boot| first.next() == Some(boot));
        let numbers = disk.partitions.iter().filter(|partition| matches!(partition.number, 14 | 15)).count();
        let right = if disk.boot { has_boot && numbers == 2 } else { numbers == 0 };
        self.unless(right, || {
            format!("{} lacks its boot partitions, or has those of another kind", disk.name)
        });
        let distinct: BTreeSet<u32> = disk.partitions.iter().map(|partition| partition.number).collect();
        let valid = distinct.iter().all(|number| (1..=15).contains(number));
        self.unless(valid, || format!("{} has a partition number above 15 or of 0", disk.name));
        self.unless(distinct.len() == disk.partitions.len(), || format!("{} has a number twice", disk.name));
    }

    fn in_array(&mut self, plan: &Plan, array: &Array) {
        let name = &array.name;
        let count = array.members.len() as u64;
        let (copies, enough) = match array.level {
            RaidLevel::Raid1 => (count, count >= 2),
            RaidLevel::Raid10 => (2, count >= 4 && count.is_multiple_of(2)),
        };
        self.unless(enough, || format!("array {name} has {count} members"));
        let size = u128::from(array.member_size.0) * u128::from(count) / u128::from(copies.max(1));
        self.unless(size == u128::from(array.size.0), || {
            format!("array {name} has not the size of its members")
        });
        let whole = array.chunk == Bytes::ZERO || array.member_size.0.is_multiple_of(array.chunk.0);
        self.unless(whole && array.member_size.0 > 0, || {
            format!("array {name} has a member of no whole chunks")
        });
        self.unless(array.metadata_end() <= array.data_offset, || {
            format!("the bitmap of {name} reaches its data")
        });
        self.in_members(plan, array);
    }

    fn in_members(&mut self, plan: &Plan, array: &Array) {
        let name = &array.name;
        let used = array.data_offset.0.saturating_add(array.member_size.0);
        let mut sector_sizes = Vec::new();
        for member in &array.members {
            let partition = plan.partition(member.partition);
            let is_raid = partition.is_some_and(|partition| partition.kind == PartitionKind::Raid);
            self.unless(is_raid, || format!("array {name} has a member that is no RAID partition"));
            let fits = partition.is_some_and(|partition| used <= partition.size.0);
            self.unless(fits, || format!("array {name} uses more than its member {:?}", member.partition));
            sector_sizes.extend(member.partition.disk(plan).map(|disk| disk.sector_size));
        }
        sector_sizes.dedup();
        self.unless(sector_sizes.len() <= 1, || format!("array {name} mixes sector sizes"));
    }

    fn in_volume_group(&mut self, plan: &Plan, group: &VolumeGroup) {
        let name = &group.name;
        let size = plan.device_size(&group.on);
        self.unless(size == Some(group.device_size), || format!("{name} has not the size of its device"));
        let room = group.device_size.saturating_sub(group.pe_start).0 / group.extent_size.0.max(1);
        self.unless(room == group.extents, || format!("{name} has {} extents, not {room}", group.extents));
        let mut free_from = 0;
        for volume in &group.volumes {
            let right = volume.start >= free_from && volume.extents > 0;
            self.unless(right, || format!("{name}/{} is empty or overlaps what lies before it", volume.name));
            free_from = volume.start.saturating_add(volume.extents);
        }
        self.unless(free_from <= group.extents, || format!("the volumes of {name} are larger than it"));
    }

    fn in_filesystem(&mut self, plan: &Plan, filesystem: &Filesystem) {
        let right = plan.device_size(&filesystem.on) == Some(filesystem.size);
        self.unless(right, || format!("`{}` has not the size of its device", filesystem.label));
    }

    /// Nothing lies on a device twice, and nothing lies on what is raw.
    fn in_use_of_devices(&mut self, plan: &Plan) {
        let members = plan.arrays.iter().flat_map(|array| &array.members);
        let mut used: Vec<Device> = members.map(|member| Device::Partition(member.partition)).collect();
        used.extend(plan.volume_groups.iter().map(|group| group.on.clone()));
        used.extend(plan.filesystems.iter().map(|filesystem| filesystem.on.clone()));
        for (at, device) in used.iter().enumerate() {
            let again = used.iter().skip(at + 1).any(|other| other == device);
            self.unless(!again, || format!("{} is used twice", plan.device_path(device)));
            let Device::Partition(partition) = device else { continue };
            let raw = [PartitionKind::Drbd, PartitionKind::BiosBoot, PartitionKind::Esp];
            let is_raw = plan.partition(*partition).is_some_and(|partition| raw.contains(&partition.kind));
            self.unless(!is_raw, || format!("{} must stay raw", plan.partition_label(*partition)));
        }
    }

    fn in_names(&mut self, plan: &Plan) {
        self.distinct("array", plan.arrays.iter().map(|array| array.name.clone()));
        self.distinct("volume group", plan.volume_groups.iter().map(|group| group.name.clone()));
        self.distinct(
            "mount point",
            plan.filesystems.iter().filter_map(|filesystem| filesystem.mount.clone()),
        );
        for group in &plan.volume_groups {
            self.distinct("logical volume", group.volumes.iter().map(|volume| volume.name.clone()));
        }
    }

    fn in_ids(&mut self, plan: &Plan) {
        let disks = plan.disks.iter().map(|disk| disk.guid);
        let partitions = plan.partitions().map(|(_, partition)| partition.guid);
        let arrays = plan.arrays.iter().map(|array| array.uuid);
        let members = plan.arrays.iter().flat_map(|array| &array.members).map(|member| member.uuid);
        let filesystems =
            plan.filesystems.iter().flat_map(|filesystem| [filesystem.uuid, filesystem.hash_seed]);
        let uuids = disks.chain(partitions).chain(arrays).chain(members).chain(filesystems);
        self.distinct("UUID", uuids.map(|uuid| uuid.to_string()));
        let groups = plan.volume_groups.iter().flat_map(|group| [&group.id, &group.pv_id]);
        let volumes = plan.volume_groups.iter().flat_map(|group| &group.volumes).map(|volume| &volume.id);
        self.distinct("LVM id", groups.chain(volumes).cloned());
    }

    fn distinct(&mut self, what: &str, names: impl Iterator<Item = String>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.clone()) {
                self.0.push(format!("two things have the {what} {name}"));
            }
        }
    }
}

/// Where the last partition of a disk may end: a whole MiB before the backup GPT.
fn usable_end(disk: &Disk) -> u64 {
    let whole_sectors = disk.size.align_down(disk.sector_size.bytes());
    whole_sectors.saturating_sub(backup_gpt(disk.sector_size)).align_down(Bytes::MIB).0
}

fn sum(mut sizes: impl Iterator<Item = Bytes>) -> u64 {
    sizes.try_fold(0_u64, |sum, size| sum.checked_add(size.0)).unwrap_or(u64::MAX)
}

fn end(partition: &Partition) -> u64 {
    partition.start.0.saturating_add(partition.size.0)
}
