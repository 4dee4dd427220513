//! Closing what has been opened: when it is done, the disks hold a whole node, and nothing of them is in use.

use super::step::Step;
use super::{arrays, groups, mount};
use crate::host::Command;
use crate::plan::{Disk, Plan};

pub(super) fn close(plan: &Plan) -> Vec<Step> {
    let unused = [mount::unmount(plan), groups::deactivate(plan), arrays::stop(plan)];
    unused.into_iter().flatten().chain(plan.disks.iter().map(sync)).collect()
}

pub(super) fn sync(disk: &Disk) -> Step {
    sync_device(&disk.name).on([&disk.name])
}

/// fsync(2) of a device waits for the disk's own cache too, which `BLKFLSBUF` does not.
pub(super) fn sync_device(device: &str) -> Step {
    Step::run(format!("syncing {device}"), Command::new(["sync", device]))
}
