//! One run of xbuild: its cache, its mirrors, and the stages that every product shares.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use installer::model::node::{Layer, Mirrors};

use crate::cache::Cache;
use crate::debian::fetch::Fetcher;
use crate::debian::mirror::Candidates;
use crate::debian::{Archive, Package, deb};
use crate::failure::Hinted as _;
use crate::kernel::{self, Kernel};
use crate::lock::{self, Lock, NodePackages};
use crate::package;
use crate::repository::Repository;
use crate::rootfs::bench::Bench;
use crate::rootfs::{self, Deb, Rootfs};
use crate::signing::SigningKey;
use crate::stage::Reporter;
use crate::tools::Tools;

/// Folders below `builder/packages`.
const PACKAGES: [&str; 1] = ["xbuild-boot"];

/// What the user chose for the whole run.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The folder with `profiles/`, `overlays/` and `builder/kernel/`.
    pub source: PathBuf,
    /// Mirrors given by option.
    pub mirrors: Mirrors,
    /// Keys of a private mirror.
    pub keyring: Option<PathBuf>,
    /// Take packages from the lock file.
    pub locked: bool,
    /// The key that signs packages of ours.
    pub signing_key: PathBuf,
}

/// A run with its packages opened and its tools tree ready.
#[derive(Debug)]
pub struct Session<'a> {
    /// The cache.
    pub cache: &'a Cache,
    /// Tells the user.
    pub reporter: &'a Reporter,
    /// Where packages come from.
    pub repository: Repository<'a>,
    /// The tools tree.
    pub tools: Tools,
    /// Signs packages of ours.
    pub key: SigningKey,
    tool_packages: Vec<Package>,
    source: PathBuf,
}

impl<'a> Session<'a> {
    /// Opens the mirrors and makes the tools tree.
    ///
    /// # Errors
    /// When packages cannot be had or trusted.
    pub fn open(
        cache: &'a Cache,
        reporter: &'a Reporter,
        fetcher: &'a Fetcher,
        choices: &Choices,
        named: &Mirrors,
    ) -> Result<Self> {
        let repository = open_repository(cache, reporter, fetcher, choices, named)?;
        let tool_packages = repository.tools()?;
        let key = Tools::key(&tool_packages)?;
        let tools = match Tools::find(cache, &key) {
            Some(tools) => {
                reporter.cached("tools");
                tools
            }
            None => {
                let stage = reporter.stage("tool packages")?;
                let debs = repository.fetch(&stage, &tool_packages)?;
                stage.done();
                let stage = reporter.stage("tools")?;
                let tools = Tools::make(cache, &stage, &key, &debs)?;
                stage.done();
                tools
            }
        };
        let (key, source) = (SigningKey::open(&choices.signing_key)?, choices.source.clone());
        Ok(Self { cache, reporter, repository, tools, key, tool_packages, source })
    }

