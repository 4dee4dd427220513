//! `xbuild.lock`: every package that a build takes, so that another one can take the same.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::debian::Package;
use crate::debian::archive::SuiteState;
use crate::failure::{Hinted as _, with_hint};

/// The file's name, beside the profiles.
pub const FILE: &str = "xbuild.lock";
/// The set that the tools tree is made of.
pub const TOOLS: &str = "tools";
/// The set of one package that the kernel is built from.
pub const KERNEL_SOURCE: &str = "kernel-source";
/// The set that a root is bootstrapped from.
pub const ESSENTIAL: &str = "essential";

/// The set that a profile adds to the one it extends.
#[must_use]
pub fn profile_set(profile: &str) -> String {
    format!("profile/{profile}")
}

/// Package sets by name: [`TOOLS`], [`KERNEL_SOURCE`], [`ESSENTIAL`], and one per [`profile_set`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The suites that they were resolved from.
    pub suites: Vec<SuiteState>,
    /// Packages by set.
    pub sets: BTreeMap<String, Vec<Package>>,
}

impl Lock {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))
            .hint("`xbuild lock` writes it; without --locked the newest packages are taken")?;
        serde_json::from_str(&text)
            .with_context(|| format!("cannot understand {}", path.display()))
            .hint("write it anew with `xbuild lock`")
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When the folder is not writable.
    pub fn write(&self, path: &Path) -> Result<()> {
        let part = path.with_extension("lock.part");
        std::fs::write(&part, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("cannot write {}", part.display()))?;
        std::fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// A set.
    ///
    /// # Errors
    /// When the lock has none of that name.
    pub fn set(&self, name: &str) -> Result<Vec<Package>> {
        let set = self.sets.get(name).cloned();
        set.ok_or_else(|| {
            with_hint(format!("{FILE} has no packages for `{name}`"), "write it anew with `xbuild lock`")
        })
    }
}
