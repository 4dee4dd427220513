//! Where packages come from: an option, the cluster file, or what the host's own apt sources say.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Archive;
use crate::failure::Hinted as _;

/// Suites of Debian itself; a source for anything else says nothing about Debian's mirrors.
const DEBIAN_SUITES: [&str; 10] =
    ["stable", "testing", "unstable", "sid", "oldstable", "bullseye", "bookworm", "trixie", "forky", "duke"];

/// Addresses that may carry an archive, the likeliest first, without a trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// For the main archive.
    pub main: Vec<String>,
    /// For the security archive.
    pub security: Vec<String>,
}

impl Candidates {
    /// For `archive`.
    #[must_use]
    pub fn of(&self, archive: Archive) -> &[String] {
        match archive {
            Archive::Main => &self.main,
            Archive::Security => &self.security,
            Archive::Local => &[],
        }
    }

    /// A named address is the only candidate for its archive.
    pub fn name(&mut self, archive: Archive, address: &str) {
        let only = vec![address.trim_end_matches('/').to_owned()];
        match archive {
            Archive::Main => self.main = only,
            Archive::Security => self.security = only,
            Archive::Local => {}
        }
    }

    /// What the apt sources below `etc_apt` say.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn of_host(etc_apt: &Path) -> Result<Self> {
        let mut candidates = Self::default();
        let mut files = vec![etc_apt.join("sources.list")];
        let folder = std::fs::read_dir(etc_apt.join("sources.list.d")).into_iter().flatten();
        files.extend(folder.filter_map(Result::ok).map(|entry| entry.path()));
        files.retain(|file| file.exists());
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))
                .hint("make it readable, or name mirrors with --mirror and --mirror-security")?;
            let sources = match file.extension().and_then(OsStr::to_str) {
                Some("sources") => stanzas(&text),
                Some("list") => lines(&text),
                // As apt does: other names are backups and leftovers (sources.list(5)).
                _ => Vec::new(),
            };
            sources.into_iter().for_each(|source| candidates.add(source));
        }
        Ok(candidates)
    }

    fn add(&mut self, (address, suite): (String, String)) {
        let name = suite.split('/').next().unwrap_or_default();
        let (base, pocket) = name.split_once('-').unwrap_or((name, ""));
        if !DEBIAN_SUITES.contains(&base)
            || !(address.starts_with("http://") || address.starts_with("https://"))
        {
            return;
        }
        let list = if pocket == "security" { &mut self.security } else { &mut self.main };
        let address = address.trim_end_matches('/').to_owned();
        if !list.contains(&address) {
            list.push(address);
        }
    }
}

/// One-line style: `deb [options] address suite components…` (sources.list(5)).
fn lines(text: &str) -> Vec<(String, String)> {
    let source = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        let mut words = rest.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    text.lines().filter_map(source).collect()
}

/// deb822 style: every address of a stanza with every suite.
fn stanzas(text: &str) -> Vec<(String, String)> {
    let uncommented: String =
        text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let Ok(parsed) = uncommented.parse::<deb822_fast::Deb822>() else { return Vec::new() };
    let mut sources = Vec::new();
    for stanza in parsed.iter().filter(|stanza| stanza.get("Enabled") != Some("no")) {
        let words = |field: &str| {
            stanza.get(field).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        if words("Types").iter().any(|kind| kind == "deb") {
            let suites = words("Suites");
            sources.extend(
                words("URIs")
                    .into_iter()
                    .flat_map(|uri| suites.iter().map(move |suite| (uri.clone(), suite.clone()))),
            );
        }
    }
    sources
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Candidates;
    use std::fs;

    #[test]
    fn both_styles_of_apt_sources_are_read_and_strangers_left_out() {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir(etc.path().join("sources.list.d")).unwrap();
        let deb822 = "Types: deb\n# an old snapshot\nURIs: http://mirror.test/debian/\nSuites: bookworm bookworm-updates\nComponents: main\n\n\
             Types: deb deb-src\nURIs: http://mirror.test/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
             Types: deb\nURIs: https://vendor.test/node\nSuites: nodistro\nComponents: main\n";
        fs::write(etc.path().join("sources.list.d/debian.sources"), deb822).unwrap();
        let one_line = "# deb http://old.test/debian sid main\ndeb [signed-by=/k arch=amd64] http://other.test/debian trixie main\ndeb http://vendor.test cloud-sdk-bookworm main\n";
        fs::write(etc.path().join("sources.list"), one_line).unwrap();
        let candidates = Candidates::of_host(etc.path()).unwrap();
        assert_eq!(candidates.main, ["http://other.test/debian", "http://mirror.test/debian"]);
        assert_eq!(candidates.security, ["http://mirror.test/debian-security"]);
    }
}
