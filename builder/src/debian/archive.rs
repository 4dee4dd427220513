//! An archive at a mirror: its verified suites, and the packages that they offer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use liblzma::read::XzDecoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fetch::{Fetcher, NotThere, Wanted, explain_absence, link_or_copy};
use super::index::Index;
use super::mirror::Candidates;
use super::openpgp::Keyring;
use super::release::Release;
use super::{ARCHITECTURE, Archive, CODENAME, COMPONENTS, Package, Suite, deb};
use crate::cache::{Cache, hex};
use crate::failure::{Hinted as _, hinted, with_hint};

const KEYRING_PACKAGE: &str = "debian-archive-keyring";
const HOST_KEYRINGS: &str = "/usr/share/keyrings";

/// The suites that this build takes packages from, verified.
#[derive(Debug)]
pub struct Archives {
    addresses: BTreeMap<Archive, String>,
    suites: Vec<VerifiedSuite>,
}

/// What the resolution of packages depends on: it goes into cache keys and the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteState {
    /// Such as `trixie-security`.
    pub suite: String,
    /// The date in its Release.
    pub date: String,
    /// SHA-256 of its InRelease.
    pub sha256: String,
}

#[derive(Debug)]
struct VerifiedSuite {
    suite: Suite,
    message: Vec<u8>,
    release: Release,
    indexes: Vec<(String, PathBuf)>,
}

impl Archives {
    /// Fetches and verifies the Release and the package indexes of every suite.
    ///
    /// # Errors
    /// When no candidate carries an archive, or a signature, a date or a hash is wrong.
    pub fn open(
        fetcher: &Fetcher,
        cache: &Cache,
        candidates: &Candidates,
        keyring: Option<&Path>,
    ) -> Result<Self> {
        let mut opened = Self { addresses: BTreeMap::new(), suites: Vec::new() };
        let mut keys = None;
        for archive in [Archive::Main, Archive::Security] {
            let suites = archive.suites();
            let (address, first) = find_mirror(fetcher, cache, candidates.of(archive), archive, &suites[0])?;
            let keys = match &keys {
                Some(keys) => keys,
                None => keys.insert(trusted(fetcher, cache, &address, keyring)?),
            };
            let mut first = Some(first);
            for suite in suites {
                let message = match first.take() {
                    Some(message) => message,
                    None => in_release(fetcher, cache, &address, &suite)?,
                };
                opened.suites.push(verify(fetcher, cache, &address, suite, message, keys)?);
            }
            opened.addresses.insert(archive, address);
        }
        Ok(opened)
    }

    /// The address of an archive's mirror.
    #[must_use]
    pub fn address(&self, archive: Archive) -> &str {
        self.addresses.get(&archive).map_or("", String::as_str)
    }

    /// Which state of which suites this is.
    #[must_use]
    pub fn state(&self) -> Vec<SuiteState> {
        let state = |verified: &VerifiedSuite| SuiteState {
            suite: verified.suite.name.clone(),
            date: verified.release.date.to_string(),
            sha256: hex(&Sha256::digest(&verified.message)),
        };
        self.suites.iter().map(state).collect()
    }

    /// Every package on offer.
    ///
    /// # Errors
    /// When an index is malformed.
    pub fn index(&self) -> Result<Index> {
        let mut index = Index::default();
        for verified in &self.suites {
            for (path, file) in &verified.indexes {
                let packages = XzDecoder::new(fs::File::open(file)?);
                index
                    .add(verified.suite.archive, packages)
                    .with_context(|| format!("{}: {path}", verified.suite.name))?;
            }
        }
        Ok(index)
    }

