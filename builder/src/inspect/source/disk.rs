//! An image file or a block device, opened for reading only.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use installer::units::{Bytes, SectorSize};

use super::{Source, within};
use crate::failure::{Hinted as _, with_hint};
use crate::inspect::damage::Damage;

/// A disk.
#[derive(Debug)]
pub struct Disk {
    file: File,
    size: Bytes,
    sector_size: Option<SectorSize>,
    identity: (u64, u64),
    faults: RefCell<Damage>,
}

impl Disk {
    /// Opens a file or a block device.
    ///
    /// # Errors
    /// Neither of both, or one that cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let found = fs::metadata(path).with_context(|| format!("cannot look at {shown}"));
        let found = found.hint("name image files, block devices, or a folder with disk0.img")?;
        let kind = found.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            bail!(with_hint(
                format!("{shown} is no disk"),
                "name image files, block devices, or a folder with disk0.img"
            ));
        }
        let mut file = open(path)?;
        // The length of a block device is where its end is; its metadata say 0.
        let size = file.seek(SeekFrom::End(0)).with_context(|| format!("cannot measure {shown}"))?;
        let is_device = kind.is_block_device();
        let identity = if is_device { (u64::MAX, found.rdev()) } else { (found.dev(), found.ino()) };
        let sector_size = if is_device { sector_size(found.rdev()) } else { None };
        let disk = Self { file, size: Bytes(size), sector_size, identity, faults: RefCell::default() };
        ensure!(
            disk.read(Bytes::ZERO, 4) != b"QFI\xfb",
            with_hint(
                format!("{shown} is a qcow2 image, which holds the disk in a form of its own"),
                format!("qemu-img convert -O raw {shown} disk.img, and look at that")
            )
        );
        Ok(disk)
    }

    /// Bytes of a logical sector, where the kernel knows.
    #[must_use]
    pub const fn sector_size(&self) -> Option<SectorSize> {
        self.sector_size
    }

    /// Equal for two paths to the same disk.
    #[must_use]
    pub const fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// What could not be read so far.
    #[must_use]
    pub fn faults(&self) -> Damage {
        self.faults.borrow().clone()
    }
}

fn open(path: &Path) -> Result<File> {
    let denied = |error: &io::Error| error.kind() == ErrorKind::PermissionDenied;
    let opened = File::open(path);
    let is_denied = opened.as_ref().is_err_and(denied);
    let opened = opened.with_context(|| format!("cannot open {}", path.display()));
    if is_denied {
        opened.hint("disks can be read by root, and by members of the group `disk`")
    } else {
        opened
    }
}

/// As the kernel has it for a block device, or for the disk that a partition is on.
fn sector_size(device: u64) -> Option<SectorSize> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let folder = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    let places = ["queue/logical_block_size", "../queue/logical_block_size"].map(|path| folder.join(path));
    let text = places.iter().find_map(|path| fs::read_to_string(path).ok())?;
    [SectorSize::B512, SectorSize::B4096].into_iter().find(|size| text.trim() == u64::from(*size).to_string())
}

impl Source for Disk {
    fn size(&self) -> Bytes {
        self.size
    }

    fn read(&self, at: Bytes, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; within(self.size, at, length)];
        let mut done = 0;
        while done < bytes.len() {
            match self.file.read_at(&mut bytes[done..], at.0.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let place = at.0.saturating_add(done as u64);
                    self.faults.borrow_mut().add(format!("cannot be read at byte {place}: {error}"));
                    break;
                }
            }
        }
        bytes.truncate(done);
        bytes
    }
}
