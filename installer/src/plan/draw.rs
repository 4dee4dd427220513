//! A plan as text, for the person who decides whether it may be carried out.

use super::refusal::count;
use super::scale;
use super::{
    Array, Device, Disk, Filesystem, LogicalVolume, Partition, PartitionKind, PartitionRef, Plan,
    VolumeGroup, Waste,
};
use crate::model::storage::{FilesystemKind, Firmware, RaidLevel};
use crate::units::{Bytes, SectorSize};

impl Plan {
    /// The plan as a tree: each disk with its partitions, then arrays, volume groups, and what is wasted.
    #[must_use]
    pub fn draw(&self) -> String {
        let disks = self.disks.iter().enumerate().map(|(at, disk)| self.draw_disk(at, disk));
        let groups = self.volume_groups.iter().map(|group| self.draw_volume_group(group));
        let trees: Vec<Tree> =
            disks.chain([self.draw_arrays()]).chain(groups).chain([self.draw_waste()]).collect();
        let columns = Columns::of(&trees);
        let trees: String = trees.iter().map(|tree| tree.print(&columns)).collect();
        format!("layout {} on {}\n{trees}", self.layout, count(self.disks.len(), "disk"))
    }

    /// One disk of it, as in [`Self::draw`].
    #[must_use]
    pub fn draw_one(&self, at: usize) -> String {
        let tree: Vec<Tree> = self.disks.get(at).map(|disk| self.draw_disk(at, disk)).into_iter().collect();
        let columns = Columns::of(&tree);
        tree.iter().map(|tree| tree.print(&columns)).collect()
    }

    fn draw_disk(&self, at: usize, disk: &Disk) -> Tree {
        let leaf = |partition: &Partition| Leaf {
            name: format!("{:>2} {}", partition.number, partition.name),
            size: partition.size,
            what: self.use_of(PartitionRef { disk: at, number: partition.number }, partition.kind),
        };
        let largest = self.disks.iter().map(|disk| disk.size).max().unwrap_or(disk.size);
        let bar = scale::line(disk, largest);
        Tree {
            heading: format!("{}  {}  {}{}\n{bar}", disk.name, disk.size, disk.group, self.boots(disk)),
            leaves: disk.partitions.iter().map(leaf).collect(),
            is_always_shown: true,
        }
    }

    fn draw_arrays(&self) -> Tree {
        let leaf = |array: &Array| {
            let members = array.members.iter().map(|member| self.partition_label(member.partition));
            let members: Vec<String> = members.collect();
            let above = self.above(&Device::Array(array.name.clone()));
            Leaf {
                name: format!("md {}", array.name),
                size: array.size,
                what: format!("{} of {}: {above}", level(array.level), members.join(" ")),
            }
        };
        Tree::of("arrays", self.arrays.iter().map(leaf))
    }

    fn draw_volume_group(&self, group: &VolumeGroup) -> Tree {
        let volumes = group.volumes.iter().map(|volume| Leaf {
            name: volume.name.clone(),
            size: group.extents_size(volume.extents),
            what: self.use_of_volume(group, volume),
        });
        let free = Leaf { name: "-".to_owned(), size: group.free(), what: "free".to_owned() };
        let size = group.extents_size(group.extents);
        let heading = format!("volume group {}  {size}  on {}", group.name, self.device_label(&group.on));
        let free = Some(free).filter(|free| free.size > Bytes::ZERO);
        Tree { heading, leaves: volumes.chain(free).collect(), is_always_shown: true }
    }

    fn draw_waste(&self) -> Tree {
        let leaf =
            |waste: &Waste| Leaf { name: waste.disk.clone(), size: waste.bytes, what: waste.why.clone() };
        Tree::of("wasted", self.waste.iter().map(leaf))
    }

    fn use_of(&self, at: PartitionRef, kind: PartitionKind) -> String {
        match kind {
            PartitionKind::BiosBoot => "BIOS boot".to_owned(),
            PartitionKind::Esp => "EFI system".to_owned(),
            PartitionKind::Drbd => "raw, for DRBD".to_owned(),
            PartitionKind::Raid => self.membership(at),
            PartitionKind::Lvm | PartitionKind::Linux | PartitionKind::Swap => {
                self.above(&Device::Partition(at))
            }
        }
    }

