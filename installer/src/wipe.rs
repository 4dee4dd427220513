//! What of earlier lives may go: a decision over facts, made before anything is written.
//!
//! The rooms: `objection` says why a disk of the plan is not taken, `keep` what has to stay on it, `owners` whose
//! disks these are.

mod keep;
mod objection;
mod owners;

use serde::Serialize;

pub(crate) use self::keep::FIT_THE_LAYOUT;
use self::keep::Kept;
#[cfg(feature = "install")]
pub(crate) use self::objection::contents;
pub use self::owners::Owners;
use crate::facts::Found;
use crate::model::install::Install;
use crate::plan::{Disk, PartitionRef, Plan, Refusal};

/// What is decided over.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What should be.
    pub plan: &'a Plan,
    /// Every disk of the machine, also those outside of the plan.
    pub disks: &'a [Found],
    /// The policy, and what has to stay.
    pub install: &'a Install,
    /// Whose disks are known.
    pub owners: &'a Owners,
}

/// What happens to what is there, before the plan is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The partition stays as it is, with all that is on it. It lies where the plan has it; its entry in the table may
    /// get another id or name.
    Keep {
        /// The partition of the plan.
        partition: PartitionRef,
        /// What it is called now.
        device: String,
    },
    /// The array is started from the partitions that stay, not created.
    KeepArray {
        /// Its name in the plan.
        name: String,
    },
    /// The volume stays. Its extents can only be seen once its group is there: they must be those of the plan.
    KeepVolume {
        /// The group's name in the plan.
        group: String,
        /// The volume's.
        name: String,
    },
    /// All signatures on the device go, its partition table with them.
    Wipe {
        /// A partition, or a disk; partitions come before their disk.
        device: String,
    },
}

/// Decides. What is to stay comes first, then for each disk of the plan what goes.
///
/// No policy takes a disk that is in use, that cannot be written or read, or that is not the one that the plan was
/// made for.
///
/// # Errors
/// Every reason why nothing must be touched.
pub fn decide(case: &Case<'_>) -> Result<Vec<Action>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    for planned in &case.plan.disks {
        refusals.extend(case.found(planned).map_or_else(
            || vec![objection::missing(planned)],
            |found| objection::against(case, planned, found),
        ));
    }
    let strangers = case.disks.iter().filter(|found| !case.has_planned(found));
    refusals.extend(strangers.filter_map(|found| objection::stray_boot_code(case.owners, found)));
    // Whether something can stay on a disk that is not taken at all is nobody's question.
    let kept = if refusals.is_empty() { keep::kept(case) } else { Ok(Kept::default()) };
    match kept {
        Ok(kept) if refusals.is_empty() => Ok(actions(case, kept)),
        Ok(_) => Err(refusals),
        Err(unkept) => Err(unkept),
    }
}

impl<'a> Case<'a> {
    fn found(&self, planned: &Disk) -> Option<&'a Found> {
        self.disks.iter().find(|found| found.facts.name == planned.name)
    }

    fn has_planned(&self, found: &Found) -> bool {
        self.plan.disks.iter().any(|planned| planned.name == found.facts.name)
    }
}

fn actions(case: &Case<'_>, kept: Kept) -> Vec<Action> {
    let stays = |device: &str| kept.partitions.iter().any(|(_, piece)| piece.device == device);
    // Only its table says where they lie, until the new one is written over it.
    let holds = |found: &Found| found.partitions.iter().any(|piece| stays(&piece.device));
    let mut wipes = Vec::new();
    for found in case.plan.disks.iter().filter_map(|planned| case.found(planned)) {
        // A logical partition lies in an extended one, which has a lower number.
        let pieces = found.partitions.iter().rev().map(|piece| &piece.device).filter(|device| !stays(device));
        let disk = (!holds(found)).then_some(&found.facts.name);
        wipes.extend(pieces.chain(disk).map(|device| Action::Wipe { device: device.clone() }));
    }
    let partitions = kept.partitions.into_iter();
    let partitions = partitions.map(|(partition, piece)| Action::Keep { partition, device: piece.device });
    let arrays = kept.arrays.into_iter().map(|name| Action::KeepArray { name });
    let volumes = kept.volumes.into_iter().map(|(group, name)| Action::KeepVolume { group, name });
    partitions.chain(arrays).chain(volumes).chain(wipes).collect()
}
