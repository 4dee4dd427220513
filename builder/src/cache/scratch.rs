//! Folders to work in, on the cache's disk or in memory.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A folder to work in. It goes with [`Scratch::remove`]; after a failure it stays until the next build starts, so that
/// the command that failed can be run again by hand.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    /// The folder on the disk, where memory is mounted over it.
    beneath: Option<OwnedFd>,
}

impl Scratch {
    pub(super) fn new(tmp: &Path, kind: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("{kind}-")).tempdir_in(tmp);
        Ok(Self { folder: folder.context("cannot make a work folder in the cache")?, beneath: None })
    }

    /// Mounts memory over it, which only this process and its children see and the kernel takes back when they end.
    pub(super) fn over_memory(mut self, limit: u64) -> Result<Self> {
        let what = || format!("cannot mount memory on {}", self.path().display());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let beneath = rustix::fs::open(self.path(), flags, Mode::empty()).with_context(what)?;
        let options = std::ffi::CString::new(format!("mode=700,size={limit}"))?;
        mount("xbuild", self.path(), "tmpfs", MountFlags::empty(), options.as_c_str()).with_context(what)?;
        self.beneath = Some(beneath);
        Ok(self)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The work is done.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn remove(mut self) -> Result<()> {
        let path = self.folder.path().to_owned();
        let what = || format!("cannot remove {}", path.display());
        if self.beneath.take().is_some() {
            unmount(&path, UnmountFlags::DETACH).with_context(what)?;
        }
        fs::remove_dir_all(&path).with_context(what)
    }

    /// What is in memory goes to the disk, to be there when this process is not any more.
    fn keep(&self, beneath: &OwnedFd) -> Result<()> {
        let target = format!("/proc/{}/fd/{}/", std::process::id(), beneath.as_raw_fd());
        let status = Command::new("cp").arg("-a").arg(self.path().join(".")).arg(target).status()?;
        anyhow::ensure!(status.success(), "cp failed");
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.folder.disable_cleanup(true);
        if let Some(error) = self.beneath.as_ref().and_then(|beneath| self.keep(beneath).err()) {
            eprintln!("{} cannot be kept: {error:#}", self.path().display());
        }
    }
}

/// Free memory, of the machine or of the control group that we are in, in bytes. What caches of files take is free.
pub(super) fn spare_memory() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let group = system.cgroup_limits();
    let group = group.map_or(u64::MAX, |limits| limits.total_memory.saturating_sub(limits.rss));
    system.available_memory().min(group)
}
