//! A file that gets its name when it is complete.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use installer::secrets::Secrets;
use installer::units::Bytes;
use rustix::fs::{FlockOperation, flock};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whom the umask lets.
    Anybody,
    /// Its owner alone: there are secrets in it.
    Owner,
}

impl Readers {
    /// Of a file that has these secrets in it.
    #[must_use]
    pub fn of(secrets: &Secrets) -> Self {
        if secrets.is_empty() { Self::Anybody } else { Self::Owner }
    }

    /// The mode to create a file with.
    #[must_use]
    pub const fn mode(self) -> u32 {
        match self {
            Self::Anybody => 0o666,
            Self::Owner => 0o600,
        }
    }
}

/// A file without its final name, `NAME.partial` until then; removed unless it gets it.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    finished: bool,
}

impl Partial {
    /// A sparse file, all zeros.
    ///
    /// # Errors
    /// When another process is writing it, or it cannot be made.
    pub fn create(path: PathBuf, size: Bytes, readers: Readers) -> Result<Self> {
        let failed = format!("cannot write {}", path.display());
        Self::open(path, size, readers).context(failed)
    }

    fn open(path: PathBuf, size: Bytes, readers: Readers) -> Result<Self> {
        let partial = partial_path(&path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(readers.mode());
        let file = options.open(&partial)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).context("another build is writing it")?;
        // Between opening and locking, another build may have given it its final name.
        let (ours, named) = (file.metadata()?, fs::metadata(&partial)?);
        ensure!((ours.dev(), ours.ino()) == (named.dev(), named.ino()), "another build has just finished it");
        if readers == Readers::Owner {
            // An interrupted build may have left one that is wider.
            file.set_permissions(fs::Permissions::from_mode(readers.mode()))?;
        }
        let new = Self { file, path, finished: false };
        // What an interrupted build left is nobody's now.
        new.file.set_len(0)?;
        new.file.set_len(size.0)?;
        Ok(new)
    }

    /// Its bytes.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The name it has until it is complete.
    #[must_use]
    pub fn partial_path(&self) -> PathBuf {
        partial_path(&self.path)
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// An I/O error.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().with_context(|| format!("syncing {}", self.partial_path().display()))
    }

    /// Gives it its final name, and tells that.
    ///
    /// # Errors
    /// When that cannot be had; then the file is gone.
    pub fn rename(mut self) -> Result<PathBuf> {
        fs::rename(self.partial_path(), &self.path)
            .with_context(|| format!("naming {}", self.path.display()))?;
        self.finished = true;
        Ok(self.path.clone())
    }
}

fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing more can be done in a drop; the next build truncates it.
            drop(fs::remove_file(self.partial_path()));
        }
    }
}
