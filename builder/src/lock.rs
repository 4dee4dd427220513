//! `xbuild.lock`: every package that a build takes, so that another one can take the same.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use installer::model::node::Layer;
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

/// The set that a layer adds to a node. The same layer may add other packages to another node: what a layout needs comes
/// with the last layer.
fn layer_set(node: &str, layer: &str) -> String {
    format!("node/{node}/{layer}")
}

/// A node is named by its last layer.
fn node_of(layers: &[Layer]) -> &str {
    layers.last().map_or("", |layer| &layer.profile)
}

/// Package sets by name: [`TOOLS`], [`KERNEL_SOURCE`], [`ESSENTIAL`], and one for each layer of each node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The suites that they were resolved from.
    pub suites: Vec<SuiteState>,
    /// Packages by set.
    pub sets: BTreeMap<String, Vec<Package>>,
}

/// The packages of a node: what is unpacked first, then one set a layer, each without the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePackages {
    /// Essential packages and what they need.
    pub essential: Vec<Package>,
    /// What each layer adds, in the order of the layers.
    pub layers: Vec<Vec<Package>>,
}

impl Lock {
    /// Adds the packages of a node with these layers.
    pub fn add_node(&mut self, layers: &[Layer], packages: NodePackages) {
        let node = node_of(layers);
        self.sets.insert(ESSENTIAL.to_owned(), packages.essential);
        let named = layers.iter().map(|layer| layer_set(node, &layer.profile));
        self.sets.extend(named.zip(packages.layers));
    }

    /// The packages of a node with these layers.
    ///
    /// # Errors
    /// When the lock has no such node.
    pub fn node(&self, layers: &[Layer]) -> Result<NodePackages> {
        let node = node_of(layers);
        let sets = layers.iter().map(|layer| self.set(&layer_set(node, &layer.profile)));
        Ok(NodePackages { essential: self.set(ESSENTIAL)?, layers: sets.collect::<Result<_>>()? })
    }

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use installer::model::node::Layer;

    use super::{Lock, NodePackages};
    use crate::debian::{Archive, Package};

    fn layers(names: &[&str]) -> Vec<Layer> {
        names.iter().map(|name| Layer { profile: (*name).to_owned(), packages: Vec::new() }).collect()
    }

    fn package(name: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: "all".to_owned(),
            archive: Archive::Main,
            filename: String::new(),
            size: 0,
            sha256: String::new(),
        }
    }

    /// `storage` is a node, and a layer of `storage-lvm`, where the last layer brings what the layout needs.
    #[test]
    fn a_layer_of_two_nodes_is_locked_for_each() {
        let (plain, lvm) = (layers(&["base", "storage"]), layers(&["base", "storage", "storage-lvm"]));
        let packages = |layers: [&[&str]; 3]| NodePackages {
            essential: vec![package("dpkg")],
            layers: layers.map(|names| names.iter().map(|name| package(name)).collect()).to_vec(),
        };
        let mut of_plain = packages([&["apt"], &["drbd-utils", "initramfs-tools"], &[]]);
        of_plain.layers.truncate(2);
        let of_lvm = packages([&["apt"], &["drbd-utils"], &["initramfs-tools"]]);
        let mut lock = Lock::default();
        lock.add_node(&plain, of_plain.clone());
        lock.add_node(&lvm, of_lvm.clone());
        assert_eq!(lock.node(&plain).unwrap(), of_plain);
        assert_eq!(lock.node(&lvm).unwrap(), of_lvm);
        let error = lock.node(&layers(&["base", "pair"])).unwrap_err();
        assert!(
            error.chain().any(|link| link.to_string() == "xbuild.lock has no packages for `node/pair/base`")
        );
    }
}
