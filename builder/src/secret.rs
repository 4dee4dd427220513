//! Keys of whoever builds: made once, and kept.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

/// For the owner's eyes only.
pub const SECRET: u32 = 0o600;
/// For everybody's.
pub const PUBLIC: u32 = 0o644;

/// `$XDG_DATA_HOME/xbuild`, else `~/.local/share/xbuild`; none if neither variable says where.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("xbuild"))
}

/// Makes a file with these permissions, whole or not at all, and its folder if need be. A file that is there already is not
/// touched; the result says whether it was made.
///
/// # Errors
/// When it cannot be written.
pub fn make(path: &Path, content: &[u8], mode: u32) -> Result<bool> {
    fs::create_dir_all(folder_of(path)?)?;
    match prepare(path, content, mode)?.persist_noclobber(path) {
        Ok(_) => {
            File::open(folder_of(path)?)?.sync_all()?;
            Ok(true)
        }
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error.into()),
    }
}

/// The file that is to be at `path`, on the disk and without its name. Until it has its mode it is its owner's alone.
///
/// # Errors
/// When it cannot be written.
pub fn prepare(path: &Path, content: &[u8], mode: u32) -> Result<NamedTempFile> {
    let mut part = NamedTempFile::new_in(folder_of(path)?)?;
    part.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    part.write_all(content)?;
    part.as_file().sync_all()?;
    Ok(part)
}

/// A bare name lies in the working directory.
fn folder_of(path: &Path) -> Result<&Path> {
    let folder = path.parent().context("it has no folder")?;
    Ok(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}
