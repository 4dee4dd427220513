//! What a fixed list of packages needs, by plain dependencies.
//!
//! Good enough for the tools tree, whose list is ours: the first alternative that exists is taken, version relations
//! are trusted (one suite family is consistent in itself). What a node gets is resolved by apt.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use super::Package;
use super::index::{Index, Offer};

/// `wanted` and everything they depend on, sorted by name.
///
/// # Errors
/// When a package or a dependency is not on offer.
pub fn closure(index: &Index, wanted: &[&str]) -> Result<Vec<Package>> {
    let providers = providers(index);
    let mut open: Vec<&Offer> = Vec::new();
    for name in wanted {
        open.push(index.newest(name).with_context(|| format!("the mirror has no package `{name}`"))?);
    }
    // All that is wanted counts as chosen from the start: it decides between alternatives.
    let mut chosen: BTreeMap<&str, &Offer> =
        open.iter().map(|offer| (offer.package.name.as_str(), *offer)).collect();
    while let Some(offer) = open.pop() {
        for group in offer.depends.split(',').map(str::trim).filter(|group| !group.is_empty()) {
            let names = names(group);
            if is_satisfied(&names, &providers, &chosen) {
                continue;
            }
            let next = first(&names, &providers, index).with_context(|| {
                format!(
                    "{} {} needs `{group}`, which the mirror lacks",
                    offer.package.name, offer.package.version
                )
            })?;
            chosen.insert(&next.package.name, next);
            open.push(next);
        }
    }
    Ok(chosen.values().map(|offer| offer.package.clone()).collect())
}

type Providers<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn providers(index: &Index) -> Providers<'_> {
    let mut providers = Providers::new();
    for offer in index.all() {
        for name in &offer.provides {
            providers.entry(name).or_default().insert(&offer.package.name);
        }
    }
    providers
}

/// The names of a group of alternatives: `awk:any | mawk (>= 1)` → `awk`, `mawk`.
fn names(group: &str) -> Vec<&str> {
    group.split('|').filter_map(name).collect()
}

/// Whether one of `names` is chosen already, or something that provides it.
fn is_satisfied(names: &[&str], providers: &Providers, chosen: &BTreeMap<&str, &Offer>) -> bool {
    let provided =
        |name: &str| providers.get(name).is_some_and(|by| by.iter().any(|by| chosen.contains_key(by)));
    names.iter().any(|name| chosen.contains_key(name) || provided(name))
}

/// The first of `names` that exists or that something provides.
fn first<'a>(names: &[&str], providers: &Providers<'a>, index: &'a Index) -> Option<&'a Offer> {
    names.iter().find_map(|name| index.newest(name).or_else(|| index.newest(providers.get(name)?.first()?)))
}

/// `libc6:any (>= 2.38) [amd64]` → `libc6`.
fn name(alternative: &str) -> Option<&str> {
    alternative.split_whitespace().next()?.split(':').next()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::closure;
    use crate::debian::Archive;
    use crate::debian::index::Index;

    fn index(text: &str) -> Index {
        let full =
            text.replace(";", "\nVersion: 1\nArchitecture: amd64\nFilename: f\nSize: 1\nSHA256: 0\n\n");
        let mut index = Index::default();
        index.add(Archive::Main, full.as_bytes()).unwrap();
        index
    }

    fn names(index: &Index, wanted: &[&str]) -> Vec<String> {
        closure(index, wanted).unwrap().into_iter().map(|package| package.name).collect()
    }

    #[test]
    fn dependencies_alternatives_and_provided_names_are_followed() {
        let index = index(
            "Package: a\nDepends: b (>= 1), c | d\nPre-Depends: awk:any;Package: b\nDepends: a;Package: d;Package: mawk\nProvides: awk (= 2), x;Package: z;",
        );
        assert_eq!(names(&index, &["a"]), ["a", "b", "d", "mawk"]);
    }

    #[test]
    fn what_is_missing_is_named_with_who_needs_it() {
        let index = index("Package: a\nDepends: nope;");
        assert_eq!(
            closure(&index, &["a"]).unwrap_err().to_string(),
            "a 1 needs `nope`, which the mirror lacks"
        );
        assert_eq!(closure(&index, &["q"]).unwrap_err().to_string(), "the mirror has no package `q`");
    }
}
