//! The kernel as a Debian package, laid out as Debian's own are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{EPOCH, Kernel};
use crate::cache::{Cache, Key};
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::tools::Tools;

/// Raise it when the way a kernel is packed changes.
const REVISION: u32 = 1;
/// Where the work folder is inside the sandbox.
const WORK: &str = "/build";
const STAGING: &str = "/build/package";
const FILE: &str = "kernel.deb";

impl Kernel {
    /// The package's file, packed if it is not in the cache: seconds, where building takes minutes.
    ///
    /// # Errors
    /// When the cache entry is damaged, or a tool fails.
    pub fn package(&self, cache: &Cache, tools: &Tools, stage: &Stage) -> Result<PathBuf> {
        let key = Key::of(&(REVISION, &self.key, tools.cache_key()))?;
        let entry = cache.entry("kernel-package", &key, |finished| {
            let scratch = cache.scratch("kernel-package")?;
            Packing { kernel: self, stage, tools, work: scratch.path() }.pack()?;
            fs::rename(scratch.path().join(FILE), finished.join(FILE))?;
            scratch.remove()
        })?;
        Ok(entry.join(FILE))
    }
}

struct Packing<'a> {
    kernel: &'a Kernel,
    stage: &'a Stage<'a>,
    tools: &'a Tools,
    work: &'a Path,
}

impl Packing<'_> {
    fn run<S: Into<String>>(&self, argv: impl IntoIterator<Item = S>) -> Sandbox {
        self.tools.run(argv).bind(self.work, WORK).no_sync()
    }

    fn pack(&self) -> Result<()> {
        let from = &self.kernel.folder;
        let release = self.kernel.release()?;
        let epoch =
            fs::read_to_string(from.join(EPOCH)).context("cannot read the kernel's time from the cache")?;
        let package = self.work.join("package");
        fs::create_dir_all(package.join("boot"))?;
        for name in ["vmlinuz", "config", "System.map"] {
            fs::copy(from.join(name), package.join("boot").join(format!("{name}-{release}")))?;
        }
        let modules = package.join("usr/lib/modules").join(&release);
        fs::create_dir_all(&modules)?;
        for name in ["modules.builtin", "modules.builtin.modinfo"] {
            fs::copy(from.join(name), modules.join(name))?;
        }
        // There are none, and depmod wants to be told.
        fs::write(modules.join("modules.order"), "")?;
        self.stage.run(&self.run(["depmod", "-b", &format!("{STAGING}/usr"), &release]))?;
        write_control(&package.join("DEBIAN"), &release, self.kernel.version())?;
        self.stage.run(&self.run([
            "sh",
            "-c",
            &format!("find {STAGING} -exec touch -hd @{epoch} {{}} +"),
        ]))?;
        let output = format!("{WORK}/{FILE}");
        let pack = ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", STAGING, &output];
        self.stage.run(&self.run(pack).env("SOURCE_DATE_EPOCH", &epoch))
    }
}

fn write_control(folder: &Path, release: &str, version: &str) -> Result<()> {
    fs::create_dir(folder)?;
    let control = format!(
        "Package: linux-image-{release}\nVersion: {version}\nArchitecture: amd64\nSection: kernel\nPriority: optional\n\
         Maintainer: xbuild <root@localhost>\nDepends: kmod\nProvides: linux-image\n\
         Description: Linux for Xen dom0 with DRBD, OCFS2 and AoE built in\n \
         Debian's source with xbuild's configuration. Everything it has is built in;\n it boots Xen dom0, plain machines and guests.\n"
    );
    fs::write(folder.join("control"), control)?;
    for (script, parameter) in
        [("postinst", "configure"), ("postrm", "remove"), ("preinst", "install"), ("prerm", "remove")]
    {
        let path = folder.join(script);
        fs::write(&path, maintainer_script(script, parameter, release))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// What Debian's kernel packages do: run the hooks that make the initramfs and the boot menu.
fn maintainer_script(script: &str, parameter: &str, release: &str) -> String {
    format!(
        "#!/bin/sh\nset -e\n[ \"$1\" = {parameter} ] || [ \"$1\" = upgrade ] || exit 0\nexport DEB_MAINT_PARAMS=\"$*\"\n\
         if [ -d /etc/kernel/{script}.d ]; then\n  run-parts --report --exit-on-error --arg={release} --arg=/boot/vmlinuz-{release} /etc/kernel/{script}.d\nfi\n"
    )
}
