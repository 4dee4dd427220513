//! The dom0 kernel: Debian's source, our configuration, as a package that apt can upgrade.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cache::{Cache, Key};
use crate::debian::Package;
use crate::failure::Hinted as _;
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::tools::Tools;

mod config;

pub use config::required as required_options;

/// Raise it when the way a kernel is built or packed changes.
const REVISION: u32 = 1;
/// Packages of the tools tree whose versions change what the compiler makes.
const COMPILERS: [&str; 4] = ["gcc-14", "binutils", "libc6-dev", "make"];
/// Where the work folder is inside the sandbox.
const WORK: &str = "/build";
const SOURCE: &str = "/build/linux";
const STAGING: &str = "/build/package";

/// What a kernel is built from.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// Debian's source package.
    pub source: &'a Package,
    /// The packages of the tools tree.
    pub tools: &'a [Package],
    /// The folder with `*.config` and `required.list`.
    pub fragments: &'a Path,
}

/// A kernel package in the cache.
#[derive(Clone, Debug)]
pub struct Kernel {
    folder: PathBuf,
    version: String,
}

impl Recipe<'_> {
    /// The key of the kernel that this makes.
    ///
    /// # Errors
    /// When the fragments cannot be read.
    pub fn key(&self) -> Result<Key> {
        let compilers: Vec<_> =
            self.tools.iter().filter(|package| COMPILERS.contains(&package.name.as_str())).collect();
        Key::of(&(
            REVISION,
            &self.source.sha256,
            compilers,
            config::fragments(self.fragments)?,
            config::required(self.fragments)?,
        ))
    }

    /// The kernel, if it is in the cache.
    ///
    /// # Errors
    /// As [`Recipe::key`].
    pub fn find(&self, cache: &Cache) -> Result<Option<Kernel>> {
        Ok(cache.find("kernel", &self.key()?).map(|folder| self.kernel(folder)))
    }

    /// Builds the kernel from the source package's file.
    ///
    /// # Errors
    /// When an option that the project lives by is lost or a module, or the compiler fails.
    pub fn build(&self, cache: &Cache, tools: &Tools, stage: &Stage, source: &Path) -> Result<Kernel> {
        let work = cache.scratch("kernel")?;
        let folder = cache.entry("kernel", &self.key()?, |finished| {
            let mut build = Build { stage, tools, work: work.path(), epoch: 0 };
            build.unpack(source)?;
            build.epoch = build.source_time()?;
            build.configure(self.fragments)?;
            build.compile()?;
            build.pack(self.source)?;
            fs::copy(work.path().join("kernel.deb"), finished.join("kernel.deb"))?;
            fs::copy(work.path().join("linux/.config"), finished.join("config"))?;
            fs::copy(work.path().join("release"), finished.join("release"))?;

            Ok(())
        })?;
        work.remove()?;
        Ok(self.kernel(folder))
    }

    fn kernel(&self, folder: PathBuf) -> Kernel {
        Kernel { folder, version: package_version(self.source) }
    }
}

impl Kernel {
    /// The package.
    #[must_use]
    pub fn deb(&self) -> PathBuf {
        self.folder.join("kernel.deb")
    }

    /// The package's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Such as `6.12.117-xbuild`.
    ///
    /// # Errors
    /// When the cache entry is damaged.
    pub fn release(&self) -> Result<String> {
        fs::read_to_string(self.folder.join("release"))
            .context("cannot read the kernel's release from the cache")
            .map(|text| text.trim().to_owned())
    }
}

/// A kernel build under way in a scratch folder.
struct Build<'a> {
    stage: &'a Stage<'a>,
    tools: &'a Tools,
    work: &'a Path,
    epoch: i64,
}

