//! An apt repository of the packages that xbuild made. It lies on the node, so that `apt upgrade` and
//! `apt install --reinstall` find them like any other package.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::cache::hex;
use crate::debian::{ARCHITECTURE, CODENAME, deb};
use crate::rootfs::Deb;
use crate::signing::SigningKey;

/// Where the repository lies on a node.
pub const FOLDER: &str = "var/lib/xbuild/packages";
/// Where the public key lies on a node.
pub const KEY: &str = "usr/share/keyrings/xbuild.asc";
/// The file of apt's source for it.
pub const SOURCE: &str = "etc/apt/sources.list.d/xbuild.sources";
const COMPONENT: &str = "main";

/// A file of the repository: path below its folder, content.
pub type Entry = (String, Vec<u8>);

/// The repository: packages, their index, and a Release that `key` has signed. `epoch` is its date, seconds since 1970.
///
/// # Errors
/// When a package cannot be read, or the key cannot sign.
pub fn publish(debs: &[Deb], key: &SigningKey, epoch: i64) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut index = String::new();
    for one in debs {
        let bytes = fs::read(&one.file).with_context(|| format!("cannot read {}", one.file.display()))?;
        let package = &one.package;
        let path = format!("pool/{}_{}_{}.deb", package.name, package.version, package.architecture);
        let control = deb::control(&one.file)?;
        let (size, sha256) = (package.size, &package.sha256);
        writeln!(index, "{}\nFilename: {path}\nSize: {size}\nSHA256: {sha256}\n", control.trim_end())?;
        entries.push((path, bytes));
    }
    let index_path = format!("{COMPONENT}/binary-{ARCHITECTURE}/Packages");
    let release = release(&index_path, index.as_bytes(), epoch)?;
    let dists = format!("dists/{CODENAME}");
    entries.push((format!("{dists}/{index_path}"), index.into_bytes()));
    entries.push((format!("{dists}/InRelease"), key.sign(&release, epoch)?.into_bytes()));
    Ok(entries)
}

/// apt's source for the repository on a node (sources.list(5)).
#[must_use]
pub fn source() -> String {
    format!(
        "Types: deb\nURIs: file:/{FOLDER}\nSuites: {CODENAME}\nComponents: {COMPONENT}\nSigned-By: /{KEY}\n"
    )
}

fn release(index: &str, bytes: &[u8], epoch: i64) -> Result<String> {
    let date = Timestamp::from_second(epoch).context("the time is out of range")?;
    Ok(format!(
        "Origin: xbuild\nLabel: xbuild\nSuite: {CODENAME}\nCodename: {CODENAME}\nDate: {}\nArchitectures: {ARCHITECTURE}\n\
         Components: {COMPONENT}\nSHA256:\n {} {} {index}\n",
        date.strftime("%a, %d %b %Y %H:%M:%S UTC"),
        hex(&Sha256::digest(bytes)),
        bytes.len()
    ))
}
