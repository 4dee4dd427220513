//! What goes of a disk's earlier lives, and what stays.

use anyhow::{Context as _, Result, ensure};

use super::device;
use crate::plan::{PartitionKind, PartitionRef, Plan};
use crate::units::Bytes;

/// What a wipe policy has decided; the default is a plan on blank disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Devices whose signatures are removed: disks of the plan (`/dev/sda`) and partitions that they have now
    /// (`/dev/sda1`).
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
    /// Refuses whatever is not about the disks of `plan`: nothing may be wiped by mistake.
    pub(super) fn check(&self, plan: &Plan) -> Result<()> {
        for path in &self.wipe {
            let disk = device::owner(plan, path);
            let disk =
                disk.with_context(|| format!("BUG: {path} is to be wiped, but no disk of the plan has it"))?;
            let kept = device::number(disk, path).is_some_and(|number| self.keeps(disk, number));
            ensure!(!kept, "BUG: {path} is to be wiped, and to be kept");
        }
        for old in &self.old {
            ensure!(
                self.plans(plan, &old.disk),
                "BUG: {} has old partitions, but is not in the plan",
                old.disk
            );
        }
        self.keep.iter().try_for_each(|(disk, number)| check_kept(plan, disk, *number))
    }

    fn plans(&self, plan: &Plan, name: &str) -> bool {
        plan.disks.iter().any(|disk| disk.name == name)
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