impl Build<'_> {
    fn run<S: Into<String>>(&self, argv: impl IntoIterator<Item = S>) -> Sandbox {
        self.tools.run(argv).bind(self.work, WORK).no_sync().env("SOURCE_DATE_EPOCH", &self.epoch.to_string())
    }

    fn make(&self, targets: &[&str]) -> Sandbox {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let make = ["make".to_owned(), "-C".to_owned(), SOURCE.to_owned(), format!("-j{jobs}")];
        let run = self.run(make.into_iter().chain(targets.iter().map(|target| (*target).to_owned())));
        // Who built it, where and when must not show in the bytes.
        let stamp =
            jiff::Timestamp::from_second(self.epoch).map_or_else(|_| String::new(), |time| time.to_string());
        run.env("KBUILD_BUILD_TIMESTAMP", &stamp)
            .env("KBUILD_BUILD_USER", "xbuild")
            .env("KBUILD_BUILD_HOST", "xbuild")
            .env("KBUILD_BUILD_VERSION", "1")
    }

    fn unpack(&self, source: &Path) -> Result<()> {
        self.stage.note("unpacking the source");
        let unpack = self
            .run(["dpkg-deb", "-x", "/source.deb", "/build/source"])
            .bind_read_only(source, "/source.deb");
        self.stage.run(&unpack)?;
        fs::create_dir(self.work.join("linux"))?;
        let tarball = find_tarball(&self.work.join("source/usr/src"))?;
        let inside = format!("/build/source/usr/src/{tarball}");
        self.stage.run(&self.run(["tar", "--strip-components=1", "-C", SOURCE, "-xf", &inside]))?;
        Ok(fs::remove_dir_all(self.work.join("source"))?)
    }

    /// The newest change of the source: the kernel carries it, so that it is the same whenever it is built.
    fn source_time(&self) -> Result<i64> {
        let makefile = fs::metadata(self.work.join("linux/Makefile"))?;
        Ok(std::os::unix::fs::MetadataExt::mtime(&makefile))
    }

    fn configure(&self, fragments: &Path) -> Result<()> {
        self.stage.note("configuring");
        let wanted = config::fragments(fragments)?;
        let text: String = wanted.values().map(String::as_str).collect::<Vec<_>>().join("\n");
        fs::write(self.work.join("linux/xbuild.config"), text)?;
        self.stage.run(&self.make(&["KCONFIG_ALLCONFIG=xbuild.config", "allnoconfig"]))?;
        self.stage.run(&self.make(&["olddefconfig"]))?;
        let got = fs::read_to_string(self.work.join("linux/.config"))?;
        config::check(&wanted, &config::required(fragments)?, &got)
    }

    fn compile(&self) -> Result<()> {
        self.stage.note("compiling");
        self.stage
            .run(&self.make(&["bzImage", "modules"]))
            .hint("the whole output is in the log in the cache; the build needs about 3 GB of disk there")?;
        let release = self.stage.capture(&self.make(&["-s", "kernelrelease"]))?;
        Ok(fs::write(self.work.join("release"), release.trim())?)
    }

    /// Lays the package's files out as Debian's own kernel packages do, and packs them.
    fn pack(&self, source: &Package) -> Result<()> {
        self.stage.note("packing");
        let release = fs::read_to_string(self.work.join("release"))?;
        let package = self.work.join("package");
        let linux = self.work.join("linux");
        fs::create_dir_all(package.join("boot"))?;
        for (from, to) in
            [("arch/x86/boot/bzImage", "vmlinuz"), (".config", "config"), ("System.map", "System.map")]
        {
            fs::copy(linux.join(from), package.join("boot").join(format!("{to}-{release}")))?;
        }
        let modules_path = format!("INSTALL_MOD_PATH={STAGING}/usr");
        self.stage.run(&self.make(&[&modules_path, "modules_install"]))?;
        let modules = package.join("usr/lib/modules").join(&release);
        for link in ["build", "source"] {
            // Points into the scratch folder; absent where no module was built.
            if modules.join(link).is_symlink() {
                fs::remove_file(modules.join(link))?;
            }
        }
        self.stage.run(&self.run(["depmod", "-b", &format!("{STAGING}/usr"), &release]))?;
        write_control(&package.join("DEBIAN"), &release, &package_version(source))?;
        self.stage.run(&self.run([
            "sh",
            "-c",
            &format!("find {STAGING} -exec touch -hd @{} {{}} +", self.epoch),
        ]))?;
        self.stage.run(&self.run([
            "dpkg-deb",
            "--root-owner-group",
            "-Zzstd",
            "--build",
            STAGING,
            "/build/kernel.deb",
        ]))
    }
}

/// The source's version with ours behind it.
fn package_version(source: &Package) -> String {
    format!("{}+xbuild1", source.version)
}

fn find_tarball(folder: &Path) -> Result<String> {
    let names = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .into_iter()
        .find(|name| name.ends_with(".tar.xz"))
        .with_context(|| format!("no kernel source in {}", folder.display()))
}

fn write_control(folder: &Path, release: &str, version: &str) -> Result<()> {
    fs::create_dir(folder)?;
    let control = format!(
        "Package: linux-image-{release}\nVersion: {version}\nArchitecture: amd64\nSection: kernel\nPriority: optional\n\
         Maintainer: xbuild <root@localhost>\nDepends: kmod, initramfs-tools\nProvides: linux-image\n\
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
