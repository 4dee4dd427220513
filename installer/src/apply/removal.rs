//! What goes of a disk's earlier lives, and what stays.

use anyhow::{Context as _, Result, ensure};

use super::device;
use crate::plan::{Array, Device, Partition, PartitionKind, PartitionRef, Plan};
use crate::units::Bytes;

/// What a wipe policy has decided; the default is a plan on blank disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Devices whose signatures are removed: disks of the plan (`/dev/sda`) and partitions that they have now
    /// (`/dev/sda1`). A disk that holds what is kept is not among them: its table is replaced.
    pub wipe: Vec<String>,
    /// Partitions that keep what is on them: a disk of the plan, and the number, for which the plan has the very partition
    /// that is there.
    pub keep: Vec<(String, u32)>,
    /// Arrays that are put together from partitions that are kept: all members of each.
    pub keep_arrays: Vec<String>,
    /// Volumes that keep what is on them, each with its group. The group stays as it is, on what is kept.
    pub keep_volumes: Vec<(String, String)>,
    /// What the disks are cut into now.
    pub old: Vec<Old>,
}

/// A partition of an earlier life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    /// The disk of the plan that it lies on.
    pub disk: String,
    /// Where it starts there.
    pub start: Bytes,
    /// How large it is.
    pub size: Bytes,
    /// What it is.
    pub kind: OldKind,
}

/// What a partition of an earlier life is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKind {
    /// An EFI system partition: firmware may start what is on it.
    Esp,
    /// Anything else.
    Other,
}

impl Removal {
    /// Refuses whatever is not about the disks of `plan`, and what would lose that which is kept.
    pub(super) fn check(&self, plan: &Plan) -> Result<()> {
        self.keep.iter().try_for_each(|(disk, number)| self.check_kept(plan, disk, *number))?;
        self.keep_arrays.iter().try_for_each(|name| self.check_array(plan, name))?;
        self.keep_volumes.iter().try_for_each(|(group, name)| self.check_volume(plan, group, name))?;
        self.wipe.iter().try_for_each(|path| self.check_wiped(plan, path))?;
        self.old.iter().try_for_each(|old| self.check_old(plan, old))
    }

    fn check_wiped(&self, plan: &Plan, path: &str) -> Result<()> {
        let disk = device::owner(plan, path);
        let disk =
            disk.with_context(|| format!("BUG: {path} is to be wiped, but no disk of the plan has it"))?;
        let kept = device::number(disk, path).is_some_and(|number| self.keeps(disk, number));
        ensure!(!kept, "BUG: {path} is to be wiped, and to be kept");
        // Only its table says where they lie, until the new one is written.
        let holds = path == disk && self.keep.iter().any(|(holder, _)| holder == disk);
        ensure!(!holds, "BUG: {path} is to be wiped, but holds what is to be kept");
        Ok(())
    }

    fn check_old(&self, plan: &Plan, old: &Old) -> Result<()> {
        let disk = plan.disks.iter().find(|disk| disk.name == old.disk);
        let disk =
            disk.with_context(|| format!("BUG: {} has old partitions, but is not in the plan", old.disk))?;
        let (from, to) = (old.start, old.start + old.size);
        ensure!(to <= disk.size, "BUG: {} has an old partition beyond its end", old.disk);
        let overlaps = |kept: &Partition| kept.start < to && from < kept.start + kept.size;
        let kept = disk.partitions.iter().filter(|partition| self.keeps(&disk.name, partition.number));
        let harmless = old.kind == OldKind::Other || !kept.into_iter().any(overlaps);
        ensure!(harmless, "BUG: {} has an old ESP in what is to be kept", old.disk);
        Ok(())
    }

    /// Only what nothing is written to can be kept.
    fn check_kept(&self, plan: &Plan, name: &str, number: u32) -> Result<()> {
        let index = plan.disks.iter().position(|disk| disk.name == name);
        let at = index.map(|disk| PartitionRef { disk, number });
        let found = at.and_then(|at| Some((at, plan.partition(at)?)));
        let path = device::partition(name, number);
        let (at, partition) =
            found.with_context(|| format!("BUG: {path} is to be kept, but the plan does not have it"))?;
        let carries = plan.arrays.iter().any(|array| self.keeps_array(&array.name) && has_member(array, at))
            || plan
                .volume_groups
                .iter()
                .any(|group| group.on == Device::Partition(at) && self.keeps_group(&group.name));
        ensure!(
            carries || partition.kind == PartitionKind::Drbd,
            "BUG: {path} is to be kept, but carries nothing that stays"
        );
        Ok(())
    }

    fn check_array(&self, plan: &Plan, name: &str) -> Result<()> {
        let array = plan.array(name);
        let array = array
            .with_context(|| format!("BUG: the array {name} is to be kept, but the plan does not have it"))?;
        let whole = array.members.iter().all(|member| self.keeps_at(plan, member.partition));
        ensure!(whole, "BUG: the array {name} is to be kept, but not all of its members");
        let raw = plan.filesystems.iter().all(|filesystem| filesystem.on != Device::Array(name.to_owned()));
        ensure!(raw, "BUG: the array {name} is to be kept, but a file system is made on it");
        Ok(())
    }

    fn check_volume(&self, plan: &Plan, group: &str, name: &str) -> Result<()> {
        let found = plan.volume_group(group).and_then(|group| Some((group, group.volume(name)?)));
        let (carrier, volume) = found.with_context(|| {
            format!("BUG: the volume {group}/{name} is to be kept, but the plan does not have it")
        })?;
        ensure!(volume.drbd, "BUG: the volume {group}/{name} is to be kept, but is not a raw one for DRBD");
        let stays = match &carrier.on {
            Device::Partition(at) => self.keeps_at(plan, *at),
            Device::Array(array) => self.keeps_array(array),
            Device::Volume { .. } => false,
        };
        ensure!(stays, "BUG: the volume {group}/{name} is to be kept, but not what it lies on");
        Ok(())
    }

    fn keeps_at(&self, plan: &Plan, at: PartitionRef) -> bool {
        at.disk(plan).is_some_and(|disk| self.keeps(&disk.name, at.number))
    }

    /// Whether an array is put together again, not made.
    pub(crate) fn keeps_array(&self, name: &str) -> bool {
        self.keep_arrays.iter().any(|kept| kept == name)
    }

    /// Whether a group stays as it is, because a volume in it does.
    pub(crate) fn keeps_group(&self, name: &str) -> bool {
        self.keep_volumes.iter().any(|(group, _)| group == name)
    }

    pub(super) fn keeps_volume(&self, group: &str, name: &str) -> bool {
        self.keep_volumes.iter().any(|kept| (kept.0.as_str(), kept.1.as_str()) == (group, name))
    }

    pub(super) fn keeps(&self, disk: &str, number: u32) -> bool {
        self.keep.iter().any(|kept| (kept.0.as_str(), kept.1) == (disk, number))
    }

    /// The EFI system partitions that a disk has now.
    pub(super) fn old_esps<'r>(&'r self, disk: &'r str) -> impl Iterator<Item = &'r Old> {
        self.old.iter().filter(move |old| old.kind == OldKind::Esp && old.disk == disk)
    }
}

fn has_member(array: &Array, at: PartitionRef) -> bool {
    array.members.iter().any(|member| member.partition == at)
}
