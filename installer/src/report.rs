//! What an install tells whoever wants to know: how it ended, what the machine is, and all that was said.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result};
use serde::Serialize;

use crate::apply::{DiskState, Failure};
use crate::facts::Machine;
use crate::identity::candidates::Unidentified;
use crate::payload::PayloadError;

/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of an install, more with every step that it takes: enough to tell of it however it ends.
#[derive(Clone, Debug)]
pub struct Known {
    /// Since when it is under way.
    pub start: Instant,
    /// Who is told: known as soon as the cluster file is read.
    pub address: Option<String>,
    /// The machine.
    pub machine: Option<Machine>,
    /// Which node it is.
    pub node: Option<String>,
    /// The disks of the plan.
    pub planned: Vec<String>,
}

impl Default for Known {
    fn default() -> Self {
        Self { start: Instant::now(), address: None, machine: None, node: None, planned: Vec::new() }
    }
}

/// The end of an install, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which node, if anybody knows.
    pub node: Option<String>,
    /// Whether the node is on its disks.
    pub installed: bool,
    /// Why it is not; empty if it is.
    pub error: String,
    /// What to do about it, where somebody knows.
    pub hint: String,
    /// What has become of the machine's disks.
    pub disks: Vec<DiskReport>,
    /// What was found in the machine; none if nobody got so far as to look.
    pub facts: Option<Machine>,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Everything that was said on the console.
    pub log: String,
}

/// A disk, and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskReport {
    /// Its name, such as `/dev/sda`.
    pub disk: String,
    /// As the console says it: untouched, complete, or neither.
    pub state: String,
}

impl Report {
    /// Of an install that has ended well, or has `failed`.
    #[must_use]
    pub fn new(known: &Known, failed: Option<&Error>, log: String) -> Self {
        let (error, hint) = failed.map(|error| without_hints(&explain(error))).unwrap_or_default();
        let found = known.machine.iter().flat_map(|machine| &machine.disks);
        let disk =
            |name: &String| DiskReport { disk: name.clone(), state: state(known, failed, name).to_string() };
        Self {
            node: known.node.clone(),
            installed: failed.is_none(),
            error,
            hint,
            disks: found.map(|found| disk(&found.facts.name)).collect(),
            facts: known.machine.clone(),
            seconds: known.start.elapsed().as_secs(),
            log,
        }
    }

    /// Posts it.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn send(&self, address: &str) -> Result<()> {
        let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
        let body = serde_json::to_vec(self)?;
        let request = client.post(address).header("content-type", "application/json").body(body);
        request
            .send()
            .and_then(reqwest::blocking::Response::error_for_status)
            .with_context(|| address.to_owned())?;
        Ok(())
    }
}

/// An error as a person reads it.
#[must_use]
pub fn explain(error: &Error) -> String {
    let hint = hint(error).map(|hint| format!("\nhint: {hint}"));
    format!("error: {error:#}{}", hint.unwrap_or_default())
}

/// Most errors have their way out in their text. These know one, but say it on request only.
fn hint(error: &Error) -> Option<String> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return hint(&failure.because);
    }
    if let Some(unknown) = error.downcast_ref::<Unidentified>() {
        return Some(unknown.hint.clone());
    }
    payload_error(error).map(|error| error.hint().to_owned())
}

/// A reader of a payload can only hand on an error of its own, and others put it into theirs.
pub(crate) fn payload_error(error: &Error) -> Option<&PayloadError> {
    error.chain().find_map(|cause| {
        let within = || cause.downcast_ref::<io::Error>().and_then(PayloadError::within);
        cause.downcast_ref::<PayloadError>().or_else(within)
    })
}

/// A failure of the plan's steps says it of each of its disks. Whatever fails before them has written nothing.
fn state(known: &Known, failed: Option<&Error>, disk: &String) -> DiskState {
    let failure = failed.and_then(|error| error.downcast_ref::<Failure>());
    let told = failure.and_then(|failure| failure.disks.iter().find(|(name, _)| name == disk));
    match told {
        Some((_, state)) => *state,
        None if failed.is_none() && known.planned.contains(disk) => DiskState::Complete,
        None => DiskState::Untouched,
    }
}

/// Errors and hints apart; each hint has a line of its own.
fn without_hints(text: &str) -> (String, String) {
    let (hints, errors): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("hint: "));
    let plain = |lines: Vec<&str>, label: &str| {
        lines.into_iter().map(|line| line.strip_prefix(label).unwrap_or(line)).collect::<Vec<_>>().join("\n")
    };
    (plain(errors, "error: "), plain(hints, "hint: "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "report_tests.rs"]
mod tests;
