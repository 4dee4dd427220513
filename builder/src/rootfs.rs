//! A node's root, made by apt and dpkg in layers: each layer is a tar in the cache, the base shared by all roles.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use deb822_fast::Paragraph;
use sha2::{Digest as _, Sha256};

use crate::cache::{Cache, Key, hex};
use crate::debian::fetch::link_or_copy;
use crate::debian::{Archive, Package, apt, deb};
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::tools::Tools;

pub mod bench;
mod clean;
mod stamp;

use bench::Bench;

/// Raise it when the way a root is made changes.
const REVISION: u32 = 4;
/// Where the root is inside the tools tree's sandbox.
const TARGET: &str = "/target";
/// Where packages lie, seen from the root itself; apt's own place, so that no trace of it stays.
const ARCHIVES: &str = "/var/cache/apt/archives";
/// GRUB would offer Xen's EFI program as a second hypervisor, which it cannot boot. Holds on the node too.
const DPKG_CONFIG: &str = "# Written by xbuild. GRUB boots xen.gz; it must not offer the EFI program.\npath-exclude=/boot/xen-*.efi\n";
const UPDATE_INITRAMFS: &str = "/usr/sbin/update-initramfs";

/// A package as a file.
#[derive(Clone, Debug)]
pub struct Deb {
    /// What it is.
    pub package: Package,
    /// Where it lies on the host.
    pub file: PathBuf,
}

impl Deb {
    /// A package that xbuild has made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_ours(file: PathBuf) -> Result<Self> {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let control = deb::control(&file)?;
        let fields: Paragraph = control
            .parse()
            .map_err(|error| anyhow::anyhow!("the control file of {}: {error}", file.display()))?;
        let field = |name: &str| {
            let value = fields.get(name).map(str::to_owned);
            value.with_context(|| format!("the control file of {} has no {name}", file.display()))
        };
        let package = Package {
            name: field("Package")?,
            version: field("Version")?,
            architecture: field("Architecture")?,
            archive: Archive::Local,
            filename: String::new(),
            size: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
        };
        Ok(Self { package, file })
    }
}

/// One layer to be put on another.
#[derive(Debug)]
pub struct Layer<'a> {
    /// The layer below; none for the first, which needs `essential`.
    pub below: Option<&'a Rootfs>,
    /// Packages that are unpacked before dpkg can run at all (first layer only).
    pub essential: &'a [Deb],
    /// What this layer adds.
    pub adds: &'a [Deb],
    /// Packages that were asked for by name, in this layer and below; all others are marked as automatic.
    pub asked: &'a [String],
    /// Nothing follows: the root is made ready for a node.
    pub last: bool,
    /// The time that is stamped on files, seconds since 1970.
    pub epoch: i64,
}

/// A layer in the cache: a tar of everything up to it.
#[derive(Clone, Debug)]
pub struct Rootfs {
    key: Key,
    folder: PathBuf,
}

impl Rootfs {
    /// The tar, with numeric owners, xattrs and sorted names.
    #[must_use]
    pub fn tar(&self) -> PathBuf {
        self.folder.join("rootfs.tar")
    }

    /// Its key in the cache.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Unpacks it into `root`.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn unpack(&self, tools: &Tools, stage: &Stage, root: &Path) -> Result<()> {
        let tar = tools.run([
            "tar",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "-C",
            TARGET,
            "-xpf",
            "/rootfs.tar",
        ]);
        stage.run(&tar.bind(root, TARGET).bind_read_only(&self.tar(), "/rootfs.tar").no_sync())
    }
}

