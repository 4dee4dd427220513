//! What programs know earlier lives by: removed from every partition that is there, then from the disks.
//!
//! Nothing is stopped or deactivated first: nothing assembles arrays or activates volumes in the installer.

use super::device;
use super::removal::Removal;
use super::step::Step;
use crate::host::Command;
use crate::plan::Plan;

pub(super) fn remove(plan: &Plan, removal: &Removal) -> Vec<Step> {
    let is_disk = |path: &&String| device::owner(plan, path) == Some(path.as_str());
    // With its table a disk would lose the nodes of its partitions.
    let (disks, partitions): (Vec<_>, Vec<_>) = removal.wipe.iter().partition(is_disk);
    partitions.into_iter().chain(disks).map(|path| wipe(path).on(device::owner(plan, path))).collect()
}

/// wipefs(8) erases what libblkid finds, at any place of the device; of md 0.90 and 1.0 that is its end.
pub(super) fn wipe(device: &str) -> Step {
    Step::run(format!("removing old signatures from {device}"), wipe_command(device))
}

pub(super) fn wipe_command(device: &str) -> Command {
    Command::new(["wipefs", "--all", "--force", device])
}
