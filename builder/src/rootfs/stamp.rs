//! Times of files: nothing in a layer is newer than its packages.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};

/// Sets back what is newer than `epoch`, seconds since 1970, on `path` and all below it. tar could do the same while it
/// packs; but the next layer may go on with this very tree, and must find the times that it would unpack.
///
/// # Errors
/// When something cannot be read or set.
pub fn clamp(path: &Path, epoch: i64) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let what = || format!("cannot set the time of {}", path.display());
    let metadata = path.symlink_metadata().with_context(what)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).with_context(what)? {
            clamp(&entry?.path(), epoch)?;
        }
    }
    if metadata.mtime() < epoch {
        return Ok(());
    }
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: epoch, tv_nsec: 0 },
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).with_context(what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::clamp;
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt as _, symlink};
    use std::time::{Duration, SystemTime};

    #[test]
    fn newer_times_are_set_back_and_older_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        for name in ["old", "sub/new"] {
            fs::write(path(name), "").unwrap();
        }
        File::open(path("old"))
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(5))
            .unwrap();
        symlink("nowhere", path("link")).unwrap();
        clamp(folder.path(), 1000).unwrap();
        let time = |name| path(name).symlink_metadata().unwrap().mtime();
        assert_eq!(["", "sub", "sub/new", "link", "old"].map(time), [1000, 1000, 1000, 1000, 5]);
    }
}
