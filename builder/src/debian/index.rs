//! Package indexes: every package that a suite offers.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use anyhow::{Context as _, Result};
use deb822_fast::{Deb822, Paragraph};
use debversion::Version;

use super::{Archive, Package};

/// One offered package, with what a dependency closure needs.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What is needed to fetch it.
    pub package: Package,
    /// `Depends` and `Pre-Depends`, as written.
    pub depends: String,
    /// Names that it provides besides its own.
    pub provides: Vec<String>,
    /// Every Debian system has it.
    pub essential: bool,
}

/// The newest offer of each package over all suites.
#[derive(Debug, Default)]
pub struct Index {
    offers: BTreeMap<String, Vec<Offer>>,
}

impl Index {
    /// Adds the packages of one `Packages` file, already uncompressed.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn add(&mut self, archive: Archive, packages: impl Read) -> Result<()> {
        for paragraph in Deb822::iter_paragraphs_from_reader(BufReader::with_capacity(1 << 20, packages)) {
            let paragraph = paragraph.context("malformed package index")?;
            let offer = offer(archive, &paragraph)?;
            self.offers.entry(offer.package.name.clone()).or_default().push(offer);
        }
        Ok(())
    }

    /// The newest version of a package.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<&Offer> {
        self.offers.get(name)?.iter().max_by_key(|offer| version(&offer.package.version))
    }

    /// That very version.
    #[must_use]
    pub fn exact(&self, name: &str, version: &str) -> Option<&Offer> {
        self.offers.get(name)?.iter().find(|offer| offer.package.version == version)
    }

    /// The newest offer of everything, by name.
    pub fn all(&self) -> impl Iterator<Item = &Offer> {
        self.offers.keys().filter_map(|name| self.newest(name))
    }
}

/// A version that does not parse sorts before all that do.
fn version(text: &str) -> Option<Version> {
    text.parse().ok()
}

fn offer(archive: Archive, paragraph: &Paragraph) -> Result<Offer> {
    let name = paragraph.get("Package").context("a package without a name in the index")?;
    let field =
        |field: &str| paragraph.get(field).with_context(|| format!("{name} has no `{field}` in the index"));
    let depends =
        ["Pre-Depends", "Depends"].iter().filter_map(|field| paragraph.get(field)).collect::<Vec<_>>();
    Ok(Offer {
        package: Package {
            name: name.to_owned(),
            version: field("Version")?.to_owned(),
            architecture: field("Architecture")?.to_owned(),
            archive,
            filename: field("Filename")?.to_owned(),
            size: field("Size")?.parse().with_context(|| format!("{name} has a malformed `Size`"))?,
            sha256: field("SHA256")?.to_owned(),
        },
        depends: depends.join(", "),
        provides: paragraph.get("Provides").map(names).unwrap_or_default(),
        essential: paragraph.get("Essential").is_some_and(|value| value == "yes"),
    })
}

/// `mail-transport-agent, awk (= 1)` → the names alone.
fn names(list: &str) -> Vec<String> {
    list.split(',').filter_map(|item| item.split_whitespace().next()).map(str::to_owned).collect()
}
