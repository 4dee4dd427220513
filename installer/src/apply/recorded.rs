//! A machine that does nothing, and remembers what it was told: for tests of what would be done.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::door::Door;
use super::step::described;
use crate::format::Piece;
use crate::host::{Command, CommandFailed, Output, Run};
use crate::units::{Bytes, SectorSize};

/// Every call is one line of text. It says the same as [`Action`](super::Action) does, and can fail where it is told to.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What it was told so far.
    pub calls: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    fails: Option<(usize, bool)>,
}

impl Recorded {
    /// The call of that number, from 0, fails; later ones succeed.
    #[must_use]
    pub fn failing_at(mut self, call: usize) -> Self {
        self.fails = Some((call, false));
        self
    }

    /// The call of that number and all after it fail.
    #[must_use]
    pub fn dead_from(mut self, call: usize) -> Self {
        self.fails = Some((call, true));
        self
    }

    /// A file that is there to be read; [`Door::put`] adds others.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }

    /// Remembers a call; whether it is one that fails.
    fn call(&mut self, text: String) -> bool {
        let number = self.calls.len();
        self.calls.push(text);
        self.fails.is_some_and(|(first, dead)| number == first || dead && number > first)
    }

    fn effect(&mut self, text: String) -> Result<()> {
        if self.call(text) {
            bail!("told to fail");
        }
        Ok(())
    }
}

impl Run for Recorded {
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        let fails = self.call(command.to_string());
        let stderr = if fails { "told to fail" } else { "" };
        Ok(Output { status: Some(i32::from(fails)), stdout: String::new(), stderr: stderr.to_owned() })
    }
}

impl Door for Recorded {
    fn lock(&mut self, disk: &str, _: Bytes, _: SectorSize) -> Result<()> {
        self.effect(format!("lock {disk}"))
    }

    fn unlock(&mut self, disk: &str) -> Result<()> {
        self.effect(format!("unlock {disk}"))
    }

    fn write(&mut self, device: &str, pieces: &[Piece]) -> Result<()> {
        let pieces: Vec<_> = pieces.iter().map(described).collect();
        self.effect(format!("write to {device}: {}", pieces.join(", ")))
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self.effect(format!("put {} bytes into {path}", bytes.len()))
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>> {
        self.effect(format!("read {path}"))?;
        self.files.get(path).cloned().with_context(|| format!("cannot read {path}: it is not there"))
    }

    fn wait_for(&mut self, device: &str, size: Bytes, _: Duration) -> Result<()> {
        self.effect(format!("wait for {device}: {} bytes", size.0))
    }

    fn wait_for_copy(&mut self, array: &str, member: &str) -> Result<()> {
        self.effect(format!("wait until {array} is copied to {member}"))
    }

    fn feed(
        &mut self,
        command: &Command,
        content: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let mut bytes = Vec::new();
        content(&mut bytes)?;
        self.effect(format!("{command} < {} bytes", bytes.len()))
    }
}
