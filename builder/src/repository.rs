//! The packages of a build: resolved afresh from verified suites, or taken from the lock file.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use installer::model::node::Layer;
use serde::Serialize;

use crate::cache::{Cache, Key};
use crate::debian::apt::Resolver;
use crate::debian::archive::{self, Archives, SuiteState, wanted};
use crate::debian::closure::closure;
use crate::debian::fetch::{Fetcher, NotThere, explain_absence};
use crate::debian::index::Index;
use crate::debian::mirror::Candidates;
use crate::debian::{Archive, Package};
use crate::failure::{hinted, with_hint};
use crate::lock::{KERNEL_SOURCE, Lock, NodePackages, TOOLS};
use crate::stage::Stage;
use crate::tools::{self, Tools};

/// The package that carries the kernel's source.
const KERNEL_PACKAGE: &str = "linux-source-6.12";

/// Where packages come from.
#[derive(Debug)]
pub struct Repository<'a> {
    fetcher: &'a Fetcher,
    cache: &'a Cache,
    keyring: Option<PathBuf>,
    choice: Choice,
}

#[derive(Debug)]
enum Choice {
    Newest { archives: Box<Archives>, index: Box<OnceCell<Index>> },
    Locked { lock: Box<Lock>, mirrors: Candidates },
}

impl<'a> Repository<'a> {
    /// Takes the newest packages of verified suites.
    ///
    /// # Errors
    /// When no mirror carries a suite, or it cannot be trusted.
    pub fn newest(
        fetcher: &'a Fetcher,
        cache: &'a Cache,
        mirrors: &Candidates,
        keyring: Option<&Path>,
    ) -> Result<Self> {
        let archives = Box::new(Archives::open(fetcher, cache, mirrors, keyring)?);
        let choice = Choice::Newest { archives, index: Box::default() };
        Ok(Self { fetcher, cache, keyring: keyring.map(Path::to_owned), choice })
    }

    /// Takes the packages that `lock` names.
    ///
    /// # Errors
    /// When nothing names a mirror; the node's apt needs one, even if all packages are in the cache.
    pub fn locked(fetcher: &'a Fetcher, cache: &'a Cache, mirrors: Candidates, lock: Lock) -> Result<Self> {
        for archive in [Archive::Main, Archive::Security] {
            anyhow::ensure!(!mirrors.of(archive).is_empty(), archive::no_mirror(archive));
        }
        Ok(Self { fetcher, cache, keyring: None, choice: Choice::Locked { lock: Box::new(lock), mirrors } })
    }

    /// The state of the suites.
    #[must_use]
    pub fn suites(&self) -> Vec<SuiteState> {
        match &self.choice {
            Choice::Newest { archives, .. } => archives.state(),
            Choice::Locked { lock, .. } => lock.suites.clone(),
        }
    }

    /// The address of an archive's mirror; empty for [`Archive::Local`].
    #[must_use]
    pub fn address(&self, archive: Archive) -> &str {
        match &self.choice {
            Choice::Newest { archives, .. } => archives.address(archive),
            Choice::Locked { mirrors, .. } => mirrors.of(archive).first().map_or("", String::as_str),
        }
    }

    /// The tools tree's packages.
    ///
    /// # Errors
    /// When the mirror or the lock lacks some.
    pub fn tools(&self) -> Result<Vec<Package>> {
        self.remembered(TOOLS, &tools::PACKAGES, |index| closure(index, tools::PACKAGES))
    }

    /// The kernel's source package.
    ///
    /// # Errors
    /// When the mirror or the lock lacks it.
    pub fn kernel_source(&self) -> Result<Package> {
        let found = self.remembered(KERNEL_SOURCE, &KERNEL_PACKAGE, |index| {
            let offer = index
                .newest(KERNEL_PACKAGE)
                .with_context(|| format!("the mirror has no package `{KERNEL_PACKAGE}`"))?;
            Ok(vec![offer.package.clone()])
        })?;
        found.into_iter().next().context("no kernel source")
    }

