//! Signed Debian packages: from a mirror's address to files whose hashes a pinned key has vouched for.
//!
//! InRelease signature → hashes of the package indexes → hash of each package; any break is fatal and names the file.

use serde::{Deserialize, Serialize};

pub mod apt;
pub mod archive;
pub mod closure;
pub mod deb;
pub mod fetch;
pub mod index;
pub mod mirror;
pub mod openpgp;
pub mod release;

/// The Debian release that nodes run.
pub const CODENAME: &str = "trixie";
/// The only architecture of Xen/x86 nodes.
pub const ARCHITECTURE: &str = "amd64";
/// Components that packages are taken from; the second one carries firmware and microcode.
pub const COMPONENTS: [&str; 2] = ["main", "non-free-firmware"];

/// Which of Debian's archives; each has its own mirror address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Archive {
    /// Releases and their updates.
    Main,
    /// Security updates.
    Security,
    /// None: xbuild made the package itself.
    Local,
}

impl Archive {
    /// As options and sources name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Security => "security",
            Self::Local => "local",
        }
    }

    /// The way out for who has no mirror of it.
    #[must_use]
    pub fn hint(self) -> String {
        let option = match self {
            Self::Main | Self::Local => "--mirror",
            Self::Security => "--mirror-security",
        };
        format!(
            "name a mirror of Debian's {} archive with {option} ADDRESS, or in the cluster file",
            self.name()
        )
    }

    /// Its suites, and what their Release says of itself.
    #[must_use]
    pub fn suites(self) -> Vec<Suite> {
        let suite = |name: String, label| Suite { archive: self, name, label };
        match self {
            Self::Main => {
                vec![suite(CODENAME.into(), "Debian"), suite(format!("{CODENAME}-updates"), "Debian")]
            }
            Self::Security => vec![suite(format!("{CODENAME}-security"), "Debian-Security")],
            Self::Local => Vec::new(),
        }
    }
}

/// A suite that packages are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// The archive that carries it.
    pub archive: Archive,
    /// Its folder below `dists/`, and the `Codename` that its Release must state.
    pub name: String,
    /// The `Label` that its Release must state.
    pub label: &'static str,
}

/// A package as chosen: enough to fetch it again and to know that it is the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// `amd64` or `all`.
    pub architecture: String,
    /// The archive that it comes from.
    pub archive: Archive,
    /// Path below the archive's address.
    pub filename: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
}
