//! One thing that is done, as a value.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::door::Door;
use super::place::Root;
use crate::format::{Piece, grub, mbr};
use crate::host::Command;
use crate::units::{Bytes, SectorSize};

/// How long a device may take to appear. The kernel makes its node before the command that causes it ends; disks that are
/// slow to answer are what this is for.
const DEADLINE: Duration = Duration::from_secs(60);

/// A thing to do, and what it means for the disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does, such as `creating the array root`: messages begin with it.
    pub what: String,
    /// The thing itself.
    pub action: Action,
    /// The disks whose content it changes, by the names of the plan.
    pub disks: Vec<String>,
    /// What has to be done when a later step fails.
    pub undo: Option<Action>,
    /// Once it is done, these need no more be undone.
    pub settles: Vec<Action>,
}

impl Step {
    pub(super) fn new(what: impl Into<String>, action: Action) -> Self {
        Self { what: what.into(), action, disks: Vec::new(), undo: None, settles: Vec::new() }
    }

    pub(super) fn run(what: impl Into<String>, command: impl Into<Command>) -> Self {
        Self::new(what, Action::Run(command.into()))
    }

    pub(super) fn on<S: Into<String>>(mut self, disks: impl IntoIterator<Item = S>) -> Self {
        self.disks = disks.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn undone_by(mut self, undo: Action) -> Self {
        self.undo = Some(undo);
        self
    }

    pub(super) fn settling(mut self, undo: Action) -> Self {
        self.settles.push(undo);
        self
    }

    /// The program that it runs, if it is one.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        match &self.action {
            Action::Run(command) | Action::Unpack(command) => command.argv.first().map(String::as_str),
            _ => None,
        }
    }

    /// It does what would have to be undone otherwise.
    pub(super) fn settling_itself(self) -> Self {
        let own = self.action.clone();
        self.settling(own)
    }
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// [`Door::lock`].
    Lock {
        /// The disk's node.
        disk: String,
        /// What the plan takes it to be.
        size: Bytes,
        /// The same.
        sector_size: SectorSize,
    },
    /// [`Door::unlock`].
    Unlock(String),
    /// [`Door::write`].
    Write {
        /// A device's node.
        device: String,
        /// What, and where on it.
        pieces: Vec<Piece>,
    },
    /// [`Door::put`].
    Put {
        /// The file.
        path: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// [`Door::wait_for`].
    Wait {
        /// A device's node.
        device: String,
        /// What it offers.
        size: Bytes,
    },
    /// [`Door::wait_for_copy`].
    Copied {
        /// The array's node.
        array: String,
        /// The new member's.
        member: String,
    },
    /// A program that must succeed.
    Run(Command),
    /// [`Door::feed`], with the tar of the node's files.
    Unpack(Command),
    /// GRUB's core, from a file into the BIOS boot partition.
    Core {
        /// The file.
        from: String,
        /// The disk's node.
        disk: String,
        /// Where the partition starts on it.
        start: Bytes,
        /// How large it is.
        size: Bytes,
    },
    /// GRUB's boot sector, from a file: from now on the disk boots by BIOS.
    Sector {
        /// The file.
        from: String,
        /// The disk's node.
        disk: String,
        /// Where the core starts on it.
        core: Bytes,
    },
}

impl Action {
    /// Does it.
    pub(super) fn perform<R: Read>(&self, door: &mut impl Door, root: &mut Option<Root<R>>) -> Result<()> {
        match self {
            Self::Lock { disk, size, sector_size } => door.lock(disk, *size, *sector_size),
            Self::Unlock(disk) => door.unlock(disk),
            Self::Write { device, pieces } => door.write(device, pieces),
            Self::Put { path, bytes } => door.put(path, bytes),
            Self::Wait { device, size } => door.wait_for(device, *size, DEADLINE),
            Self::Copied { array, member } => door.wait_for_copy(array, member),
            Self::Run(command) => Ok(door.run(command).map(drop)?),
            Self::Unpack(command) => {
                let mut root = root.take();
                door.feed(command, &mut |out| root.take().context("BUG: nothing to unpack")?.write(out))
            }
            Self::Core { from, disk, start, size } => {
                let core = grub::core(&door.read(from)?, *start, *size)?;
                door.write(disk, &[core])
            }
            Self::Sector { from, disk, core } => {
                let sector = grub::boot_code(&door.read(from)?, *core)?;
                door.write(disk, &[sector])
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock { disk, size, sector_size } => {
                let sector = u64::from(*sector_size);
                write!(out, "lock {disk}: {} bytes, in sectors of {sector}", size.0)
            }
            Self::Unlock(disk) => write!(out, "unlock {disk}"),
            Self::Write { device, pieces } => {
                let pieces: Vec<_> = pieces.iter().map(described).collect();
                write!(out, "write to {device}: {}", pieces.join(", "))
            }
            Self::Put { path, bytes } => write!(out, "put {} bytes into {path}", bytes.len()),
            Self::Wait { device, size } => write!(out, "wait for {device}: {} bytes", size.0),
            Self::Copied { array, member } => write!(out, "wait until {array} is copied to {member}"),
            Self::Run(command) => write!(out, "{command}"),
            Self::Unpack(command) => write!(out, "{command} < the node's files"),
            Self::Core { from, disk, start, size } => {
                write!(out, "write {from} as the core to {disk}: at {}, at most {} bytes", start.0, size.0)
            }
            Self::Sector { from, disk, core } => {
                write!(out, "write {from} as the boot code to {disk}: it starts the core at {}", core.0)
            }
        }
    }
}

/// `512 zeros at 1048576`.
pub(super) fn described(piece: &Piece) -> String {
    if *piece == mbr::no_boot_code() {
        return "no boot code".to_owned();
    }
    let zeros = piece.bytes.iter().all(|byte| *byte == 0);
    format!("{} {} at {}", piece.bytes.len(), if zeros { "zeros" } else { "bytes" }, piece.at.0)
}
