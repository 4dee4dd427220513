//! Whole-disk locks: nobody probes or changes a disk while it is written.

use super::step::{Action, Step};
use crate::plan::{Disk, Plan};

pub(super) fn take(plan: &Plan) -> Vec<Step> {
    plan.disks.iter().map(take_one).collect()
}

pub(super) fn take_one(disk: &Disk) -> Step {
    let (name, size, sector_size) = (disk.name.clone(), disk.size, disk.sector_size);
    let undo = Action::Unlock(name.clone());
    Step::new(format!("locking {name}"), Action::Lock { disk: name, size, sector_size }).undone_by(undo)
}

pub(super) fn release(plan: &Plan) -> Vec<Step> {
    plan.disks.iter().map(release_one).collect()
}

pub(super) fn release_one(disk: &Disk) -> Step {
    Step::new(format!("unlocking {}", disk.name), Action::Unlock(disk.name.clone())).settling_itself()
}
