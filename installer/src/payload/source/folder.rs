//! A payload in a folder, such as a mounted stick.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::PathBuf;

use super::{ReadFailed, Source};
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
        let mut bytes = Vec::new();
        File::open(self.0.join(file))
            .and_then(|file| file.take(most.0).read_to_end(&mut bytes))
            .map_err(|error| sorted(&error))?;
        Ok(bytes)
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