impl Layer<'_> {
    fn key(&self, tools: &Tools) -> Result<Key> {
        let hashes = |debs: &[Deb]| debs.iter().map(|deb| deb.package.sha256.clone()).collect::<Vec<_>>();
        let below = self.below.map(Rootfs::key);
        Key::of(&(
            REVISION,
            tools.cache_key(),
            below,
            hashes(self.essential),
            hashes(self.adds),
            self.asked,
            self.last,
            self.epoch,
        ))
    }

    /// The layer, if it is in the cache.
    ///
    /// # Errors
    /// When its key cannot be made.
    pub fn find(&self, cache: &Cache, tools: &Tools) -> Result<Option<Rootfs>> {
        let key = self.key(tools)?;
        Ok(cache.find("rootfs", &key).map(|folder| Rootfs { key, folder }))
    }

    /// Makes the layer, and leaves its root on the bench.
    ///
    /// # Errors
    /// When a package does not install, or the disk is full.
    pub fn make(&self, cache: &Cache, bench: &mut Bench, stage: &Stage) -> Result<Rootfs> {
        let key = self.key(bench.tools())?;
        let folder = cache.entry("rootfs", &key, |finished| {
            let root = bench.take(self.below, stage)?;
            let scratch = cache.scratch("debs")?;
            let work = Work::new(bench.tools(), stage, root.path(), scratch.path(), self.epoch)?;
            if self.below.is_none() {
                work.bootstrap(self.essential)?;
            }
            work.install(self.adds)?;
            work.mark_automatic(self.asked)?;
            if self.last {
                work.put_xen_first()?;
                work.let_initramfs_be_made()?;
            }
            clean::clean(&work.root)?;
            stamp::clamp(&work.root, self.epoch)?;
            work.pack(finished)?;
            bench.leave(key.clone(), root);
            scratch.remove()
        })?;
        Ok(Rootfs { key, folder })
    }
}

/// A root under construction.
struct Work<'a> {
    tools: &'a Tools,
    stage: &'a Stage<'a>,
    root: PathBuf,
    debs: PathBuf,
    apt_conf: PathBuf,
    epoch: i64,
}

impl<'a> Work<'a> {
    fn new(tools: &'a Tools, stage: &'a Stage<'a>, root: &Path, scratch: &Path, epoch: i64) -> Result<Self> {
        let (root, debs, apt_conf) = (root.to_owned(), scratch.join("debs"), scratch.join("apt.conf"));
        fs::create_dir_all(debs.join("partial"))?;
        let conf = apt::configuration(TARGET)
            + &format!("DPkg::Chroot-Directory \"{TARGET}\";\nAPT::Status-Fd \"-1\";\n");
        fs::write(&apt_conf, conf)?;
        Ok(Self { tools, stage, root, debs, apt_conf, epoch })
    }

    fn environment(&self, run: Sandbox) -> Sandbox {
        run.env("DEBIAN_FRONTEND", "noninteractive")
            .env("DEBCONF_NONINTERACTIVE_SEEN", "true")
            .env("PYTHONHASHSEED", "0")
            .env("SOURCE_DATE_EPOCH", &self.epoch.to_string())
            .no_sync()
    }

    /// A program of the root itself.
    fn inside<S: Into<String>>(&self, argv: impl IntoIterator<Item = S>) -> Sandbox {
        let run = Sandbox::new(&self.root, argv).writable().bind(&self.debs, ARCHIVES);
        self.environment(run)
    }

    /// Puts package files where apt and dpkg see them, and nothing else.
    fn offer(&self, debs: &[Deb]) -> Result<()> {
        fs::remove_dir_all(&self.debs)?;
        fs::create_dir_all(self.debs.join("partial"))?;
        for deb in debs {
            let Package { name, version, architecture, .. } = &deb.package;
            link_or_copy(
                &deb.file,
                &self.debs.join(format!("{name}_{}_{architecture}.deb", version.replace(':', "%3a"))),
            )?;
        }
        Ok(())
    }

