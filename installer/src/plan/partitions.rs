//! Cutting disks: GPT, boot partitions first, then what the layout says, all aligned to 1 MiB.

use uuid::{Uuid, uuid};

use super::disks::Group;
use super::draft::Draft;
use super::refusal::{Refusal, exact};
use super::shares::{self, Claim};
use super::{Disk, Partition, PartitionKind, Waste};
use crate::facts::DiskFacts;
use crate::model::storage::{Carrier, FilesystemKind, PartitionRule};
use crate::units::{Bytes, SectorSize};

/// Number, name, kind and MiB of what every boot disk carries before everything else.
///
/// FAT32 needs 65525 clusters: 257 MiB where a cluster is one sector of 4096 bytes. 512 MiB leaves room for
/// firmware capsules and still spares a disk of 8 GiB.
const BOOT_PARTITIONS: [(u32, &str, PartitionKind, u64); 2] =
    [(14, "bios", PartitionKind::BiosBoot, 1), (15, "esp", PartitionKind::Esp, 512)];

/// The first partition starts here, in MiB; the primary GPT lies before it.
const FIRST: u64 = 1;

impl PartitionKind {
    /// The GPT type GUID. DRBD has none of its own: its partitions say "Linux reserved", so that nothing takes
    /// them for a file system.
    #[must_use]
    pub const fn type_guid(self) -> Uuid {
        match self {
            Self::BiosBoot => uuid!("21686148-6449-6e6f-744e-656564454649"),
            Self::Esp => uuid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b"),
            Self::Raid => uuid!("a19d880f-05fc-4d3b-a006-743f0f84911e"),
            Self::Lvm => uuid!("e6d6d379-f507-44c2-a23c-238f2a3df928"),
            Self::Linux => uuid!("0fc63daf-8483-4772-8e79-3d69d8477de4"),
            // Linux reserved: DRBD has no type of its own, and nothing must take the partition for a file system.
            Self::Drbd => uuid!("8da63339-0007-60c0-c436-083ac8230908"),
            Self::Swap => uuid!("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"),
        }
    }
}

/// What the backup GPT takes at the end of a disk: 128 entries of 128 bytes, and the header's sector.
pub(super) fn backup_gpt(sector_size: SectorSize) -> Bytes {
    Bytes(16384) + sector_size.bytes()
}

/// Where the last partition must end, in MiB.
fn end_of(disk: &DiskFacts) -> u64 {
    let whole_sectors = disk.size.align_down(disk.sector_size.bytes());
    whole_sectors.saturating_sub(backup_gpt(disk.sector_size)).0 / Bytes::MIB.0
}

/// A disk and where it is cut, in MiB.
#[derive(Clone, Copy)]
struct Cut {
    disk: usize,
    end: u64,
}

