//! The door that disks are written through: programs, and the few effects that are none.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use crate::format::Piece;
use crate::host::{Command, Run};
use crate::units::{Bytes, SectorSize};

/// A machine whose disks are written, or a recording of one.
pub trait Door: Run {
    /// Locks a whole disk until [`Self::unlock`], as <https://systemd.io/BLOCK_DEVICE_LOCKING> has it: an exclusive
    /// flock(2) on its node, which is not waited for. Changes nothing on it.
    ///
    /// # Errors
    /// Another program holds it, or it has not this size and these sectors: it is not the disk that the plan means.
    fn lock(&mut self, disk: &str, size: Bytes, sector_size: SectorSize) -> Result<()>;

    /// Gives a disk free; one that is not locked stays so.
    ///
    /// # Errors
    /// What the machine says.
    fn unlock(&mut self, disk: &str) -> Result<()>;

    /// Writes to a device that is there, and syncs it. After a failure any part may have been written.
    ///
    /// # Errors
    /// An I/O error.
    fn write(&mut self, device: &str, pieces: &[Piece]) -> Result<()>;

    /// Makes a file, and the folders that it lies in.
    ///
    /// # Errors
    /// An I/O error.
    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// An I/O error.
    fn read(&mut self, path: &str) -> Result<Vec<u8>>;

    /// Waits until `device` is there and offers `size`.
    ///
    /// # Errors
    /// It does not within `deadline`.
    fn wait_for(&mut self, device: &str, size: Bytes, deadline: Duration) -> Result<()>;

    /// Waits until the kernel has copied to a new member of an array all that it is to have. That takes as long as it takes.
    ///
    /// # Errors
    /// The kernel has stopped copying before: a disk that is read has failed, or the new one.
    fn wait_for_copy(&mut self, array: &str, member: &str) -> Result<()>;

    /// Runs `command`, which has to succeed, with what `content` writes on its standard input.
    ///
    /// # Errors
    /// Of the two the one that is to blame.
    fn feed(
        &mut self,
        command: &Command,
        content: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<()>;
}
