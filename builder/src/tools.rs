//! The tools tree: a Debian root that holds every program a build runs, so that the host needs none.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};

use crate::cache::{Cache, Key};
use crate::debian::{Package, deb};
use crate::sandbox::Sandbox;
use crate::stage::Stage;

/// Raise it when the way a tree is made changes.
const REVISION: u32 = 2;
const THREADS: usize = 2;

/// What the tree is made of; dependencies follow.
pub const PACKAGES: &[&str] = &[
    // A root that programs can live in.
    "base-files",
    "base-passwd",
    "bash",
    "dash",
    "coreutils",
    "findutils",
    "grep",
    "sed",
    "gzip",
    "tar",
    "mawk",
    "diffutils",
    "hostname",
    "libc-bin",
    "passwd",
    "util-linux",
    "xz-utils",
    "zstd",
    "perl",
    "init-system-helpers",
    // Packages.
    "apt",
    "dpkg",
    "sqv",
    "debian-archive-keyring",
    // The kernel.
    "gcc",
    "make",
    "lz4",
    "bc",
    "bison",
    "flex",
    "libelf-dev",
    "libssl-dev",
    "kmod",
    "cpio",
    "rsync",
    "python3-minimal",
    // Disks.
    "e2fsprogs",
    "libarchive13t64",
    "dosfstools",
    "mtools",
    "fdisk",
    "gdisk",
    "mdadm",
    "lvm2",
    "grub-common",
    "grub-pc-bin",
    "grub-efi-amd64-bin",
    // What an installer's console and network are made of.
    "busybox",
    "ipxe",
    // Booting what was built.
    "qemu-system-x86",
    "qemu-utils",
    "seabios",
    "ovmf",
    // The BMC of a node that is rehearsed.
    "openipmi",
    // A peer, which the benchmark runs beside us.
    "mmdebstrap",
];

/// A tree in the cache.
#[derive(Clone, Debug)]
pub struct Tools {
    root: PathBuf,
    key: Key,
}

impl Tools {
    /// The key of the tree that these packages make.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn key(packages: &[Package]) -> Result<Key> {
        Key::of(&(REVISION, packages.iter().map(|package| &package.sha256).collect::<Vec<_>>()))
    }

    /// The tree, if it is in the cache.
    #[must_use]
    pub fn find(cache: &Cache, key: &Key) -> Option<Self> {
        cache.find("tools", key).map(|root| Self { root, key: key.clone() })
    }

    /// Makes the tree from `debs`, the files of its packages.
    ///
    /// # Errors
    /// When a package cannot be unpacked or a program in the tree does not run.
    pub fn make(cache: &Cache, stage: &Stage, key: &Key, debs: &[PathBuf]) -> Result<Self> {
        let root = cache.entry("tools", key, |work| {
            unpack_all(debs, work)?;
            finish(stage, work)
        })?;
        Ok(Self { root, key: key.clone() })
    }

    /// Its key in the cache.
    #[must_use]
    pub fn cache_key(&self) -> &Key {
        &self.key
    }

    /// Where it lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A program of the tree.
    pub fn run<S: Into<String>>(&self, argv: impl IntoIterator<Item = S>) -> Sandbox {
        Sandbox::new(&self.root, argv)
    }
}

/// `base-files` brings the links (`/bin -> usr/bin`) that the others are unpacked through, so it goes first.
fn unpack_all(debs: &[PathBuf], root: &Path) -> Result<()> {
    let is_base = |deb: &&PathBuf| {
        deb::files(deb, |path| path.ends_with("usr/share/base-files/dot.bashrc"))
            .is_ok_and(|found| !found.is_empty())
    };
    let base = debs.iter().find(is_base).context("no base-files among the packages")?;
    deb::unpack(base, root, false)?;
    let next = AtomicUsize::new(0);
    let worker = || -> Result<()> {
        while let Some(deb) = debs.get(next.fetch_add(1, Ordering::Relaxed)) {
            deb::unpack(deb, root, false)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("an unpacking thread died")))
    })
}

/// The little that maintainer scripts would have done and that our programs need.
fn finish(stage: &Stage, root: &Path) -> Result<()> {
    for (master, file) in [("passwd.master", "passwd"), ("group.master", "group")] {
        let from = root.join("usr/share/base-passwd").join(master);
        fs::copy(&from, root.join("etc").join(file))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    // The host's is shown here to programs that keep its network.
    fs::write(root.join("etc/resolv.conf"), "")?;
    symlink("mawk", root.join("usr/bin/awk"))?;
    stage.run(&Sandbox::new(root, ["ldconfig"]).writable())
}
