//! A tiny node, its packages replayed, and a cache that has nothing but the kernel.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use builder::manifest::{FileEntry, Made};
use tests::archive::{Archive, replay};
use tests::running::Running;
use tests::trial::{Trial, good, names};
use tests::xbuild::{cache_root, checkout, program, workshop};

const BASE: &str = r#"summary = "The least that boots"
overlays = ["common"]
packages = ["grub2-common", "initramfs-tools", "kmod", "udev", "xen-hypervisor-4.20-amd64", "zstd"]
"#;

const TINY: &str = r#"summary = "One more package"
extends = "base"
packages = ["less"]
[layout]
name = "pair"
disks = [{ name = "system", boot = true, count = 2, min-size = "2G" }]
partitions = [{ disks = "system", number = 1, name = "root", min = "1G", share = 1 }]
arrays = [{ name = "root", level = "raid1", partition = "root" }]
filesystems = [{ on = "array:root", type = "ext4", label = "root", mount = "/" }]
"#;

/// Everything that a build needs, and what an undisturbed one makes.
pub struct Scene {
    pub trial: Trial,
    pub archive: Archive,
    pub reference: BTreeMap<String, FileEntry>,
}

impl Scene {
    /// Builds once in the shared cache, from the mirrors of this machine; the trial's own cache stays empty.
    pub fn new() -> Self {
        Self::after(|_| ())
    }

    /// As [`Self::new`], with the kernel's source in the archive: a cache with a finished kernel need not have it.
    pub fn with_kernel_source() -> Self {
        Self::after(fetch_kernel_source)
    }

    fn after(prepare: impl FnOnce(&Trial)) -> Self {
        let trial = Trial::below(&workshop());
        write_source(&trial);
        let mut undisturbed = Command::new(program());
        undisturbed.args(["image", "--profile", "tiny", "--disks", "2x2G"]);
        undisturbed.arg("--source").arg(trial.path("source")).arg("-o").arg(trial.path("reference"));
        good(&undisturbed.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap());
        let reference = Made::read(&trial.path("reference")).unwrap().files;
        fs::remove_dir_all(trial.path("reference")).unwrap();
        trial.link_kernels("cache/kernel");
        prepare(&trial);
        Self { trial, archive: replay::of_cache(&cache_root()), reference }
    }

    /// `xbuild image` from the replayed archive, into `out`.
    pub fn image(&self, out: &str) -> Command {
        let mut command = self.trial.xbuild(&[
            "image",
            "--profile",
            "tiny",
            "--disks",
            "2x2G",
            "--source",
            "source",
            "-o",
            out,
        ]);
        command.args(self.archive.options());
        command
    }

    /// Runs a build to its end.
    pub fn finish(&self, out: &str) {
        good(&self.image(out).stderr(Stdio::inherit()).output().unwrap());
        assert_eq!(names(&self.trial.path("cache/tmp")), Vec::<String>::new());
    }

    /// The images in `out`, by name.
    pub fn made(&self, out: &str) -> BTreeMap<String, FileEntry> {
        Made::read(&self.trial.path(out)).unwrap().files
    }

    /// Whether a work folder of the cache that begins like this has a few files.
    pub fn has_work_in(&self, folder: &str) -> bool {
        let tmp = self.trial.path("cache/tmp");
        names(&tmp)
            .iter()
            .any(|name| name.starts_with(folder) && names(&tmp.join(name).join("usr/bin")).len() > 20)
    }

    /// The error of a build on a memory file system of `size` MiB, with those parts of the cache that are `shared`
    /// elsewhere. It must leave neither a finished entry nor an image.
    pub fn on_full_disk(&self, shared: &[&str], size: u32) -> String {
        fs::create_dir_all(self.trial.path("full")).unwrap();
        let links: String =
            shared.iter().map(|kind| format!("ln -s ../cache/{kind} full/{kind} && ")).collect();
        let script = format!(
            "mount -t tmpfs -o size={size}m tmpfs full && {links} mkdir full/out || exit 9\n\
             \"$@\" --cache full\nstatus=$?\nfor kind in tools rootfs boot; do [ -L full/$kind ] || ls full/$kind 2>/dev/null | grep -v lock; done\nls full/out\nexit $status"
        );
        let image = self.image("full/out");
        let mut command = Command::new("unshare");
        let namespaces = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
        command.args([namespaces, "sh", "-c", &script, "sh"]).arg(image.get_program()).args(image.get_args());
        self.trial.surround(&mut command);
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "left behind");
        self.trial.refused(&output, Some(&self.archive))
    }
}

/// The profiles, this checkout's common overlay without the addresses of mirrors, and its kernel.
fn write_source(trial: &Trial) {
    trial.write("source/profiles/base.toml", BASE);
    trial.write("source/profiles/tiny.toml", TINY);
    trial.write("source/overlays/readme", "one overlay\n");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(checkout().join("overlays/common"))
        .arg(trial.path("source/overlays/"))
        .status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(trial.path("source/overlays/common/etc/apt")).unwrap();
    symlink(checkout().join("builder"), trial.path("source/builder")).unwrap();
}

/// A build without a kernel, from the mirrors of this machine; it has what is wanted when it begins to compile.
fn fetch_kernel_source(trial: &Trial) {
    let cache = trial.path("source-cache");
    fs::create_dir(&cache).unwrap();
    symlink(cache_root().join("blobs"), cache.join("blobs")).unwrap();
    let mut build = Command::new(program());
    build.args(["image", "--profile", "tiny", "--disks", "2x2G", "--source"]).arg(trial.path("source"));
    build.arg("--cache").arg(&cache).arg("-o").arg(trial.path("unfinished"));
    let running = Running::start(&mut build);
    running.wait_for_stage("kernel");
    running.kill();
}
