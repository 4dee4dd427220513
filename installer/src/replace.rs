//! `xinstall replace-disk`: a new disk in the place of one that a running node has lost.
//!
//! The rooms: `choice` finds out which disk is lost and which one is new, `objection` says why one is not taken. What is done is
//! said by [`apply::replacement`].

mod choice;
mod objection;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, ensure};

pub use self::choice::{Case, Replacement, choose};
use crate::apply::{self, Action, Failure, Step};
use crate::console::Console;
use crate::facts::{self, Found};
use crate::finished;
use crate::format::Epoch;
use crate::host::Run;
use crate::install::{self, Ended};
use crate::own_plan;
use crate::plan::{Disk, PartitionKind};

/// Replaces a disk of this node; `with` is the new one's node, if somebody has said it.
///
/// # Errors
/// Why not; then nothing was written. Or what failed, and what state the disk is in.
pub fn run(host: &mut dyn Run, console: &mut Console, with: Option<&str>) -> Result<Ended> {
    let plan = own_plan::read(Path::new(own_plan::PATH))?;
    let disks = facts::probe::probe(&facts::probe::Roots::default(), host)?.disks;
    let case = Case { plan: &plan, disks: &disks, with };
    let replacement = choose(&case).map_err(|refusals| install::refused(&refusals))?;
    check_arrays(&replacement)?;
    let mark = mark(host, &replacement, &disks)?;
    let steps = apply::replacement(&replacement.plan, replacement.at, mark.as_deref(), now()?)?;
    let missing = install::missing_programs(&steps);
    ensure!(missing.is_empty(), "this node has no {}: install what has them", missing.join(", "));
    console.say(&replacement.describe());
    if console.ask("to replace it, type yes; anything else leaves all as it is:")? != "yes" {
        return Ok(Ended::Declined);
    }
    let mut watch = |step: &Step| console.say(&step.what);
    apply::apply_rootless(&steps, &mut apply::Machine::default(), &mut watch)
        .map_err(|failure| anyhow!("{failure}\nhint: {}", way_out(&steps, &failure)))?;
    console.say(&replacement.report());
    Ok(Ended::Installed)
}

/// An array that has not started takes no member.
fn check_arrays(replacement: &Replacement) -> Result<()> {
    for name in replacement.arrays() {
        let path = format!("/dev/md/{name}");
        ensure!(
            Path::new(&path).exists(),
            "{path} is not there: the array {name} has not started\n\
             hint: start it, `mdadm --assemble --run {path}`, or plug in the other disks that it lacks"
        );
    }
    Ok(())
}

/// The mark of a finished node that one of the other disks carries.
fn mark(host: &mut dyn Run, replacement: &Replacement, disks: &[Found]) -> Result<Option<String>> {
    let others = replacement.plan.disks.iter().enumerate().filter(|(at, _)| *at != replacement.at);
    for (_, other) in others.filter(|(_, other)| disks.iter().any(|found| found.facts.name == other.name)) {
        let mark = esp(other).map(|esp| finished::find(host, &esp)).transpose()?.flatten();
        if mark.is_some() {
            return Ok(mark);
        }
    }
    Ok(None)
}

fn esp(disk: &Disk) -> Option<String> {
    let esp = disk.partitions.iter().find(|partition| partition.kind == PartitionKind::Esp)?;
    Some(apply::partition(&disk.name, esp.number))
}

/// What is written on a node that runs carries the time of the day.
fn now() -> Result<Epoch> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(Epoch(since.as_secs()))
}

/// The disk is blank again, or it belongs to the node and lacks no more than its boot code.
fn way_out(steps: &[Step], failure: &Failure) -> &'static str {
    let joined = steps.iter().position(|step| matches!(step.action, Action::Unlock(_)));
    if joined.is_some_and(|joined| failure.step > joined) {
        "it stays a member of its arrays; once they are whole (/proc/mdstat), `xbuild-boot-code` makes it boot"
    } else {
        "nothing of it is in use, and what was written is invalid; remove the cause, and try again"
    }
}