    /// Lays the verified Releases and indexes out as a mirror would, for apt to read: `ARCHIVE/dists/SUITE/…`.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn lay_out(&self, folder: &Path) -> Result<()> {
        for verified in &self.suites {
            let dists = folder.join(verified.suite.archive.name()).join("dists").join(&verified.suite.name);
            fs::create_dir_all(&dists)?;
            fs::write(dists.join("InRelease"), &verified.message)?;
            for (path, file) in &verified.indexes {
                fs::create_dir_all(dists.join(path).parent().unwrap_or(&dists))?;
                link_or_copy(file, &dists.join(path))?;
            }
        }
        Ok(())
    }

    /// apt's sources for archives whose addresses `address` gives, one line a suite.
    pub fn sources(address: impl Fn(Archive) -> String, options: &str) -> String {
        let suites = [Archive::Main, Archive::Security].into_iter().flat_map(Archive::suites);
        suites
            .map(|suite| {
                format!("deb {options} {} {} {}\n", address(suite.archive), suite.name, COMPONENTS.join(" "))
                    .replace("deb  ", "deb ")
            })
            .collect()
    }

    /// What to fetch for a package.
    #[must_use]
    pub fn wanted(&self, package: &Package) -> Wanted {
        wanted(self.address(package.archive), package)
    }
}

/// What to fetch for a package from the archive at `address`.
#[must_use]
pub fn wanted(address: &str, package: &Package) -> Wanted {
    Wanted {
        name: format!("{} {}", package.name, package.version),
        url: format!("{address}/{}", package.filename),
        sha256: package.sha256.clone(),
        size: package.size,
    }
}

