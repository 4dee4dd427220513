//! What a step that failed leaves behind, as it is told to a person.

use std::fmt;

use super::step::{Action, Step};

/// What a disk is after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// Nothing was written to it: it is and boots what it did before.
    Untouched,
    /// Its old content is gone or damaged, the new one is not whole: it boots nothing.
    BeingWritten,
    /// All that the plan has for it is on it.
    Complete,
}

impl fmt::Display for DiskState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Untouched => "untouched",
            Self::BeingWritten => "being written: boots nothing",
            Self::Complete => "complete",
        })
    }
}

/// What each disk is when step number `failed` of `steps` has failed, in the order in which they were to be locked.
#[must_use]
pub fn states(steps: &[Step], failed: usize) -> Vec<(String, DiskState)> {
    let locked = steps.iter().filter_map(|step| match &step.action {
        Action::Lock { disk, .. } => Some(disk),
        _ => None,
    });
    locked.map(|disk| (disk.clone(), state(steps, failed, disk))).collect()
}

fn state(steps: &[Step], failed: usize, disk: &str) -> DiskState {
    let changes = |step: &Step| step.disks.iter().any(|changed| changed == disk);
    // The one that failed may have written all, something or nothing.
    let begun = steps.iter().take(failed + 1).any(changes);
    let remains = steps.iter().skip(failed).any(changes);
    match (begun, remains) {
        (false, _) => DiskState::Untouched,
        (true, true) => DiskState::BeingWritten,
        (true, false) => DiskState::Complete,
    }
}

/// A step that failed, and what that means.
#[derive(Debug)]
pub struct Failure {
    /// Its number, from 0.
    pub step: usize,
    /// What it was to do, such as `creating the array root`.
    pub what: String,
    /// The command or the effect as text; a command can be pasted.
    pub action: String,
    /// Why it failed.
    pub because: anyhow::Error,
    /// What each disk is now.
    pub disks: Vec<(String, DiskState)>,
    /// What could not be undone, and why: still mounted, assembled, active or locked.
    pub left: Vec<String>,
}

impl Failure {
    pub(super) fn new(steps: &[Step], number: usize, because: anyhow::Error, left: Vec<String>) -> Self {
        let Step { what, action, .. } = &steps[number];
        let (what, action) = (what.clone(), action.to_string());
        Self { step: number, what, action, because, disks: states(steps, number), left }
    }
}

/// Why, then a line for each disk, then what is left open.
impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {:#}", self.what, self.because)?;
        // A command that failed says itself which it is.
        if self.because.downcast_ref::<crate::host::CommandFailed>().is_none() {
            write!(out, "\nin: {}", self.action)?;
        }
        for (disk, state) in &self.disks {
            write!(out, "\n{disk}: {state}")?;
        }
        self.left.iter().try_for_each(|left| write!(out, "\nleft open: {left}"))
    }
}

impl std::error::Error for Failure {}