impl Draft<'_> {
    /// Cuts every group. Disks that no group has keep an empty table, so that indices stay those of the facts.
    pub(super) fn cut_disks(&mut self, groups: &[Group]) {
        self.plan.disks = self.facts.iter().enumerate().map(|(at, facts)| self.blank(at, facts)).collect();
        for group in groups {
            let rules = self.rules_of(group);
            if self.every_disk_is_large_enough(group, &rules) {
                for cut in self.cuts(group, &rules) {
                    self.cut_disk(group, &rules, &cut);
                }
            }
        }
    }

    fn blank(&self, at: usize, facts: &DiskFacts) -> Disk {
        Disk {
            name: facts.name.clone(),
            group: String::new(),
            size: facts.size,
            sector_size: facts.sector_size,
            guid: self.seed.disk(at),
            boot: false,
            partitions: Vec::new(),
        }
    }

    fn rules_of(&self, group: &Group) -> Vec<PartitionRule> {
        self.layout.partitions.iter().filter(|rule| rule.disks == group.rule.name).cloned().collect()
    }

    fn every_disk_is_large_enough(&mut self, group: &Group, rules: &[PartitionRule]) -> bool {
        let end = content_start(group).saturating_add(shares::needed(&claims(rules)));
        let disks = group.disks.iter().filter_map(|disk| self.facts.get(*disk));
        let small: Vec<&DiskFacts> = disks.filter(|disk| end_of(disk) < end).collect();
        let Some(first) = small.first() else { return true };
        let needed = size_for(end, first.sector_size);
        let show = |disk: &&DiskFacts| {
            let missing = needed.saturating_sub(disk.size);
            format!("{} is {}, {} too small", disk.name, exact(disk.size), exact(missing))
        };
        let small: Vec<String> = small.iter().map(show).collect();
        self.refuse(Refusal::new(
            format!(
                "the partitions of `{}` need a disk of at least {}, but {}",
                group.rule.name,
                exact(needed),
                small.join(", ")
            ),
            "take larger disks, or lower the minimum sizes of the partitions",
        ));
        false
    }

    /// Where each disk of a group is cut: all alike if any array lies on them, since its members must be equal.
    fn cuts(&mut self, group: &Group, rules: &[PartitionRule]) -> Vec<Cut> {
        let own = |disk: &usize| Some(Cut { disk: *disk, end: end_of(self.facts.get(*disk)?) });
        let cuts: Vec<Cut> = group.disks.iter().filter_map(own).collect();
        let arrays = &self.layout.arrays;
        let alike = rules.iter().any(|rule| arrays.iter().any(|array| array.partition == rule.name));
        match cuts.iter().copied().min_by_key(|cut| cut.end) {
            Some(smallest) if alike => self.cut_alike(group, &cuts, smallest),
            _ => cuts,
        }
    }

    fn cut_alike(&mut self, group: &Group, cuts: &[Cut], smallest: Cut) -> Vec<Cut> {
        let name = self.facts.get(smallest.disk).map_or("", |disk| &disk.name);
        let why = format!("cut like {name}, the smallest disk of `{}`", group.rule.name);
        for cut in cuts {
            self.waste(cut.disk, cut.end - smallest.end, &why);
        }
        cuts.iter().map(|cut| Cut { disk: cut.disk, end: smallest.end }).collect()
    }

    fn cut_disk(&mut self, group: &Group, rules: &[PartitionRule], cut: &Cut) {
        let start = content_start(group);
        let Some(sizes) = shares::share_out(cut.end.saturating_sub(start), &claims(rules)) else { return };
        let mut partitions = self.boot_partitions(group, cut.disk);
        let mut at = start;
        for (rule, size) in rules.iter().zip(sizes) {
            let kind = self.kind_of(rule);
            partitions.push(self.partition(cut.disk, (rule.number, &rule.name, kind, size), at));
            at += size;
        }
        let why = format!("no partition of `{}` may grow further", group.rule.name);
        self.waste(cut.disk, cut.end - at, &why);
        if let Some(disk) = self.plan.disks.get_mut(cut.disk) {
            disk.group.clone_from(&group.rule.name);
            disk.boot = group.rule.boot;
            disk.partitions = partitions;
        }
    }

    fn boot_partitions(&self, group: &Group, disk: usize) -> Vec<Partition> {
        let mut at = FIRST;
        let wanted = BOOT_PARTITIONS.into_iter().filter(|_| group.rule.boot);
        let place = |boot: (u32, &str, PartitionKind, u64)| {
            let partition = self.partition(disk, boot, at);
            at += boot.3;
            partition
        };
        wanted.map(place).collect()
    }

    fn partition(
        &self,
        disk: usize,
        (number, name, kind, mib): (u32, &str, PartitionKind, u64),
        at: u64,
    ) -> Partition {
        Partition {
            number,
            name: name.to_owned(),
            kind,
            guid: self.seed.uuid(&format!("disk/{disk}/partition/{number}")),
            start: Bytes::mib(at),
            size: Bytes::mib(mib),
        }
    }

    fn kind_of(&self, rule: &PartitionRule) -> PartitionKind {
        let is_me = |carrier: &Carrier| matches!(carrier, Carrier::Partition(name) if *name == rule.name);
        if rule.drbd {
            PartitionKind::Drbd
        } else if self.layout.arrays.iter().any(|array| array.partition == rule.name) {
            PartitionKind::Raid
        } else if self.layout.volume_groups.iter().any(|group| is_me(&group.on)) {
            PartitionKind::Lvm
        } else if self.layout.filesystems.iter().any(|fs| fs.kind == FilesystemKind::Swap && is_me(&fs.on)) {
            PartitionKind::Swap
        } else {
            PartitionKind::Linux
        }
    }

    fn waste(&mut self, disk: usize, mib: u64, why: &str) {
        if let Some(disk) = self.facts.get(disk).filter(|_| mib > 0) {
            self.plan.waste.push(Waste {
                disk: disk.name.clone(),
                bytes: Bytes::mib(mib),
                why: why.to_owned(),
            });
        }
    }
}

fn claims(rules: &[PartitionRule]) -> Vec<Claim> {
    rules.iter().map(|rule| Claim::piece(&rule.size, Bytes::MIB)).collect()
}

/// Where the first partition of the layout starts, in MiB.
fn content_start(group: &Group) -> u64 {
    let boot = BOOT_PARTITIONS.into_iter().filter(|_| group.rule.boot);
    FIRST + boot.map(|(_, _, _, mib)| mib).sum::<u64>()
}

/// The smallest disk whose last partition may end at `end` MiB, in whole MiB.
fn size_for(end: u64, sector_size: SectorSize) -> Bytes {
    let backup = backup_gpt(sector_size).0.div_ceil(Bytes::MIB.0);
    Bytes(end.saturating_add(backup).saturating_mul(Bytes::MIB.0))
}
