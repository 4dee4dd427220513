//! What the cache has of Debian's archives, served again under a key of its own: a real archive without a network.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use liblzma::read::XzDecoder;

use super::server::{Body, Site};
use super::signer::Signer;
use super::{Archive, COMPONENTS, SUITES};

/// Serves the Releases that the cache at `root` keeps, signed anew, and the indexes and packages that it has.
#[must_use]
pub fn of_cache(root: &Path) -> Archive {
    let signer = Signer::new();
    let releases = kept_releases(&root.join("releases"));
    let mut site = Site::new();
    for (folder, codename, _) in SUITES {
        let release =
            releases.get(codename).unwrap_or_else(|| panic!("the cache has no Release of {codename}"));
        let dists = format!("/{folder}/dists/{codename}");
        site.insert(format!("{dists}/InRelease"), Body::Bytes(signer.sign(release).into_bytes()));
        for component in COMPONENTS {
            let hash = hash_in(release, &format!("{component}/binary-amd64/Packages.xz"));
            let index = root.join("blobs").join(hash);
            add_packages(&mut site, folder, &index, &root.join("blobs"));
            site.insert(format!("{dists}/{component}/binary-amd64/by-hash/SHA256/{hash}"), Body::File(index));
        }
    }
    Archive::serve(site, &signer)
}

/// The newest Release of each suite, without its date of expiry.
fn kept_releases(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).expect("the cache keeps Releases").filter_map(Result::ok);
    let mut files: Vec<_> =
        files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).collect();
    files.sort();
    let texts = files.into_iter().filter_map(|(_, path)| fs::read_to_string(path).ok());
    texts.map(|text| (field(&text, "Codename").to_owned(), without_signature(&text))).collect()
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

fn without_signature(message: &str) -> String {
    let body = message.split_once("\n\n").map_or("", |(_, body)| body);
    let signed = body.lines().take_while(|line| !line.starts_with("-----BEGIN PGP SIGNATURE"));
    let kept = signed.filter(|line| !line.starts_with("Valid-Until: "));
    kept.flat_map(|line| [line.strip_prefix("- ").unwrap_or(line), "\n"]).collect()
}

/// The hash of `path` in the list of SHA-256 hashes.
fn hash_in<'a>(release: &'a str, path: &str) -> &'a str {
    let (_, list) = release.split_once("\nSHA256:").expect("a Release has SHA-256 hashes");
    let entry =
        |line: &'a str| (line.split_whitespace().nth(2)? == path).then(|| line.split_whitespace().next())?;
    list.lines().find_map(entry).unwrap_or_else(|| panic!("the Release does not list {path}"))
}

/// The packages of an index that the cache has.
fn add_packages(site: &mut Site, folder: &str, index: &Path, blobs: &Path) {
    let index = File::open(index).expect("the cache has the indexes of the Releases it keeps");
    let mut filename = String::new();
    for line in BufReader::new(XzDecoder::new(index)).lines() {
        let line = line.expect("an index is text");
        if let Some(name) = line.strip_prefix("Filename: ") {
            name.clone_into(&mut filename);
        } else if let Some(hash) = line.strip_prefix("SHA256: ") {
            let blob = blobs.join(hash);
            if blob.exists() {
                site.insert(format!("/{folder}/{filename}"), Body::File(blob));
            }
        }
    }
}
