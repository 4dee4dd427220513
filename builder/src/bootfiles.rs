//! What boots a node of a role: the initramfs, and the boot menu with blanks where a node's own values go.
//!
//! The menu is what the node's own `update-grub` will write: the real scripts run in the real root, only
//! `grub-probe` is ours, since there are no disks yet to probe.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use installer::overlay::{Content, OverlayFile};

use crate::cache::{Cache, Key};
use crate::rootfs::Rootfs;
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::tools::Tools;

/// Raise it when the way these files are made changes.
const REVISION: u32 = 2;

/// Blanks in the menu; none of them occurs in GRUB's own text.
pub mod blank {
    /// UUID of the file system with `/boot`.
    pub const ROOT_UUID: &str = "xbuild-root-uuid";
    /// UUID of the array it lies on, as GRUB writes it.
    pub const ARRAY_UUID: &str = "xbuild-array-uuid";
    /// Hypervisor arguments.
    pub const XEN: &str = "xbuild-xen-arguments";
    /// Kernel arguments.
    pub const KERNEL: &str = "xbuild-kernel-arguments";
}

/// Answers for the device that carries `/`, in the words of grub-probe(8).
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Probe {
    /// `diskfilter mdraid1x` for an array, nothing for a partition.
    pub abstraction: &'static str,
    /// How GRUB names the device.
    pub drive: &'static str,
}

/// `/` on an md array with version 1 metadata.
pub const ON_ARRAY: Probe = Probe { abstraction: "diskfilter mdraid1x", drive: "mduuid/xbuild-array-uuid" };

/// What boot files are made from.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The role's root.
    pub rootfs: &'a Rootfs,
    /// The overlay files that `update-initramfs` and `update-grub` read, rendered with [`blank`]s.
    pub settings: &'a [OverlayFile],
    /// Where `/` will be.
    pub probe: Probe,
    /// The time that is stamped on files, seconds since 1970.
    pub epoch: i64,
}

/// Boot files in the cache.
#[derive(Clone, Debug)]
pub struct BootFiles {
    folder: PathBuf,
}

impl BootFiles {
    /// The initramfs, without anything of a node.
    #[must_use]
    pub fn initrd(&self) -> PathBuf {
        self.folder.join("initrd.img")
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
        Key::of(&(REVISION, tools.cache_key(), self.rootfs.key(), self.settings, self.probe, self.epoch))
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
    pub fn make(&self, cache: &Cache, tools: &Tools, stage: &Stage) -> Result<BootFiles> {
        let folder = cache.entry("boot", &self.key(tools)?, |finished| {
            let scratch = cache.scratch("boot")?;
            let root = scratch.path();
            fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
            self.rootfs.unpack(tools, stage, root)?;
            lay(root, self.settings)?;
            let release = only_kernel(root)?;
            self.make_initramfs(stage, root, &release)?;
            self.make_menu(stage, root, finished)?;
            fs::rename(root.join(format!("boot/initrd.img-{release}")), finished.join("initrd.img"))?;
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

    /// The scripts want the root's UUID below /dev/disk, or they would name the device instead.
    fn make_menu(&self, stage: &Stage, root: &Path, finished: &Path) -> Result<()> {
        stage.note("grub-mkconfig");
        let probe = stand_in(finished, "grub-probe", &probe_script(self.probe))?;
        let relative = stand_in(finished, "grub-mkrelpath", RELATIVE_SCRIPT)?;
        fs::create_dir_all(root.join("boot/grub"))?;
        let uuid = blank::ROOT_UUID;
        let script = format!(
            "mkdir -p /dev/disk/by-uuid && ln -s /dev/null /dev/disk/by-uuid/{uuid} && exec grub-mkconfig"
        );
        let run = self.inside(root, ["sh", "-c", &script]).bind_read_only(&probe, "/usr/sbin/grub-probe");
        let run = run.bind_read_only(&relative, "/usr/bin/grub-mkrelpath");
        let menu = stage.capture(&run)?;
        ensure!(menu.contains("multiboot2"), "the root's grub-mkconfig made no Xen entry");
        fs::remove_file(&probe)?;
        fs::remove_file(&relative)?;
        Ok(fs::write(finished.join("grub.cfg"), menu)?)
    }
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

/// Stands in for grub-mkrelpath(1), which looks at mounts: the node's root is a file system of its own.
const RELATIVE_SCRIPT: &str = "#!/bin/sh\nfor path; do :; done\necho \"$path\"\n";

fn stand_in(folder: &Path, name: &str, script: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Stands in for grub-probe(8): every path lies on the one device of the plan.
fn probe_script(probe: Probe) -> String {
    format!(
        "#!/bin/sh\nfor word; do case \"$word\" in\n  --target=*) target=${{word#--target=}} ;;\n  -t) next=1 ;;\n  *) [ -z \"$next\" ] || {{ target=$word; next=; }} ;;\nesac; done\n\
         case \"$target\" in\n  device) echo /dev/md/root ;;\n  fs) echo ext2 ;;\n  fs_uuid) echo {uuid} ;;\n  partmap) echo gpt ;;\n  abstraction) echo '{abstraction}' ;;\n\
         \x20 drive) echo '({drive})' ;;\n  compatibility_hint) echo '{drive}' ;;\n  hints_string) echo \"--hint='{drive}' \" ;;\n  partuuid|fs_label) exit 1 ;;\n  *) echo \"grub-probe: no answer for $*\" >&2; exit 1 ;;\nesac\n",
        uuid = blank::ROOT_UUID,
        abstraction = probe.abstraction,
        drive = probe.drive,
    )
}
