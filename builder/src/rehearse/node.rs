//! A node in the rack.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::agent::Output;
use super::bmc::Bmc;
use super::machine::Machine;

/// A node: its machine, and what switches that from outside.
#[derive(Debug)]
pub struct Node {
    /// The node's name.
    pub name: String,
    /// Its machine.
    pub machine: Arc<Machine>,
    /// Its BMC, if it can be fenced.
    pub bmc: Option<Bmc>,
}

impl Node {
    /// Runs a command in the node, by bash; the result is its status and what it said on both of its outputs.
    ///
    /// # Errors
    /// When the node does not answer in time; with the end of its console.
    pub fn run(&self, command: &str, deadline: Duration) -> Result<Output> {
        self.check()?;
        let run = self.machine.agent().run(command, deadline);
        run.with_context(|| self.excuse(&format!("`{command}` on {} has no result", self.name)))
    }

    /// The same for a command that must end well; the result is what it said.
    ///
    /// # Errors
    /// As [`Self::run`], or what it said.
    pub fn good(&self, command: &str, deadline: Duration) -> Result<String> {
        let Output { status, text } = self.run(command, deadline)?;
        ensure!(status == 0, "`{command}` on {} failed ({status}):\n{}", self.name, text.trim_end());
        Ok(text)
    }

    /// Which boot of the node listens to commands, if any does.
    #[must_use]
    pub fn boot(&self) -> Option<String> {
        self.machine.agent().boot()
    }

    /// Whether all that is to run does so.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<()> {
        self.machine.check()?;
        self.bmc.as_ref().map_or(Ok(()), Bmc::check)
    }

    /// A message with what the node said last.
    #[must_use]
    pub fn excuse(&self, message: &str) -> String {
        format!("{message}; the console of {} says:\n{}", self.name, self.machine.console_tail())
    }
}