    /// The packages of a node with these layers, as apt resolves them.
    ///
    /// # Errors
    /// When apt finds no solution, or the lock lacks a layer.
    pub fn node(&self, tools: &Tools, stage: &Stage, layers: &[Layer]) -> Result<NodePackages> {
        match &self.choice {
            Choice::Locked { lock, .. } => lock.node(layers),
            Choice::Newest { archives, index } => {
                let key = Key::of(&("node", archives.state(), layers, tools.cache_key()))?;
                self.remember(&key, || {
                    self.resolve(tools, stage, archives, self.index(archives, index)?, layers)
                })
            }
        }
    }

    fn resolve(
        &self,
        tools: &Tools,
        stage: &Stage,
        archives: &Archives,
        index: &Index,
        layers: &[Layer],
    ) -> Result<NodePackages> {
        let folder = self.cache.scratch("resolve")?;
        let resolver = Resolver::open(tools, stage, folder, archives, self.keyring.as_deref())?;
        let mut names: Vec<String> =
            index.all().filter(|offer| offer.essential).map(|offer| offer.package.name.clone()).collect();
        let essential = resolver.resolve(stage, index, &names)?;
        let mut known = Vec::new();
        let mut added = Vec::new();
        for layer in layers {
            names.extend(layer.packages.iter().cloned());
            let all = resolver.resolve(stage, index, &names)?;
            let lost: Vec<_> =
                known.iter().filter(|one| !all.contains(one)).map(|one: &Package| one.name.clone()).collect();
            anyhow::ensure!(
                lost.is_empty(),
                with_hint(
                    format!(
                        "profile `{}` conflicts with packages of the profile it extends: {}",
                        layer.profile,
                        lost.join(", ")
                    ),
                    "take them out of the base, or the conflicting ones out of the profile"
                )
            );
            added.push(all.iter().filter(|one| !known.contains(one)).cloned().collect());
            known = all;
        }
        resolver.close()?;
        Ok(NodePackages { essential, layers: added })
    }

    fn index<'i>(&self, archives: &Archives, index: &'i OnceCell<Index>) -> Result<&'i Index> {
        if index.get().is_none() {
            // Nobody else can have set it: a build runs its stages one after the other.
            let _already = index.set(archives.index()?);
        }
        index.get().context("no package index")
    }

    fn remembered(
        &self,
        set: &str,
        request: &impl Serialize,
        resolve: impl FnOnce(&Index) -> Result<Vec<Package>>,
    ) -> Result<Vec<Package>> {
        match &self.choice {
            Choice::Locked { lock, .. } => lock.set(set),
            Choice::Newest { archives, index } => {
                let key = Key::of(&(set, request, archives.state()))?;
                self.remember(&key, || resolve(self.index(archives, index)?))
            }
        }
    }

    fn remember<T: Serialize + serde::de::DeserializeOwned>(
        &self,
        key: &Key,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let entry = self.cache.entry("resolved", key, |work| {
            Ok(fs::write(work.join("packages.json"), serde_json::to_vec(&make()?)?)?)
        })?;
        serde_json::from_slice(&fs::read(entry.join("packages.json"))?)
            .context("cannot read resolved packages from the cache")
    }

    /// The packages' files, in the same order.
    ///
    /// # Errors
    /// When one cannot be had or has a wrong hash.
    pub fn fetch(&self, stage: &Stage, packages: &[Package]) -> Result<Vec<PathBuf>> {
        let wanted: Vec<_> =
            packages.iter().map(|package| wanted(self.address(package.archive), package)).collect();
        stage.expect_bytes(packages.iter().map(|package| package.size).sum());
        let fetched = self.fetcher.files(&wanted, &|count| stage.advance(count));
        fetched.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let (Choice::Locked { .. }, Some(NotThere { name, .. })) = (&self.choice, error.downcast_ref())
        else {
            return explain_absence(error);
        };
        let message = format!("the locked package {name} is gone from the mirror");
        let hint = "take the mirror's newer packages with `xbuild lock`, or name a mirror that keeps old ones with --mirror";
        hinted(error.context(message), hint)
    }

    /// Whether nothing would have to be fetched for these packages.
    #[must_use]
    pub fn has(&self, packages: &[Package]) -> bool {
        packages.iter().all(|package| self.fetcher.cached(&package.sha256).is_some())
    }
}