/// The first candidate that has the suite; whether it may be believed is decided by its signature.
fn find_mirror(
    fetcher: &Fetcher,
    cache: &Cache,
    candidates: &[String],
    archive: Archive,
    suite: &Suite,
) -> Result<(String, Vec<u8>)> {
    let mut last = no_mirror(archive);
    for address in candidates {
        match in_release(fetcher, cache, address, suite) {
            Ok(message) => return Ok((address.clone(), message)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Neither an option nor the cluster file nor the host says where an archive is.
pub(crate) fn no_mirror(archive: Archive) -> anyhow::Error {
    with_hint(
        format!(
            "no mirror of Debian's {} archive is known: the host's apt sources name none",
            archive.name()
        ),
        archive.hint(),
    )
}

/// Fetched afresh; offline it is the one that was verified last.
fn in_release(fetcher: &Fetcher, cache: &Cache, address: &str, suite: &Suite) -> Result<Vec<u8>> {
    let url = format!("{address}/dists/{}/InRelease", suite.name);
    if fetcher.offline() {
        return fs::read(kept(cache, &url))
            .with_context(|| format!("{url} is not in the cache"))
            .hint("run once without --offline while the mirror can be reached");
    }
    fetcher.text(&url).map_err(|error| match error.downcast_ref::<NotThere>() {
        Some(_) => {
            let hint = "is this a Debian mirror that carries the release? name another one with --mirror or --mirror-security";
            hinted(error, hint)
        }
        None => error,
    })
}

/// Where the last good answer to `url` lies.
fn kept(cache: &Cache, url: &str) -> PathBuf {
    cache.root().join("releases").join(&hex(&Sha256::digest(url))[..32])
}

fn verify(
    fetcher: &Fetcher,
    cache: &Cache,
    address: &str,
    suite: Suite,
    message: Vec<u8>,
    keys: &Keyring,
) -> Result<VerifiedSuite> {
    let url = format!("{address}/dists/{}/InRelease", suite.name);
    let text = keys.verify(&message).with_context(|| format!("cannot trust {url}"))?;
    let release = Release::parse(&text).with_context(|| format!("cannot use {url}"))?;
    // Offline there is nothing newer to be had; it was in date when it was kept.
    let now = if fetcher.offline() { release.date } else { Timestamp::now() };
    release.check(&suite, now).with_context(|| format!("cannot use {url}"))?;
    let mut indexes = Vec::new();
    for component in COMPONENTS {
        let path = format!("{component}/binary-{ARCHITECTURE}/Packages.xz");
        let file = fetch_index(fetcher, address, &suite, &release, &path)?;
        indexes.push((path, file));
    }
    keep(cache, &kept(cache, &url), &message)?;
    Ok(VerifiedSuite { suite, message, release, indexes })
}

fn fetch_index(
    fetcher: &Fetcher,
    address: &str,
    suite: &Suite,
    release: &Release,
    path: &str,
) -> Result<PathBuf> {
    let file = release.file(path).with_context(|| format!("{}: no package index", suite.name))?;
    let dists = format!("{address}/dists/{}", suite.name);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let url = if release.by_hash {
        format!("{dists}/{folder}/by-hash/SHA256/{}", file.sha256)
    } else {
        format!("{dists}/{path}")
    };
    let wanted =
        Wanted { name: format!("{}/{path}", suite.name), url, sha256: file.sha256.clone(), size: file.size };
    fetcher.file(&wanted, &|_| ()).map_err(explain_absence)
}

/// Keeps what was fetched for builds without a network, whole or not at all.
fn keep(cache: &Cache, path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(cache.root().join("releases"))?;
    let mut part =
        tempfile::NamedTempFile::new_in(cache.root().join("tmp")).context("cannot write to the cache")?;
    std::io::Write::write_all(&mut part, bytes).context("cannot write to the cache")?;
    part.persist(path).with_context(|| format!("cannot keep {}", path.display()))?;
    Ok(())
}

/// The user's keys; else the pinned ones out of the host's copy of Debian's keyring; else out of the mirror's.
fn trusted(fetcher: &Fetcher, cache: &Cache, address: &str, keyring: Option<&Path>) -> Result<Keyring> {
    if let Some(path) = keyring {
        let file = fs::read(path).with_context(|| format!("cannot read the keyring {}", path.display()))?;
        return Keyring::of_user(&file).with_context(|| format!("cannot use the keyring {}", path.display()));
    }
    let of_host = host_keys()?;
    Keyring::pinned(&of_host).or_else(|_| Keyring::pinned(&mirror_keys(fetcher, cache, address)?))
}

/// Key files of Debian's keyring package on this host; none where it is not installed.
fn host_keys() -> Result<Vec<Vec<u8>>> {
    let Ok(folder) = fs::read_dir(HOST_KEYRINGS) else { return Ok(Vec::new()) };
    let paths = folder.filter_map(Result::ok).map(|entry| entry.path());
    let is_debians = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("debian-archive-{CODENAME}"))
    };
    paths
        .filter(is_debians)
        .map(|path| fs::read(&path).with_context(|| format!("cannot read {}", path.display())))
        .collect()
}

/// Nothing vouches for this package yet; the pinned fingerprints decide which of its keys count. It is kept for builds
/// without a network.
fn mirror_keys(fetcher: &Fetcher, cache: &Cache, address: &str) -> Result<Vec<Vec<u8>>> {
    let kept = kept(cache, &format!("{address}/{KEYRING_PACKAGE}"));
    if !(fetcher.offline() && kept.exists()) {
        let package = fetch_keyring(fetcher, address)?;
        keep(cache, &kept, &fs::read(package)?)?;
    }
    deb::files(&kept, |path| path.extension().is_some_and(|end| end == "gpg" || end == "pgp"))
}

fn fetch_keyring(fetcher: &Fetcher, address: &str) -> Result<PathBuf> {
    let unproven =
        fetcher.text(&format!("{address}/dists/{CODENAME}/main/binary-{ARCHITECTURE}/Packages.xz"))?;
    let mut index = Index::default();
    index.add(Archive::Main, XzDecoder::new(unproven.as_slice()))?;
    let offer = index.newest(KEYRING_PACKAGE).ok_or_else(|| {
        with_hint(
            format!("{address} has no {KEYRING_PACKAGE}"),
            "name the key of a private mirror with --keyring",
        )
    })?;
    fetcher.file(&wanted(address, &offer.package), &|_| ())
}
