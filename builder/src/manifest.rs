//! `manifest.json`: what an image is made of, and how to tell that it is this one.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use installer::plan::Plan;
use rustix::fs::{SeekFrom, seek};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cache::{Key, hex};
use crate::debian::Package;
use crate::debian::archive::SuiteState;
use crate::vm::{Drive, Format};

/// The file's name, beside the images.
pub const FILE: &str = "manifest.json";
const BLOCK: u64 = 1 << 20;

/// Everything about a set of images.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    /// The version of xbuild.
    pub xbuild: &'static str,
    /// The profile.
    pub profile: &'a str,
    /// `cluster/node`; none for a generic image.
    pub node: Option<String>,
    /// The time stamped on everything, seconds since 1970.
    pub source_date_epoch: u64,
    /// The suites that packages were resolved from.
    pub suites: Vec<SuiteState>,
    /// The tools tree in the cache that made it.
    pub tools: &'a Key,
    /// The kernel.
    pub kernel: KernelEntry,
    /// Every package in the root.
    pub packages: &'a [Package],
    /// Every number on the disks.
    pub plan: &'a Plan,
    /// The images by name.
    pub files: BTreeMap<String, FileEntry>,
}

/// The kernel of an image.
#[derive(Debug, Serialize)]
pub struct KernelEntry {
    /// `xbuild` or `debian`.
    pub kind: &'static str,
    /// Its release.
    pub release: String,
}

/// An image file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Bytes, holes included.
    pub size: u64,
    /// SHA-256 over every MiB that is not all zeros: its number as 8 bytes, little endian, then its content.
    pub blocks_sha256: String,
}

/// What [`crate::vm`] needs of a manifest.
#[derive(Debug, Deserialize)]
pub struct Made {
    /// The tools tree that made it.
    pub tools: Key,
    /// The images by name.
    pub files: BTreeMap<String, FileEntry>,
    plan: MadePlan,
}

#[derive(Debug, Deserialize)]
struct MadePlan {
    disks: Vec<MadeDisk>,
}

#[derive(Debug, Deserialize)]
struct MadeDisk {
    sector_size: u64,
}

impl Made {
    /// The images in `folder`, in the order of the plan's disks.
    #[must_use]
    pub fn drives(&self, folder: &Path) -> Vec<Drive> {
        let raw = self.files.keys().any(|name| name.ends_with(Format::Raw.extension()));
        let format = if raw { Format::Raw } else { Format::Qcow2 };
        let drive = |(index, disk): (usize, &MadeDisk)| {
            let path = folder.join(format!("disk{index}.{}", format.extension()));
            Drive { path, format, sector_size: disk.sector_size }
        };
        self.plan.disks.iter().enumerate().map(drive).collect()
    }

    /// Reads the manifest in `folder`.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
    }
}

/// Removes the manifest in `folder`, if there is one.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(folder: &Path) -> Result<()> {
    let path = folder.join(FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Describes files, all at once: hashing keeps a processor busy for each.
///
/// # Errors
/// An I/O error.
pub fn describe_all(paths: &[PathBuf]) -> Result<Vec<FileEntry>> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = paths.iter().map(|path| scope.spawn(|| describe(path))).collect();
        let died = |_| Err(anyhow::anyhow!("a hashing thread died"));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(died)).collect()
    })
}

/// Describes a file, without reading its holes.
///
/// # Errors
/// An I/O error.
pub fn describe(path: &Path) -> Result<FileEntry> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BLOCK as usize];
    let mut next = 0;
    while let Some(start) = next_data(&file, next, size)? {
        let number = start / BLOCK;
        let block = &mut buffer[..BLOCK.min(size - number * BLOCK) as usize];
        file.read_exact_at(block, number * BLOCK)?;
        if block.iter().any(|byte| *byte != 0) {
            hash.update(number.to_le_bytes());
            hash.update(&*block);
        }
        next = (number + 1) * BLOCK;
    }
    Ok(FileEntry { size, blocks_sha256: hex(&hash.finalize()) })
}

fn next_data(file: &File, from: u64, size: u64) -> Result<Option<u64>> {
    if from >= size {
        return Ok(None);
    }
    match seek(file, SeekFrom::Data(from)) {
        Ok(start) => Ok(Some(start)),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error).context("cannot find the data of an image"),
    }
}
