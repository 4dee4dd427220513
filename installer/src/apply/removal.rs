//! What goes of a disk's earlier lives, and what stays.

use anyhow::{Context as _, Result, ensure};

use super::device;
use crate::plan::{Partition, PartitionKind, PartitionRef, Plan};
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
        self.keep.iter().try_for_each(|(disk, number)| check_kept(plan, disk, *number))?;
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

    pub(super) fn keeps(&self, disk: &str, number: u32) -> bool {
        self.keep.iter().any(|kept| (kept.0.as_str(), kept.1) == (disk, number))
    }

    /// The EFI system partitions that a disk has now.
    pub(super) fn old_esps<'r>(&'r self, disk: &'r str) -> impl Iterator<Item = &'r Old> {
        self.old.iter().filter(move |old| old.kind == OldKind::Esp && old.disk == disk)
    }
}

/// Only what nothing is written to can be kept.
fn check_kept(plan: &Plan, name: &str, number: u32) -> Result<()> {
    let index = plan.disks.iter().position(|disk| disk.name == name);
    let found = index.and_then(|disk| plan.partition(PartitionRef { disk, number }));
    let path = device::partition(name, number);
    let partition =
        found.with_context(|| format!("BUG: {path} is to be kept, but the plan does not have it"))?;
    ensure!(
        partition.kind == PartitionKind::Drbd,
        "BUG: {path} is to be kept, but is not a raw one for DRBD"
    );
    Ok(())
}
