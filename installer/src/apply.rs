//! The device target: a plan's disks as real block devices.
//!
//! [`steps`] says everything that is going to be done, as data; [`apply`] does it, through one [`Door`], and decides
//! nothing. A room is a stage, and they come in this order:
//!
//! 1. `lock`: nobody else touches the disks;
//! 2. `boot`: what the disks boot now is invalidated, before anything else is written;
//! 3. `signatures`, `tables`, `arrays`, `groups`, `filesystems`: from the disks up to what can be mounted;
//! 4. `mount`, `place`: the node's files;
//! 5. `boot` again: boot code that nothing starts yet;
//! 6. `finish`: everything is closed again, and synced;
//! 7. `boot`, the last writes: each disk boots from its own one on, and not before; then each is marked as finished.
//!
//! `replacement` does for one disk of a node that runs what of these it needs.

mod arrays;
mod boot;
mod device;
mod door;
mod failure;
mod filesystems;
mod finish;
mod groups;
mod lock;
mod machine;
mod mount;
mod place;
mod recorded;
mod removal;
mod replacement;
mod signatures;
mod step;
mod tables;

use std::io::Read;

use anyhow::{Result, anyhow};

pub use self::device::partition;
pub use self::door::Door;
pub use self::failure::{DiskState, Failure, states};
pub use self::machine::Machine;
pub use self::place::Root;
pub use self::recorded::Recorded;
pub use self::removal::{Old, OldKind, Removal};
pub use self::replacement::replacement;
pub use self::step::{Action, Step};
use crate::format::Epoch;
use crate::host::Command;
use crate::plan::{Array, Plan, VolumeGroup};

/// Where the node's file systems are mounted while it is made.
pub const TARGET: &str = "/target";
/// The installer's own files: what tools read and write that belongs to no disk.
pub const WORK: &str = "/run/xinstall";

/// Everything that makes `plan` true, in order. The names of its disks are their paths, such as `/dev/sda`; `epoch` is the
/// time that metadata carries, `mark` the name of the file that a finished node carries on its EFI system partitions.
///
/// # Errors
/// A plan that breaks its own rules, a removal that does not fit it, or a name that has no room in a format. Nothing has
/// been done by then.
pub fn steps(plan: &Plan, removal: &Removal, epoch: Epoch, mark: &str) -> Result<Vec<Step>> {
    plan.verify().map_err(|mistakes| anyhow!("BUG: {}", mistakes.join("; ")))?;
    removal.check(plan)?;
    let stages = [
        lock::take(plan),
        boot::invalidate(plan, removal),
        signatures::remove(plan, removal),
        tables::write(plan, removal)?,
        arrays::create(plan, removal),
        groups::create(plan, removal, epoch)?,
        filesystems::make(plan, epoch),
        mount::mount(plan),
        place::unpack(plan),
        boot::prepare(plan, epoch)?,
        finish::close(plan),
        boot::enable(plan, epoch)?,
        boot::mark(plan, epoch, mark)?,
        lock::release(plan),
    ];
    Ok(stages.into_iter().flatten().collect())
}

/// Starts an array from its members in such a way that nothing is written.
pub(crate) fn assemble_read_only(plan: &Plan, array: &Array) -> Command {
    arrays::mdadm_assemble(plan, array, true)
}

/// Stops an array.
pub(crate) fn stop(array: &str) -> Command {
    arrays::mdadm_stop(array)
}

/// The device of a group, and a configuration with which LVM sees nothing else.
pub(crate) fn lvm_sight(plan: &Plan, group: &VolumeGroup) -> (String, String) {
    groups::sight(plan, group)
}

/// Does `steps` through `door`; `watch` sees each before it begins. `root` becomes the node's files.
///
/// Before it: the disks are what they were. After it: every disk of the plan is complete. After a failure: the disks are in
/// the states that it names ([`states`]), nothing of them is mounted, assembled, active or locked, unless it says so, and
/// no disk boots a node that is not whole.
///
/// # Errors
/// The first step that failed.
pub fn apply<R: Read>(
    steps: &[Step],
    root: Root<R>,
    door: &mut impl Door,
    watch: &mut dyn FnMut(&Step),
) -> Result<(), Failure> {
    perform(steps, Some(root), door, watch)
}

/// As [`apply`], for steps that unpack nothing.
///
/// # Errors
/// The first step that failed.
pub fn apply_rootless(
    steps: &[Step],
    door: &mut impl Door,
    watch: &mut dyn FnMut(&Step),
) -> Result<(), Failure> {
    perform::<std::io::Empty>(steps, None, door, watch)
}

fn perform<R: Read>(
    steps: &[Step],
    mut root: Option<Root<R>>,
    door: &mut impl Door,
    watch: &mut dyn FnMut(&Step),
) -> Result<(), Failure> {
    let mut open: Vec<&Action> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        watch(step);
        if let Err(because) = step.action.perform(door, &mut root) {
            let left = unwind(step, &open, door);
            return Err(Failure::new(steps, number, because, left));
        }
        open.extend(&step.undo);
        open.retain(|undo| !step.settles.contains(undo));
    }
    Ok(())
}

/// Undoes what is open, last first; the result is what could not be.
fn unwind(failed: &Step, open: &[&Action], door: &mut impl Door) -> Vec<String> {
    let mut nothing: Option<Root<std::io::Empty>> = None;
    // It may have got half way, and mostly there is nothing to undo: no news either way.
    drop(failed.undo.as_ref().map(|undo| undo.perform(door, &mut nothing)));
    let mut left = Vec::new();
    for undo in open.iter().rev() {
        if let Err(because) = undo.perform(door, &mut nothing) {
            left.push(format!("{undo}: {because:#}"));
        }
    }
    left
}
