//! A machine that is switched on: whether its firmware finds something to start.

use std::time::Duration;

use builder::vm::{Drive, Firmware, Machine};

use crate::guest::{read_log, start, tail, wait_for_any};
use crate::xbuild::Images;

/// Firmware takes seconds, under emulation and on a machine that is busy longer.
const PATIENCE: Duration = Duration::from_secs(180);
/// GRUB's first word, before it has read anything, and the last ones of firmware that has tried all that there is.
const WORDS: [&str; 3] = ["GRUB", "No bootable device.", "UEFI Interactive Shell"];

/// What a firmware has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// No disk has anything to start.
    Nothing,
    /// A boot loader runs.
    BootLoader,
    /// It never says that there is nothing: a medium that comes after the disks is not started.
    Hangs,
}

impl Started {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::BootLoader => "starts",
            Self::Hangs => "hangs",
        }
    }
}

/// Switches a machine with these disks on, `first` before the others: `SeaBIOS` tries one disk only. What it writes is
/// thrown away.
///
/// # Panics
/// When QEMU ends.
#[must_use]
pub fn power_on(images: &Images, first: usize, firmware: Firmware) -> Started {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("serial");
    let others = images.disks.iter().enumerate().filter(|(index, _)| *index != first);
    let disks: Vec<Drive> =
        [images.disks[first].clone()].into_iter().chain(others.map(|(_, disk)| disk.clone())).collect();
    // Without graphics SeaBIOS says on the serial port what it otherwise shows on the screen.
    let extra = ["-serial", "stdio", "-no-reboot", "-machine", "graphics=off"].map(str::to_owned).to_vec();
    let machine = Machine { snapshot: true, firmware, extra, ..Machine::new(disks) };
    let mut child = start(&machine, images, &log);
    let found = wait_for_any(&mut child, &WORDS, PATIENCE, &log);
    child.kill().and_then(|()| child.wait()).expect("QEMU can be killed");
    match found {
        Some(0) => Started::BootLoader,
        Some(_) => Started::Nothing,
        None => {
            eprintln!("{firmware:?} hangs; serial log:\n{}", tail(&read_log(&log)));
            Started::Hangs
        }
    }
}