    /// The time to stamp on what is made of these packages: `SOURCE_DATE_EPOCH`, else the newest package's own, so that
    /// the same packages give the same bytes tomorrow. Seconds since 1970.
    ///
    /// # Errors
    /// When the variable is no number, or a package is malformed.
    pub fn epoch<'d>(&self, debs: impl IntoIterator<Item = &'d Deb>) -> Result<i64> {
        match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text
                .parse()
                .with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`, which is no number"))
                .hint("give seconds since 1970, or unset it"),
            Err(_) => debs.into_iter().try_fold(0, |newest, deb| Ok(deb::date(&deb.file)?.max(newest))),
        }
    }

    /// Resolves the packages of a node.
    ///
    /// # Errors
    /// When apt finds no solution.
    pub fn resolve(&self, layers: &[Layer]) -> Result<NodePackages> {
        let stage = self.reporter.stage("resolve")?;
        let packages = self.repository.node(&self.tools, &stage, layers)?;
        stage.done();
        Ok(packages)
    }

    /// Fetches packages, with a line of progress.
    ///
    /// # Errors
    /// When one cannot be had.
    pub fn fetch(&self, name: &str, packages: &[Package]) -> Result<Vec<Deb>> {
        let files = if self.repository.has(packages) {
            self.reporter.cached(name);
            let hidden = self.reporter.silent()?;
            self.repository.fetch(&hidden, packages)?
        } else {
            let stage = self.reporter.stage(name)?;
            let files = self.repository.fetch(&stage, packages)?;
            stage.done();
            files
        };
        Ok(packages.iter().cloned().zip(files).map(|(package, file)| Deb { package, file }).collect())
    }

    /// Our kernel as a package, built if it is not in the cache.
    ///
    /// # Errors
    /// When it does not build.
    pub fn kernel(&self) -> Result<Deb> {
        self.build_kernel()?.package(self.cache, &self.tools, &self.reporter.silent()?)
    }

    /// Our kernel as a boot loader takes it, built if it is not in the cache.
    ///
    /// # Errors
    /// When it does not build.
    pub fn kernel_image(&self) -> Result<PathBuf> {
        Ok(self.build_kernel()?.image())
    }

    /// What every node gets of ours, besides the kernel.
    ///
    /// # Errors
    /// When it does not pack.
    pub fn packages(&self) -> Result<Vec<Deb>> {
        let folder = self.source.join("builder/packages");
        let pack = |name: &str| {
            package::of_folder(self.cache, &self.tools, &self.reporter.silent()?, &folder.join(name))
        };
        PACKAGES.into_iter().map(pack).collect()
    }

    fn build_kernel(&self) -> Result<Kernel> {
        let source = self.repository.kernel_source()?;
        let fragments = self.source.join("builder/kernel");
        let recipe = kernel::Recipe { source: &source, tools: &self.tool_packages, fragments: &fragments };
        if let Some(kernel) = recipe.find(self.cache)? {
            self.reporter.cached("kernel");
            return Ok(kernel);
        }
        let deb = self.fetch("kernel source", std::slice::from_ref(&source))?;
        let stage = self.reporter.stage("kernel")?;
        let kernel = recipe.build(self.cache, &self.tools, &stage, &deb[0].file)?;
        stage.done();
        Ok(kernel)
    }

    /// A layer of a root, made if it is not in the cache.
    ///
    /// # Errors
    /// When its packages do not install.
    pub fn layer(&self, bench: &mut Bench, name: &str, layer: &rootfs::Layer) -> Result<Rootfs> {
        let name = format!("rootfs {name}");
        if let Some(rootfs) = layer.find(self.cache, &self.tools)? {
            self.reporter.cached(&name);
            return Ok(rootfs);
        }
        let stage = self.reporter.stage(&name)?;
        let rootfs = layer.make(self.cache, bench, &stage)?;
        stage.done();
        Ok(rootfs)
    }

    /// The lock of what this run would take for these profiles.
    ///
    /// # Errors
    /// When something cannot be resolved.
    pub fn lock(&self, profiles: &[Vec<Layer>]) -> Result<Lock> {
        let mut lock = Lock { suites: self.repository.suites(), ..Lock::default() };
        lock.sets.insert(lock::TOOLS.to_owned(), self.tool_packages.clone());
        lock.sets.insert(lock::KERNEL_SOURCE.to_owned(), vec![self.repository.kernel_source()?]);
        for layers in profiles {
            lock.add_node(layers, self.resolve(layers)?);
        }
        Ok(lock)
    }
}

fn open_repository<'a>(
    cache: &'a Cache,
    reporter: &Reporter,
    fetcher: &'a Fetcher,
    choices: &Choices,
    named: &Mirrors,
) -> Result<Repository<'a>> {
    let mirrors = candidates(choices, named)?;
    if choices.locked {
        let lock = Lock::read(&choices.source.join(lock::FILE))?;
        return Repository::locked(fetcher, cache, mirrors, lock);
    }
    let stage = reporter.stage("mirrors")?;
    let repository = Repository::newest(fetcher, cache, &mirrors, choices.keyring.as_deref())?;
    stage.done();
    Ok(repository)
}

/// An option wins over the cluster file, that over the host's apt sources.
fn candidates(choices: &Choices, named: &Mirrors) -> Result<Candidates> {
    let main = choices.mirrors.main.as_ref().or(named.main.as_ref());
    let security = choices.mirrors.security.as_ref().or(named.security.as_ref());
    let mut candidates = match (main, security) {
        (Some(_), Some(_)) => Candidates::default(),
        _ => Candidates::of_host(Path::new("/etc/apt"))?,
    };
    for (archive, named) in [(Archive::Main, main), (Archive::Security, security)] {
        named.into_iter().for_each(|address| candidates.name(archive, address));
    }
    Ok(candidates)
}
