//! The cache: finished things under the hash of what went into them.
//!
//! An entry appears whole or not at all: it is made under `tmp/` and renamed. A build holds a shared lock on the
//! cache, so whoever can get the exclusive lock may sweep `tmp/`; an entry being made is locked by its key, so that
//! two builds never make it twice. Everything in the cache is safe to delete while no build runs.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::failure::Hinted as _;

mod scratch;

pub use scratch::Scratch;

/// How many logs of earlier builds are kept.
const LOGS: usize = 20;

/// A work folder in memory may take this part of what is free: a quarter.
const SPARED: u64 = 4;

/// Kinds that cost the network or a quarter of an hour. They are kept when all else goes, and never depend on the machine
/// that made them in any other way than by what is in their keys.
pub const LASTING: [&str; 3] = ["blobs", "releases", "kernel"];

/// The cache folder, held by this build.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    /// Where kinds lie that are not [`LASTING`]: the root, or a folder for a build that makes everything again.
    passing: PathBuf,
    lock: Arc<Lock>,
}

/// The lock on the cache. It ends with the last build that holds it, and not only when each program that another thread
/// is just starting has closed its copy of the file, as [flock(2)](https://man7.org/linux/man-pages/man2/flock.2.html)
/// has it.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // The file is closed next, which frees the lock too.
        let _freed_soon = self.0.unlock();
    }
}

/// The hash of all inputs of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key(String);

impl Key {
    /// The hash of `inputs`, serialised.
    ///
    /// # Errors
    /// When the inputs have no serial form.
    pub fn of(inputs: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(inputs).context("cannot serialise a cache key")?;
        Ok(Self(hex(&Sha256::digest(text))[..32].to_owned()))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

impl Cache {
    /// `$XBUILD_CACHE`, else `$XDG_CACHE_HOME/xbuild`, else `~/.cache/xbuild`.
    ///
    /// # Errors
    /// When neither says where.
    pub fn default_root() -> Result<PathBuf> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        set("XBUILD_CACHE")
            .or_else(|| base().map(|base| base.join("xbuild")))
            .context("no place for the cache")
            .hint("set HOME, XDG_CACHE_HOME or XBUILD_CACHE, or give --cache DIR")
    }

    /// Opens the cache at `root`, makes it if it is not there, and sweeps what dead builds have left.
    ///
    /// # Errors
    /// When the folder cannot be made or locked.
    pub fn open(root: &Path) -> Result<Self> {
        let what = || format!("cannot use the cache {}", root.display());
        fs::create_dir_all(root.join("tmp"))
            .with_context(what)
            .hint("give another folder with --cache DIR")?;
        let root = root.canonicalize().with_context(what)?;
        let lock = Lock(File::create(root.join("lock")).with_context(what)?);
        if lock.0.try_lock().is_ok() {
            sweep(&root.join("tmp"))?;
            remove_locks(&root)?;
            remove_old_logs(&root.join("logs"))?;
        }
        lock.0.lock_shared().with_context(what)?;
        Ok(Self { passing: root.clone(), root, lock: Arc::new(lock) })
    }

    /// A cache with the same downloads and kernels, and nothing else in it; what is made lies in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn anew(&self, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("tmp"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { root: self.root.clone(), passing: folder.to_owned(), lock: Arc::clone(&self.lock) })
    }

    /// The folder of a kind.
    fn folder(&self, kind: &str) -> PathBuf {
        if LASTING.contains(&kind) { self.root.join(kind) } else { self.passing.join(kind) }
    }

