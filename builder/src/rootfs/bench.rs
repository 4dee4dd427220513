//! The root that a build works on, kept from stage to stage: what one has packed the next one need not unpack.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;

use super::Rootfs;
use crate::cache::{Cache, Key, Scratch};
use crate::stage::Stage;
use crate::tools::Tools;

/// A place for one root at a time.
#[derive(Debug)]
pub struct Bench<'a> {
    cache: &'a Cache,
    tools: &'a Tools,
    /// How much memory a root may take, in bytes.
    size: u64,
    /// A root as it was packed, and the key of the layer that it is.
    root: Option<(Key, Scratch)>,
}

impl<'a> Bench<'a> {
    /// An empty one, for roots of at most `size` bytes.
    #[must_use]
    pub fn new(cache: &'a Cache, tools: &'a Tools, size: u64) -> Self {
        Self { cache, tools, size, root: None }
    }

    /// The programs that work here.
    #[must_use]
    pub fn tools(&self) -> &'a Tools {
        self.tools
    }

    /// A folder with the layer `wanted` in it, or with nothing.
    ///
    /// # Errors
    /// When it cannot be unpacked.
    pub fn take(&mut self, wanted: Option<&Rootfs>, stage: &Stage) -> Result<Scratch> {
        match (self.root.take(), wanted) {
            (Some((key, root)), Some(wanted)) if key == wanted.key => return Ok(root),
            (Some((_, other)), _) => other.remove()?,
            (None, _) => {}
        }
        let root = self.cache.scratch_in_memory("root", self.size)?;
        // mkdir obeys the caller's umask; this folder becomes the node's `/`.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755))?;
        if let Some(wanted) = wanted {
            wanted.unpack(self.tools, stage, root.path())?;
        }
        Ok(root)
    }

    /// Leaves `root`, in which nothing has changed since it was packed as the layer `key`.
    pub fn leave(&mut self, key: Key, root: Scratch) {
        self.root = Some((key, root));
    }

    /// Nobody needs it any more.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn clear(self) -> Result<()> {
        self.root.map_or(Ok(()), |(_, root)| root.remove())
    }
}
