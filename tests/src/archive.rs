//! A small Debian archive on 127.0.0.1, signed by a key of its own, and everything that can be wrong with it.
//!
//! It has a package of each name that the tools tree is made of, so that a build gets as far as unpacking them: what
//! is in them is no package at all.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use builder::cache::hex;
use builder::tools;
use liblzma::write::XzEncoder;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub mod replay;
pub mod server;
pub mod signer;

use server::{Body, Server, Site};
use signer::Signer;

/// Folder, codename and label of each suite.
pub const SUITES: [(&str, &str, &str); 3] = [
    ("debian", "trixie", "Debian"),
    ("debian", "trixie-updates", "Debian"),
    ("debian-security", "trixie-security", "Debian-Security"),
];
/// The components of each suite.
pub const COMPONENTS: [&str; 2] = ["main", "non-free-firmware"];
/// What an archive is dated, and when an expired one expired.
const LONG_AGO: &str = "Sat, 01 Jan 2000 00:00:00 UTC";
/// When a sound one expires.
const NEVER: &str = "Tue, 31 Dec 2999 23:59:59 UTC";
const VERSION: &str = "1.0-1";
const LARGE: usize = 16 << 20;

/// Something wrong with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A byte of the Releases was changed after they were signed.
    Edited,
    /// Another key has signed them.
    Stranger,
    /// Nobody has signed them.
    Unsigned,
    /// They are out of date.
    Expired,
    /// They say that they come from somebody else.
    Origin(&'static str),
    /// The package indexes are not those that were signed.
    Index,
    /// This package is not the one in the index.
    Forged(&'static str),
    /// This package is in the index, but not there.
    Gone(&'static str),
    /// This package has 16 MiB.
    Large(&'static str),
    /// There is nothing at all.
    Empty,
}

/// A running archive, with its public key in a file.
#[derive(Debug)]
pub struct Archive {
    server: Server,
    folder: TempDir,
}

impl Archive {
    /// An archive with these faults.
    #[must_use]
    pub fn with(faults: &[Fault]) -> Self {
        let (signer, stranger) = (Signer::new(), Signer::new());
        let hand = if faults.contains(&Fault::Stranger) { &stranger } else { &signer };
        let site = if faults.contains(&Fault::Empty) { Site::new() } else { site(hand, faults) };
        Self::serve(site, &signer)
    }

    /// Serves a site whose Releases `signer` has signed.
    #[must_use]
    pub fn serve(site: Site, signer: &Signer) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("keyring.asc"), signer.public()).expect("room for a key");
        Self { server: Server::start(site), folder }
    }

    /// Its web server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The file with its key.
    #[must_use]
    pub fn keyring(&self) -> PathBuf {
        self.folder.path().join("keyring.asc")
    }

    /// The options of `xbuild` that make it the only one.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let url = self.server.url();
        let (main, security) =
            (format!("--mirror={url}/debian"), format!("--mirror-security={url}/debian-security/"));
        vec![main, security, format!("--keyring={}", self.keyring().display())]
    }
}

/// A package of the index, as a lock file lists it.
#[must_use]
pub fn locked(name: &str) -> serde_json::Value {
    let content = content(name, &[]);
    serde_json::json!({
        "name": name, "version": VERSION, "architecture": "amd64", "archive": "main",
        "filename": filename(name), "size": content.len(), "sha256": sha256(&content),
    })
}

fn content(name: &str, faults: &[Fault]) -> Vec<u8> {
    let size = if faults.iter().any(|fault| matches!(fault, Fault::Large(large) if *large == name)) {
        LARGE
    } else {
        0
    };
    let mut content = format!("This is not {name}.").into_bytes();
    content.resize(size.max(content.len()), b'.');
    content
}

fn filename(name: &str) -> String {
    format!("pool/main/{name}_{VERSION}_amd64.deb")
}

/// SHA-256, hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn site(hand: &Signer, faults: &[Fault]) -> Site {
    let mut site = Site::new();
    for name in tools::PACKAGES {
        let (forged, gone) = (faults.contains(&Fault::Forged(name)), faults.contains(&Fault::Gone(name)));
        let content = if forged { b"something else".to_vec() } else { content(name, faults) };
        if !gone {
            site.insert(format!("/debian/{}", filename(name)), Body::Bytes(content));
        }
    }
    for suite in SUITES {
        add_suite(&mut site, suite, hand, faults);
    }
    site
}

fn add_suite(
    site: &mut Site,
    (folder, codename, label): (&str, &str, &str),
    hand: &Signer,
    faults: &[Fault],
) {
    let dists = format!("/{folder}/dists/{codename}");
    let mut hashes = String::new();
    for component in COMPONENTS {
        let all = codename == "trixie" && component == "main";
        let index = compressed(&if all { index(faults) } else { String::new() });
        let (place, hash) = (format!("{component}/binary-amd64"), sha256(&index));
        hashes += &format!(" {hash} {} {place}/Packages.xz\n", index.len());
        let served = if faults.contains(&Fault::Index) { compressed("Package: other\n") } else { index };
        site.insert(format!("{dists}/{place}/by-hash/SHA256/{hash}"), Body::Bytes(served));
    }
    let (origin, until) = faults.iter().fold(("Debian", NEVER), |(origin, until), fault| match fault {
        Fault::Origin(other) => (other, until),
        Fault::Expired => (origin, LONG_AGO),
        _ => (origin, until),
    });
    let release = format!(
        "Origin: {origin}\nLabel: {label}\nCodename: {codename}\nDate: {LONG_AGO}\nValid-Until: {until}\n\
         Acquire-By-Hash: yes\nComponents: {}\nSHA256:\n{hashes}",
        COMPONENTS.join(" ")
    );
    site.insert(format!("{dists}/InRelease"), Body::Bytes(in_release(&release, hand, faults).into_bytes()));
}

fn in_release(release: &str, hand: &Signer, faults: &[Fault]) -> String {
    if faults.contains(&Fault::Unsigned) {
        return release.to_owned();
    }
    let signed = hand.sign(release);
    if faults.contains(&Fault::Edited) { signed.replace("01 Jan 2000", "02 Jan 2000") } else { signed }
}

fn index(faults: &[Fault]) -> String {
    let stanza = |name: &&str| {
        let content = content(name, faults);
        format!(
            "Package: {name}\nVersion: {VERSION}\nArchitecture: amd64\nFilename: {}\nSize: {}\nSHA256: {}\n\n",
            filename(name),
            content.len(),
            sha256(&content)
        )
    };
    tools::PACKAGES.iter().map(stanza).collect()
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 1);
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory takes everything")
}
