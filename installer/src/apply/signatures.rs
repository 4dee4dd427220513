//! What programs know earlier lives by: removed from every partition that is there, then from the disks.
//!
//! Nothing is stopped or deactivated first: nothing assembles arrays or activates volumes in the installer.

use super::device;
use super::removal::Removal;
use super::step::{Action, Step};
use crate::format::{Piece, ext};
use crate::host::Command;
use crate::plan::Plan;
use crate::units::Bytes;

/// Where programs look for what they know.
const START: Bytes = Bytes::MIB;

pub(super) fn remove(plan: &Plan, removal: &Removal) -> Vec<Step> {
    let is_disk = |path: &&String| device::owner(plan, path) == Some(path.as_str());
    // With its table a disk would lose the nodes of its partitions.
    let (disks, partitions): (Vec<_>, Vec<_>) = removal.wipe.iter().partition(is_disk);
    partitions.into_iter().chain(disks).map(|path| wipe(path).on(device::owner(plan, path))).collect()
}

/// A new device has no past, also if nothing is ever written to it: wipefs(8) leaves what libblkid does not know, such as
/// GRUB's core, and copies, such as those of an ext superblock.
pub(super) fn forget(device: &str, size: Bytes) -> [Step; 2] {
    let copies = ext::COPIES.into_iter().filter(|at| *at < size).map(|at| Piece::zeros(at, ext::SUPERBLOCK));
    let pieces = [Piece::zeros(Bytes::ZERO, START.min(size))].into_iter().chain(copies).collect();
    let clear = Action::Write { device: device.to_owned(), pieces };
    [wipe(device), Step::new(format!("clearing {device}"), clear)]
}

/// wipefs(8) erases what libblkid finds, at any place of the device; of md 0.90 and 1.0 that is its end.
pub(super) fn wipe(device: &str) -> Step {
    Step::run(format!("removing old signatures from {device}"), wipe_command(device))
}

pub(super) fn wipe_command(device: &str) -> Command {
    Command::new(["wipefs", "--all", "--force", device])
}
