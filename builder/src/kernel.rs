//! The dom0 kernel: Debian's source, our configuration, as a package that apt can upgrade.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cache::{Cache, Key};
use crate::debian::Package;
use crate::failure::Hinted as _;
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::tools::Tools;

mod config;
mod package;

pub use config::required as required_options;

/// Raise it when the way a kernel is built changes. How it is packed has a number of its own.
const REVISION: u32 = 2;
/// Packages of the tools tree whose versions change what the compiler makes.
const COMPILERS: [&str; 4] = ["gcc-14", "binutils", "libc6-dev", "make"];
/// Where the work folder is inside the sandbox.
const WORK: &str = "/build";
const SOURCE: &str = "/build/linux";
/// What is kept of a finished build, and under which name.
const KEPT: [(&str, &str); 5] = [
    ("arch/x86/boot/bzImage", "vmlinuz"),
    (".config", "config"),
    ("System.map", "System.map"),
    ("modules.builtin", "modules.builtin"),
    ("modules.builtin.modinfo", "modules.builtin.modinfo"),
];
const RELEASE: &str = "release";
const EPOCH: &str = "epoch";

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

/// A kernel in the cache.
#[derive(Clone, Debug)]
pub struct Kernel {
    folder: PathBuf,
    key: Key,
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
        let key = self.key()?;
        Ok(cache.find("kernel", &key).map(|folder| self.kernel(folder, key)))
    }

    /// Builds the kernel from the source package's file.
    ///
    /// # Errors
    /// When an option that the project lives by is lost or a module, or the compiler fails.
    pub fn build(&self, cache: &Cache, tools: &Tools, stage: &Stage, source: &Path) -> Result<Kernel> {
        let work = cache.scratch("kernel")?;
        let key = self.key()?;
        let folder = cache.entry("kernel", &key, |finished| {
            let mut build = Build { stage, tools, work: work.path(), epoch: 0 };
            build.unpack(source)?;
            build.epoch = build.source_time()?;
            build.configure(self.fragments)?;
            build.compile()?;
            build.keep(finished)
        })?;
        work.remove()?;
        Ok(self.kernel(folder, key))
    }

    fn kernel(&self, folder: PathBuf, key: Key) -> Kernel {
        Kernel { folder, key, version: format!("{}+xbuild1", self.source.version) }
    }
}

impl Kernel {
    /// The package's version: the source's with ours behind it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a boot loader takes.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    /// Such as `6.12.117-xbuild`.
    ///
    /// # Errors
    /// When the cache entry is damaged.
    pub fn release(&self) -> Result<String> {
        let what = "cannot read the kernel's release from the cache";
        fs::read_to_string(self.folder.join(RELEASE)).context(what)
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
            .run(&self.make(&["bzImage"]))
            .hint("the build needs about 3 GB of disk in the cache; the whole output is in the newest file of its folder `logs`")?;
        Ok(())
    }

    fn keep(&self, finished: &Path) -> Result<()> {
        let linux = self.work.join("linux");
        for (from, to) in KEPT {
            fs::copy(linux.join(from), finished.join(to))
                .with_context(|| format!("the build made no {from}"))?;
        }
        let release = self.stage.capture(&self.make(&["-s", "kernelrelease"]))?;
        fs::write(finished.join(RELEASE), release.trim())?;
        Ok(fs::write(finished.join(EPOCH), self.epoch.to_string())?)
    }
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
