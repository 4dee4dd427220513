//! The folder of a rack's sockets.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

const PREFIX: &str = "xbuild-rack-";

/// Its path is short, as paths of sockets have to be, and it is ours alone. It goes with this, or after a run that was cut off
/// when the next one starts.
#[derive(Debug)]
pub struct SocketFolder {
    folder: TempDir,
    /// On the folder, while its rack lives.
    _lock: File,
}

impl SocketFolder {
    /// Makes one, below `$XDG_RUNTIME_DIR` if there is one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
        Self::below(&base.unwrap_or_else(std::env::temp_dir)).context("cannot make a folder for sockets")
    }

    fn below(base: &Path) -> Result<Self> {
        sweep(base);
        let ours = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(ours).tempdir_in(base)?;
        let lock = File::open(folder.path())?;
        lock.try_lock()?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes folders of racks that are gone. Those of others, or that somebody else removes just now, are not our business.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_one && File::open(entry.path()).is_ok_and(|lock| lock.try_lock().is_ok()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{PREFIX, SocketFolder};
    use std::fs;

    #[test]
    fn what_another_run_has_left_goes_and_what_lives_stays() {
        let base = tempfile::tempdir().unwrap();
        let (left, other) = (base.path().join(format!("{PREFIX}left")), base.path().join("other"));
        for folder in [&left, &other] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("n1.agent"), "").unwrap();
        }
        let one = SocketFolder::below(base.path()).unwrap();
        let two = SocketFolder::below(base.path()).unwrap();
        assert!(!left.exists());
        assert!(other.join("n1.agent").exists() && one.path().is_dir() && two.path().is_dir());
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists());
    }
}
