//! A tree of small files, such as sysfs.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::ProbeFailed;
use crate::facts::attribute;

/// The largest attribute that we read; sysfs has pages of this size.
const LARGEST: u64 = 64 << 10;

/// A tree below some folder.
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether there is something at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The start of a file; none if it cannot be read.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.start(path, LARGEST).ok()
    }

    /// The first `length` bytes of a file.
    pub(super) fn start(&self, path: &str, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.root.join(path))?.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A value; none if it cannot be read, or is empty.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        Some(attribute::text(&self.bytes(path)?)).filter(|text| !text.is_empty())
    }

    /// A number.
    pub(super) fn number(&self, path: &str) -> Option<u32> {
        self.text(path)?.parse().ok()
    }

    /// Whether a value is `1`.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        attribute::flag(&self.text(path)?)
    }

    /// A whole file that must be there.
    pub(super) fn required(&self, path: &str) -> Result<String, ProbeFailed> {
        fs::read_to_string(self.root.join(path)).map_err(|error| self.unreadable(path, &error))
    }

    /// What is in a folder that must be there, sorted.
    pub(super) fn entries(&self, path: &str) -> Result<Vec<String>, ProbeFailed> {
        self.list(path).map_err(|error| self.unreadable(path, &error))
    }

    /// What is in a folder, sorted; nothing if it cannot be read.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        self.list(path).unwrap_or_default()
    }

    /// Where links lead to, below the root.
    pub(super) fn place(&self, path: &str) -> Option<String> {
        let root = self.root.canonicalize().ok()?;
        let place = self.root.join(path).canonicalize().ok()?;
        place.strip_prefix(root).ok()?.to_str().map(str::to_owned)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.root.join(path))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<String>>>();
        names.map(|mut names| {
            names.sort();
            names
        })
    }

    fn unreadable(&self, path: &str, error: &io::Error) -> ProbeFailed {
        ProbeFailed::Unreadable {
            path: self.root.join(path).display().to_string(),
            because: error.to_string(),
        }
    }
}
