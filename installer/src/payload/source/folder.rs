//! A payload in a folder, such as a mounted stick.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::{ReadFailed, Source, read_up_to};
use crate::units::Bytes;

/// A payload in a folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder that has `manifest.json`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl Source for Folder {
    fn place(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self, file: &str, most: Bytes) -> Result<Vec<u8>, ReadFailed> {
        let file = File::open(self.0.join(file));
        file.and_then(|file| read_up_to(file, most)).map_err(|error| sorted(&error))
    }
}

/// A stick with a loose contact may answer the second time.
fn sorted(error: &io::Error) -> ReadFailed {
    let because = error.to_string();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadFailed::NotThere(because),
        ErrorKind::PermissionDenied | ErrorKind::IsADirectory => ReadFailed::ForGood(because),
        _ => ReadFailed::ForNow(because),
    }
}
