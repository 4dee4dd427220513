//! The kernel as a Debian package, laid out as Debian's own are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{EPOCH, Kernel};
use crate::cache::{Cache, Key};
use crate::package;
use crate::rootfs::Deb;
use crate::stage::Stage;
use crate::tools::Tools;

/// Raise it when what is packed changes.
const REVISION: u32 = 1;
/// Where the folder that is packed is inside the sandbox.
const STAGING: &str = "/package";

impl Kernel {
    /// The package, packed if it is not in the cache: seconds, where building takes minutes.
    ///
    /// # Errors
    /// When the cache entry is damaged, or a tool fails.
    pub fn package(&self, cache: &Cache, tools: &Tools, stage: &Stage) -> Result<Deb> {
        let epoch = fs::read_to_string(self.folder.join(EPOCH))?;
        let epoch = epoch.parse().context("the kernel in the cache has no time")?;
        let key = Key::of(&("kernel", REVISION, &self.key))?;
        let lay = |staging: &Path| {
            self.lay_files(staging)?;
            let depmod = ["depmod", "-b", &format!("{STAGING}/usr"), &self.release()?];
            stage.run(&tools.run(depmod).bind(staging, STAGING))
        };
        Deb::of_ours(package::pack(cache, tools, stage, &key, epoch, lay)?)
    }

    /// As Debian's own kernel packages have them.
    fn lay_files(&self, staging: &Path) -> Result<()> {
        let release = self.release()?;
        let (boot, modules) = (staging.join("boot"), staging.join("usr/lib/modules").join(&release));
        fs::create_dir_all(&boot)?;
        fs::create_dir_all(&modules)?;
        for name in ["vmlinuz", "config", "System.map"] {
            fs::copy(self.folder.join(name), boot.join(format!("{name}-{release}")))?;
        }
        for name in ["modules.builtin", "modules.builtin.modinfo"] {
            fs::copy(self.folder.join(name), modules.join(name))?;
        }
        // There are none, and depmod wants to be told.
        fs::write(modules.join("modules.order"), "")?;
        write_control(&staging.join("DEBIAN"), &release, self.version())
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
