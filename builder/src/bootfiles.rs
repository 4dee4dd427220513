//! What boots a node of a role: the initramfs, and the boot menu with blanks where a node's own values go.
//!
//! The menu is what the node's own `update-grub` will write: the real scripts run in the real root, only
//! `grub-probe` is ours ([`probe`]).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use installer::initrd;
use installer::overlay::{Content, OverlayFile};

use crate::cache::{Cache, Key};
use crate::rootfs::Rootfs;
use crate::rootfs::bench::Bench;
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::tools::Tools;

pub mod probe;

use probe::Probe;

const INITRD: &str = "initrd.img";

/// Raise it when the way these files are made changes.
const REVISION: u32 = 4;

/// What boot files are made from.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The role's root.
    pub rootfs: &'a Rootfs,
    /// The overlay files that `update-initramfs` and `update-grub` read, rendered with [`installer::menu::blank`]s.
    pub settings: &'a [OverlayFile],
    /// Where `/` and `/boot` will be.
    pub probe: Probe,
    /// Whether the kernel starts with an initramfs.
    pub initrd: bool,
    /// The time that is stamped on files, seconds since 1970.
    pub epoch: i64,
}

/// Boot files in the cache.
#[derive(Clone, Debug)]
pub struct BootFiles {
    folder: PathBuf,
}

impl BootFiles {
    /// The initramfs, without anything of a node ([`installer::initrd::open_ended`]); none where the kernel starts without one.
    #[must_use]
    pub fn initrd(&self) -> Option<PathBuf> {
        Some(self.folder.join(INITRD)).filter(|path| path.exists())
    }

    /// The kernel's release, such as `6.12.117-xbuild`.
    ///
    /// # Errors
    /// When the cache entry is damaged.
    pub fn kernel_release(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("release"))
            .context("cannot read the kernel's release from the cache")
    }

    /// The boot menu with blanks.
    ///
    /// # Errors
    /// When the cache entry is damaged.
    pub fn menu(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("grub.cfg")).context("cannot read the boot menu from the cache")
    }
}

/// Whether the boot files depend on this overlay file.
#[must_use]
pub fn is_setting(path: &Path) -> bool {
    const PLACES: [&str; 6] = [
        "etc/default/amd64-microcode",
        "etc/default/grub",
        "etc/default/grub.d",
        "etc/default/intel-microcode",
        "etc/grub.d",
        "etc/initramfs-tools",
    ];
    PLACES.iter().any(|place| path.starts_with(place))
}

impl Recipe<'_> {
    fn key(&self, tools: &Tools) -> Result<Key> {
        Key::of(&(
            REVISION,
            tools.cache_key(),
            self.rootfs.key(),
            self.settings,
            self.probe,
            self.initrd,
            self.epoch,
        ))
    }

    /// The boot files, if they are in the cache.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn find(&self, cache: &Cache, tools: &Tools) -> Result<Option<BootFiles>> {
        Ok(cache.find("boot", &self.key(tools)?).map(|folder| BootFiles { folder }))
    }

    /// Makes the boot files.
    ///
    /// # Errors
    /// When the root has no kernel or more than one, or a script of it fails.
    pub fn make(&self, cache: &Cache, bench: &mut Bench, stage: &Stage) -> Result<BootFiles> {
        let folder = cache.entry("boot", &self.key(bench.tools())?, |finished| {
            let scratch = bench.take(Some(self.rootfs), stage)?;
            let root = scratch.path();
            lay(root, self.settings)?;
            let release = only_kernel(root)?;
            if self.initrd {
                self.make_initramfs(stage, root, &release)?;
            }
            self.make_menu(stage, root, finished)?;
            if self.initrd {
                keep_initramfs(&root.join(format!("boot/initrd.img-{release}")), finished)?;
            }
            fs::write(finished.join("release"), &release)?;
            scratch.remove()
        })?;
        Ok(BootFiles { folder })
    }

    fn inside<S: Into<String>>(&self, root: &Path, argv: impl IntoIterator<Item = S>) -> Sandbox {
        Sandbox::new(root, argv).writable().no_sync().env("SOURCE_DATE_EPOCH", &self.epoch.to_string())
    }

    fn make_initramfs(&self, stage: &Stage, root: &Path, release: &str) -> Result<()> {
        stage.note("update-initramfs");
        stage.run(&self.inside(root, ["update-initramfs", "-c", "-k", release]))
    }

    fn make_menu(&self, stage: &Stage, root: &Path, finished: &Path) -> Result<()> {
        stage.note("grub-mkconfig");
        let probe = stand_in(finished, "grub-probe", &self.probe.script())?;
        let relative = stand_in(finished, "grub-mkrelpath", self.probe.relative_script())?;
        fs::create_dir_all(root.join("boot/grub"))?;
        let script = format!("{} && exec grub-mkconfig", self.probe.links());
        let run = self.inside(root, ["sh", "-c", &script]).bind_read_only(&probe, "/usr/sbin/grub-probe");
        let run = run.bind_read_only(&relative, "/usr/bin/grub-mkrelpath");
        let menu = stage.capture(&run)?;
        ensure!(menu.contains("multiboot2"), "the root's grub-mkconfig made no Xen entry");
        fs::remove_file(&probe)?;
        fs::remove_file(&relative)?;
        Ok(fs::write(finished.join("grub.cfg"), menu)?)
    }
}

/// Packed so that a node's own files can follow.
fn keep_initramfs(made: &Path, finished: &Path) -> Result<()> {
    let initramfs = fs::read(made).with_context(|| format!("cannot read {}", made.display()))?;
    let open_ended =
        initrd::open_ended(&initramfs).with_context(|| format!("cannot pack {} anew", made.display()))?;
    fs::write(finished.join(INITRD), open_ended).context("cannot keep the initramfs")
}

fn lay(root: &Path, files: &[OverlayFile]) -> Result<()> {
    for file in files {
        let path = root.join(&file.path);
        match &file.content {
            Content::Directory => fs::create_dir_all(&path)?,
            Content::Symlink(target) => std::os::unix::fs::symlink(target, &path)?,
            Content::File(bytes) => {
                fs::create_dir_all(path.parent().unwrap_or(root))?;
                fs::write(&path, bytes)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
            }
        }
    }
    Ok(())
}

fn only_kernel(root: &Path) -> Result<String> {
    let names = fs::read_dir(root.join("boot"))?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let kernels: Vec<_> = names.filter_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned)).collect();
    match kernels.as_slice() {
        [release] => Ok(release.clone()),
        _ => anyhow::bail!("the root has {} kernels, not one: {}", kernels.len(), kernels.join(", ")),
    }
}

fn stand_in(folder: &Path, name: &str, script: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
