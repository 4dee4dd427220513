//! A suite's Release: what it says of itself, until when, and the hashes of its indexes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use deb822_fast::Paragraph;
use jiff::Timestamp;

use super::Suite;
use crate::failure::{Hinted as _, with_hint};

/// The signed statement of a suite.
#[derive(Clone, Debug)]
pub struct Release {
    origin: String,
    label: String,
    codename: String,
    /// When it was made.
    pub date: Timestamp,
    valid_until: Option<Timestamp>,
    /// Whether indexes can be had under their hash, so that a mirror that moves on does not break a fetch.
    pub by_hash: bool,
    files: BTreeMap<String, FileHash>,
}

/// What the Release says of a file below its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl Release {
    /// Reads the signed text.
    ///
    /// # Errors
    /// When a field that we need is missing or malformed.
    pub fn parse(text: &str) -> Result<Self> {
        let fields: Paragraph =
            text.parse().map_err(|error| anyhow::anyhow!("not a Release file: {error}"))?;
        let field =
            |name: &str| fields.get(name).map(str::trim).with_context(|| format!("it has no `{name}`"));
        Ok(Self {
            origin: field("Origin")?.to_owned(),
            label: field("Label")?.to_owned(),
            codename: field("Codename")?.to_owned(),
            date: date(field("Date")?)?,
            valid_until: fields.get("Valid-Until").map(date).transpose()?,
            by_hash: fields.get("Acquire-By-Hash").is_some_and(|value| value.trim() == "yes"),
            files: field("SHA256")?.lines().filter_map(file_line).collect(),
        })
    }

    /// Refuses a Release that is another suite's, or that has had its day at `now`.
    ///
    /// # Errors
    /// What does not fit, with a way out.
    pub fn check(&self, suite: &Suite, now: Timestamp) -> Result<()> {
        self.check_identity(suite)?;
        let late = self.valid_until.filter(|until| *until < now);
        ensure!(
            late.is_none(),
            with_hint(
                format!("it expired on {}", late.unwrap_or(now)),
                "the mirror has stopped following Debian, or this machine's clock is wrong; try another mirror with --mirror or --mirror-security"
            )
        );
        Ok(())
    }

    /// What the signed Release says of itself decides whether a mirror counts.
    fn check_identity(&self, suite: &Suite) -> Result<()> {
        let wanted = [
            ("Origin", &self.origin, "Debian"),
            ("Label", &self.label, suite.label),
            ("Codename", &self.codename, &suite.name),
        ];
        for (field, is, should) in wanted {
            ensure!(
                is == should,
                with_hint(format!("its {field} is `{is}`, not `{should}`"), suite.archive.hint())
            );
        }
        Ok(())
    }

    /// What it says of `path`.
    ///
    /// # Errors
    /// When it does not list the file.
    pub fn file(&self, path: &str) -> Result<&FileHash> {
        self.files
            .get(path)
            .with_context(|| format!("it does not list {path}"))
            .hint("the mirror may lack this component or architecture")
    }
}

/// ` HASH SIZE PATH`.
fn file_line(line: &str) -> Option<(String, FileHash)> {
    let mut words = line.split_whitespace();
    let (sha256, size, path) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    Some((path.to_owned(), FileHash { sha256: sha256.to_owned(), size }))
}

/// RFC 2822 with `UTC` for its zone, as Debian writes it.
fn date(text: &str) -> Result<Timestamp> {
    let text = text.trim().replace("UTC", "+0000");
    let zoned = jiff::fmt::rfc2822::parse(&text).with_context(|| format!("`{text}` is not a date"))?;
    Ok(zoned.timestamp())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{FileHash, Release};
    use crate::debian::Archive;
    use crate::failure::Shown;

    const TEXT: &str = "Origin: Debian\nLabel: Debian-Security\nCodename: trixie-security\n\
        Date: Wed, 18 Nov 2026 22:17:43 UTC\nValid-Until: Wed, 25 Nov 2026 22:17:43 UTC\nAcquire-By-Hash: yes\n\
        SHA256:\n e3b0 0 main/Contents-amd64\n abcd 42 main/binary-amd64/Packages.xz\n";

    fn shown(text: &str, now: &str) -> String {
        let suite = &Archive::Security.suites()[0];
        let checked = Release::parse(text).and_then(|release| release.check(suite, now.parse().unwrap()));
        checked.map_or_else(|error| Shown(&error).to_string(), |()| "good".to_owned())
    }

    #[test]
    fn hashes_are_found_by_path() {
        let release = Release::parse(TEXT).unwrap();
        let wanted = FileHash { sha256: "abcd".into(), size: 42 };
        assert_eq!(release.file("main/binary-amd64/Packages.xz").unwrap(), &wanted);
        assert_eq!(
            release.file("contrib/x").unwrap_err().chain().nth(1).unwrap().to_string(),
            "it does not list contrib/x"
        );
    }

    #[test]
    fn a_release_counts_for_its_own_suite_and_time_only() {
        assert_eq!(shown(TEXT, "2026-11-20T00:00:00Z"), "good");
        assert_eq!(
            shown(TEXT, "2026-12-01T00:00:00Z"),
            "error: it expired on 2026-11-25T22:17:43Z\n  hint: the mirror has stopped following Debian, or this machine's \
             clock is wrong; try another mirror with --mirror or --mirror-security"
        );
        assert_eq!(
            shown(&TEXT.replace("Origin: Debian", "Origin: Evil"), "2026-11-20T00:00:00Z"),
            "error: its Origin is `Evil`, not `Debian`\n  hint: name a mirror of Debian's security archive with --mirror-security ADDRESS, or in the cluster file"
        );
        assert_eq!(
            shown(&TEXT.replace("trixie-s", "bookworm-s"), "2026-11-20T00:00:00Z"),
            "error: its Codename is `bookworm-security`, not `trixie-security`\n  hint: name a mirror of Debian's security archive with --mirror-security ADDRESS, or in the cluster file"
        );
    }
}