    /// Where the cache lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file for what the programs of this build say, named by the time and this process.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        self.root.join("logs").join(format!("{now}-{}.log", std::process::id()))
    }

    /// The path of an entry, whether it exists or not.
    #[must_use]
    pub fn path(&self, kind: &str, key: &Key) -> PathBuf {
        self.folder(kind).join(&key.0)
    }

    /// The entry, if it is there.
    #[must_use]
    pub fn find(&self, kind: &str, key: &Key) -> Option<PathBuf> {
        Some(self.path(kind, key)).filter(|path| path.exists())
    }

    /// The entry; if it is not there `make` fills an empty folder, which becomes it.
    ///
    /// # Errors
    /// What `make` fails with; nothing is left then.
    pub fn entry(&self, kind: &str, key: &Key, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.path(kind, key);
        let parent = self.folder(kind);
        fs::create_dir_all(&parent)?;
        let lock = File::create(parent.join(format!("{key}.lock")))?;
        wait_for(&lock, kind)?;
        if !path.exists() {
            let work = self.scratch(kind)?;
            make(work.path())?;
            fs::rename(work.path(), &path).with_context(|| format!("cannot keep {}", path.display()))?;
        }
        Ok(path)
    }

    /// Bytes on disk by kind, sorted by kind. Files that entries share are counted once for each.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn usage(&self) -> Result<Vec<(String, u64)>> {
        let mut kinds = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            kinds.push((entry.file_name().to_string_lossy().into_owned(), size(&entry.path())?));
        }
        kinds.sort();
        Ok(kinds)
    }

    /// Removes all kinds that are not [`LASTING`].
    ///
    /// # Errors
    /// When a build is using the cache, or something cannot be removed.
    pub fn prune(&self) -> Result<()> {
        let alone = self.lock.0.try_lock().is_ok();
        anyhow::ensure!(alone, "another build is using the cache");
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let kept = LASTING.iter().any(|kind| entry.file_name() == *kind);
            if entry.file_type()?.is_dir() && !kept {
                fs::remove_dir_all(entry.path())
                    .with_context(|| format!("cannot remove {}", entry.path().display()))?;
            }
        }
        fs::create_dir_all(self.root.join("tmp"))?;
        Ok(())
    }

    /// An empty folder to work in.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self, kind: &str) -> Result<Scratch> {
        Scratch::new(&self.passing.join("tmp"), kind)
    }

    /// An empty folder to work in that nobody else can look into, for what may hold secrets.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn private_scratch(&self, kind: &str) -> Result<Scratch> {
        let scratch = self.scratch(kind)?;
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot close {}", scratch.path().display()))?;
        Ok(scratch)
    }

    /// An empty folder to work in, in memory where `size` bytes of it are easily spared: trees of many small files are made and removed there
    /// in a fraction of the time.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch_in_memory(&self, kind: &str, size: u64) -> Result<Scratch> {
        let scratch = self.scratch(kind)?;
        if scratch::spare_memory() / SPARED < size { Ok(scratch) } else { scratch.over_memory(size * 2) }
    }
}

fn wait_for(lock: &File, kind: &str) -> Result<()> {
    match lock.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            eprintln!("{kind}: another build is making this; waiting for it");
            lock.lock().context("cannot lock the cache entry")
        }
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock the cache entry"),
    }
}

fn size(path: &Path) -> Result<u64> {
    let metadata = path.symlink_metadata()?;
    if !metadata.is_dir() {
        return Ok(std::os::unix::fs::MetadataExt::blocks(&metadata) * 512);
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

fn sweep(tmp: &Path) -> Result<()> {
    for entry in fs::read_dir(tmp)? {
        let path = entry?.path();
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.with_context(|| format!("cannot remove {}, left by an interrupted build", path.display()))?;
    }
    Ok(())
}

/// Locks of entries, each beside its own; nobody can be waiting for one while we are alone.
fn remove_locks(root: &Path) -> Result<()> {
    for kind in fs::read_dir(root)? {
        let kind = kind?.path();
        for entry in fs::read_dir(&kind).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "lock") {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Their names sort by time.
fn remove_old_logs(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut logs: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    logs.sort();
    logs.iter().rev().skip(LOGS).try_for_each(|path| {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Cache, Key};
    use std::fs;

    #[test]
    fn an_entry_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let key = Key::of(&"inputs").unwrap();
        let failed = cache.entry("rootfs", &key, |work| {
            fs::write(work.join("half"), "x")?;
            anyhow::bail!("disk full")
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(cache.find("rootfs", &key), None);

        let path = cache.entry("rootfs", &key, |work| Ok(fs::write(work.join("whole"), "x")?)).unwrap();
        assert_eq!(cache.find("rootfs", &key), Some(path.clone()));
        let again = cache.entry("rootfs", &key, |_| anyhow::bail!("made twice")).unwrap();
        assert_eq!(again, path);
    }

    #[test]
    fn what_may_hold_secrets_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let work = Cache::open(folder.path()).unwrap().private_scratch("image").unwrap();
        assert_eq!(fs::metadata(work.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_a_dead_build_left_is_swept_unless_a_build_runs() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("tmp/rootfs-dead");
        fs::create_dir_all(&left).unwrap();
        let first = Cache::open(folder.path()).unwrap();
        assert!(!left.exists());
        fs::create_dir_all(&left).unwrap();
        let lock = folder.path().join("rootfs/key.lock");
        fs::create_dir_all(lock.parent().unwrap()).unwrap();
        fs::write(&lock, "").unwrap();
        let second = Cache::open(folder.path()).unwrap();
        assert!(left.exists() && lock.exists());
        // What a program inherits between fork and exec.
        let inherited = first.lock.0.try_clone().unwrap();
        drop((first, second));
        Cache::open(folder.path()).unwrap();
        assert!(!left.exists() && !lock.exists());
        drop(inherited);
    }
}
