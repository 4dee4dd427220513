//! The node's files: the root's tar with its own ones in it, unpacked below [`TARGET`](super::TARGET).

use std::io::{Read, Write};

use anyhow::Result;

use super::step::{Action, Step};
use super::{TARGET, device};
use crate::content::{self, Additions, Part};
use crate::format::Epoch;
use crate::host::Command;
use crate::plan::Plan;

/// What becomes the node's files.
#[derive(Debug)]
pub struct Root<R> {
    /// The root's tar, uncompressed.
    pub tar: R,
    /// The node's own files, with its boot menu and its initramfs.
    pub additions: Additions,
    /// The time of the latter.
    pub epoch: Epoch,
}

impl<R: Read> Root<R> {
    /// As one tar: on a machine all file systems are mounted, so nothing has to be dealt out to them.
    pub(super) fn write(self, out: &mut dyn Write) -> Result<()> {
        content::write(self.tar, &Part::new("/", &["/"]), &self.additions, self.epoch, out)
    }
}

pub(super) fn unpack(plan: &Plan) -> Vec<Step> {
    let mounted = plan.filesystems.iter().filter(|filesystem| filesystem.mount.is_some());
    let mut disks: Vec<_> = mounted.flat_map(|filesystem| device::disks(plan, &filesystem.on)).collect();
    disks.sort();
    disks.dedup();
    vec![Step::new("unpacking the node's files", Action::Unpack(tar())).on(disks)]
}

/// tar(1) of GNU, for what the `tar` crate does not keep. Folders get their times when all that is in them is there: the
/// node's own files come last.
fn tar() -> Command {
    Command::new([
        "tar",
        "--extract",
        "--directory",
        TARGET,
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
        "--numeric-owner",
        "--same-owner",
        "--same-permissions",
        "--delay-directory-restore",
        "--sparse",
    ])
}
