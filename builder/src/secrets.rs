//! The folder with a cluster's secrets, beside its cluster file. Nobody but its owner reads it, and what it holds is printed
//! nowhere.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use installer::model::problem::{Problem, Problems};
use installer::model::secret::{Kind, Secret};
use installer::secrets::{LARGEST, Secrets};
use rand::RngCore as _;
use rand::rngs::OsRng;

use crate::secret;

/// A folder of secrets, whether it is there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// What has become of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is new.
    Made,
    /// It has been there before.
    There,
    /// Nobody but the user can make it.
    Missing,
}

impl State {
    /// For a person.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::There => "there already",
            Self::Missing => "to be written by you",
        }
    }
}

impl Folder {
    /// The folder that was named, else the one beside the cluster file: `lab.secrets` for `lab.toml`.
    #[must_use]
    pub fn new(named: Option<&Path>, cluster: &Path) -> Self {
        Self(named.map_or_else(|| cluster.with_extension("secrets"), Path::to_owned))
    }

    /// The file of a secret.
    #[must_use]
    pub fn file(&self, secret: &Secret) -> PathBuf {
        self.0.join(secret.name())
    }

    /// Makes what is missing, and overwrites nothing.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn init(&self, secrets: &[Secret]) -> Result<Vec<State>> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .with_context(|| format!("cannot make {}", self.0.display()))?;
        self.check()?;
        secrets.iter().map(|secret| self.make(secret)).collect()
    }

    fn make(&self, secret: &Secret) -> Result<State> {
        let path = self.file(secret);
        if path.symlink_metadata().is_ok() {
            return Ok(State::There);
        }
        let Some(content) = new(secret.kind()) else { return Ok(State::Missing) };
        let made = secret::make(&path, &content, secret::SECRET);
        let made = made.with_context(|| format!("cannot make {}", path.display()))?;
        Ok(if made { State::Made } else { State::There })
    }

    /// Makes these anew. Each of them is the old or the new one at any moment, and nothing is changed unless all can be.
    ///
    /// # Errors
    /// Every one that is not there, or a file that cannot be written.
    pub fn rotate(&self, secrets: &[&Secret]) -> Result<()> {
        let mut problems = Problems::default();
        problems.extend(secrets.iter().filter_map(|secret| self.absent(secret)));
        problems.unless_any(())?;
        self.check()?;
        let prepare = |secret: &&Secret| {
            let (path, content) = (self.file(secret), new(secret.kind()));
            let content = content.context("BUG: a secret that is not ours to make")?;
            let part = secret::prepare(&path, &content, secret::SECRET);
            Ok((part.with_context(|| format!("cannot write {}", path.display()))?, path))
        };
        let parts: Vec<_> = secrets.iter().map(prepare).collect::<Result<_>>()?;
        for (part, path) in parts {
            part.persist(&path).with_context(|| format!("cannot replace {}", path.display()))?;
        }
        File::open(&self.0)?.sync_all().with_context(|| format!("syncing {}", self.0.display()))
    }

    fn absent(&self, secret: &Secret) -> Option<Problem> {
        let path = self.file(secret);
        let absent = || Problem::anywhere(format!("there is no {}", path.display()), way_out(secret, &path));
        path.symlink_metadata().is_err().then(absent)
    }

    /// Reads these secrets.
    ///
    /// # Errors
    /// Every one that is missing, of no use, or not its owner's alone.
    pub fn read(&self, secrets: &[Secret]) -> Result<Secrets, Problems> {
        let (mut read, mut problems) = (Secrets::default(), Problems::default());
        if secrets.is_empty() {
            return Ok(read);
        }
        self.check()?;
        for secret in secrets {
            match self.read_one(secret) {
                Ok(content) => read.insert(secret, content),
                Err(problem) => problems.push(problem),
            }
        }
        problems.unless_any(read)
    }

    /// Who may write into the folder may exchange what is in it.
    fn check(&self) -> Result<(), Problems> {
        let found = fs::metadata(&self.0).map_err(|error| {
            let message = format!("cannot read the secrets in {}: {error}", self.0.display());
            Problem::anywhere(
                message,
                "make them with `xbuild secrets init`, or name their folder with --secrets DIR",
            )
        })?;
        Ok(alone(&found, &self.0, 700)?)
    }

    fn read_one(&self, secret: &Secret) -> Result<Vec<u8>, Problem> {
        let path = self.file(secret);
        let cannot = |error: std::io::Error| {
            let hint = if error.kind() == ErrorKind::NotFound {
                way_out(secret, &path)
            } else {
                "may you read it?".to_owned()
            };
            Problem::anywhere(format!("cannot read the secret {}: {error}", path.display()), hint)
        };
        let file = File::open(&path).map_err(cannot)?;
        alone(&file.metadata().map_err(cannot)?, &path, 600)?;
        let mut content = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut content).map_err(cannot)?;
        let checked = secret.kind().check(&content);
        checked.map_err(|(wrong, hint)| Problem::anywhere(format!("{} {wrong}", path.display()), hint))?;
        Ok(content)
    }
}

fn new(kind: &Kind) -> Option<Vec<u8>> {
    kind.make(|bytes| OsRng.fill_bytes(bytes))
}

/// How a secret comes to be there.
fn way_out(secret: &Secret, path: &Path) -> String {
    if secret.kind().is_made() { "make it with `xbuild secrets init`".to_owned() } else { example(path) }
}

/// How a person writes a secret so that it is in no history and nobody else's file.
#[must_use]
pub fn example(path: &Path) -> String {
    format!("write it with `(umask 077; cat > {})`: type it, Enter, Ctrl-D", path.display())
}

/// As ssh(1) has it with its keys: others may do nothing with it.
fn alone(found: &Metadata, path: &Path, mode: u32) -> Result<(), Problem> {
    let path = path.display();
    if found.uid() != rustix::process::geteuid().as_raw() {
        let message = format!("{path} belongs to another user, who could change it");
        return Err(Problem::anywhere(message, "run xbuild as its owner, or take it over with `chown`"));
    }
    if found.mode() & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("{path} has secrets, and is open to others (mode {:03o})", found.mode() & 0o777);
    Err(Problem::anywhere(
        message,
        format!("`chmod {mode} {path}`; if others may have read it, `xbuild secrets rotate`"),
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "secrets_tests.rs"]
mod tests;