    fn use_of_volume(&self, group: &VolumeGroup, volume: &LogicalVolume) -> String {
        if volume.drbd {
            return "raw, for DRBD".to_owned();
        }
        self.above(&Device::Volume { group: group.name.clone(), name: volume.name.clone() })
    }

    fn membership(&self, at: PartitionRef) -> String {
        let describe = |array: &Array| {
            let role = array.members.iter().position(|member| member.partition == at)?;
            let (name, level, members) = (&array.name, level(array.level), array.members.len());
            Some(format!("md {name} ({level}, member {role} of {members})"))
        };
        self.arrays.iter().find_map(describe).unwrap_or_else(|| "raw".to_owned())
    }

    /// What lies on a device.
    fn above(&self, device: &Device) -> String {
        if let Some(group) = self.volume_groups.iter().find(|group| group.on == *device) {
            return format!("PV of {}", group.name);
        }
        let filesystem = self.filesystems.iter().find(|filesystem| filesystem.on == *device);
        filesystem.map_or_else(|| "raw".to_owned(), describe)
    }

    fn boots(&self, disk: &Disk) -> &'static str {
        match (disk.boot, disk.sector_size, self.firmware) {
            (true, SectorSize::B512, Firmware::Any) => ", boots by BIOS and UEFI",
            (true, SectorSize::B512, Firmware::Bios) => ", boots by BIOS",
            (true, SectorSize::B512, Firmware::Uefi) => ", boots by UEFI",
            (true, SectorSize::B4096, _) => ", boots by UEFI (BIOS cannot read its sectors of 4096 bytes)",
            (false, SectorSize::B512, _) => "",
            (false, SectorSize::B4096, _) => " (sectors of 4096 bytes)",
        }
    }

    fn device_label(&self, device: &Device) -> String {
        match device {
            Device::Partition(at) => self.partition_label(*at),
            Device::Array(name) => format!("md {name}"),
            Device::Volume { group, name } => format!("{group}/{name}"),
        }
    }
}

fn describe(filesystem: &Filesystem) -> String {
    let kind = match filesystem.kind {
        FilesystemKind::Ext4 => "ext4",
        FilesystemKind::Swap => "swap",
    };
    let mount = filesystem.mount.as_ref().map_or_else(String::new, |mount| format!(" {mount}"));
    let options = if filesystem.options.is_empty() {
        String::new()
    } else {
        format!(" ({})", filesystem.options.join(","))
    };
    format!("{kind}{mount}{options}")
}

const fn level(level: RaidLevel) -> &'static str {
    match level {
        RaidLevel::Raid1 => "RAID1",
        RaidLevel::Raid10 => "RAID10",
    }
}

struct Tree {
    heading: String,
    leaves: Vec<Leaf>,
    is_always_shown: bool,
}

struct Leaf {
    name: String,
    size: Bytes,
    what: String,
}

/// Widths that all trees share, so that sizes stand below each other.
struct Columns {
    name: usize,
    size: usize,
}

impl Columns {
    fn of(trees: &[Tree]) -> Self {
        let leaves = || trees.iter().flat_map(|tree| &tree.leaves);
        Self {
            name: leaves().map(|leaf| leaf.name.chars().count()).max().unwrap_or(0),
            size: leaves().map(|leaf| leaf.size.to_string().len()).max().unwrap_or(0),
        }
    }
}

impl Tree {
    /// A tree that is shown only if it has leaves.
    fn of(heading: &str, leaves: impl Iterator<Item = Leaf>) -> Self {
        Self { heading: heading.to_owned(), leaves: leaves.collect(), is_always_shown: false }
    }

    fn print(&self, columns: &Columns) -> String {
        if self.leaves.is_empty() && !self.is_always_shown {
            return String::new();
        }
        let last = self.leaves.len().saturating_sub(1);
        let branch = |at| if at == last { "└─" } else { "├─" };
        let (name, size) = (columns.name, columns.size);
        let line = |(at, leaf): (usize, &Leaf)| {
            format!("{} {:name$}  {:>size$}  {}\n", branch(at), leaf.name, leaf.size, leaf.what)
        };
        let leaves: String = self.leaves.iter().enumerate().map(line).collect();
        format!("\n{}\n{leaves}", self.heading)
    }
}