    /// From nothing to a root in which dpkg runs: essential packages unpacked by hand, then installed properly.
    fn bootstrap(&self, essential: &[Deb]) -> Result<()> {
        self.stage.note("essential packages");
        let (first, rest): (Vec<_>, Vec<_>) =
            essential.iter().partition(|deb| deb.package.name == "base-files");
        for deb in first.into_iter().chain(rest) {
            deb::unpack(&deb.file, &self.root, true)?;
        }
        fs::create_dir_all(self.root.join("var/lib/dpkg"))?;
        fs::write(self.root.join("var/lib/dpkg/status"), "")?;
        let config = self.root.join("etc/dpkg/dpkg.cfg.d/xbuild");
        fs::write(&config, DPKG_CONFIG)?;
        // The caller's umask must not show on the node.
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644))?;
        self.forbid_daemons()?;
        self.offer(essential)?;
        let dpkg = format!("exec dpkg --force-depends --install {ARCHIVES}/*.deb");
        self.stage.run(&self.inside(["sh", "-c", &dpkg]))?;
        self.hold_initramfs_back()
    }

    /// Maintainer scripts must not start daemons here (see invoke-rc.d(8)).
    fn forbid_daemons(&self) -> Result<()> {
        let policy = self.root.join(clean::POLICY);
        fs::write(&policy, "#!/bin/sh\nexit 101\n")?;
        Ok(fs::set_permissions(&policy, fs::Permissions::from_mode(0o755))?)
    }

    /// Packages ask for it again and again; it is made once, when all is there.
    fn hold_initramfs_back(&self) -> Result<()> {
        self.stage.run(&self.inside(["dpkg-divert", "--local", "--rename", "--add", UPDATE_INITRAMFS]))?;
        symlink("../bin/true", self.root.join(&UPDATE_INITRAMFS[1..]))
            .context("cannot hold update-initramfs back")
    }

    fn let_initramfs_be_made(&self) -> Result<()> {
        fs::remove_file(self.root.join(&UPDATE_INITRAMFS[1..]))
            .context("update-initramfs was not held back")?;
        self.stage.run(&self.inside(["dpkg-divert", "--local", "--rename", "--remove", UPDATE_INITRAMFS]))
    }

    /// GRUB's own Xen script runs from `08_xen` of the common overlay; where it stands it would come after plain Linux.
    fn put_xen_first(&self) -> Result<()> {
        const STOCK: &str = "/etc/grub.d/20_linux_xen";
        if !self.root.join(&STOCK[1..]).exists() {
            return Ok(());
        }
        self.stage.run(&self.inside([
            "dpkg-statoverride",
            "--update",
            "--add",
            "root",
            "root",
            "0644",
            STOCK,
        ]))
    }

    /// apt orders the packages; the files are all it knows.
    fn install(&self, debs: &[Deb]) -> Result<()> {
        self.stage.note("packages");
        self.forbid_daemons()?;
        self.offer(debs)?;
        let install = format!("exec apt-get install {TARGET}{ARCHIVES}/*.deb");
        let run = self.tools.run(["sh", "-c", &install]);
        let run =
            run.bind(&self.root, TARGET).bind(&self.debs, &format!("{TARGET}{ARCHIVES}")).chroot(TARGET);
        let run = run.bind_read_only(&self.apt_conf, "/apt.conf").env("APT_CONFIG", "/apt.conf");
        self.stage.run(&self.environment(run)).context("the packages do not install")
    }

    /// apt took every file as asked for by hand; `apt autoremove` on the node must know better.
    fn mark_automatic(&self, asked: &[String]) -> Result<()> {
        let status = fs::read_to_string(self.root.join("var/lib/dpkg/status"))?;
        let automatic = status
            .lines()
            .filter_map(|line| line.strip_prefix("Package: "))
            .filter(|name| !asked.iter().any(|one| one == name));
        let states =
            automatic.map(|name| format!("Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n"));
        let mut file = fs::File::create(self.root.join("var/lib/apt/extended_states"))?;
        Ok(file.write_all(states.collect::<String>().as_bytes())?)
    }

    fn pack(&self, finished: &Path) -> Result<()> {
        self.stage.note("packing");
        let tar = [
            "tar",
            "--create",
            "--file=/out/rootfs.tar",
            "--directory=/target",
            "--sort=name",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "--format=posix",
            "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
            ".",
        ];
        let run = self.tools.run(tar).bind_read_only(&self.root, TARGET).bind(finished, "/out").no_sync();
        self.stage
            .run(&run)
            .or_else(|error| Err(blame_disk(error, finished)?))
            .context("cannot pack the root")
    }
}

/// tar does not say that a disk is full when half a block still went onto it.
fn blame_disk(error: anyhow::Error, folder: &Path) -> Result<anyhow::Error> {
    let disk = rustix::fs::statvfs(folder)?;
    let full = disk.f_bavail * disk.f_frsize < 1 << 16;
    Ok(if full { error.context(std::io::Error::from(rustix::io::Errno::NOSPC)) } else { error })
}
