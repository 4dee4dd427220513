//! One disk of a node that runs, made anew in the place of one that is lost.
//!
//! In two parts. The first takes seconds, and a failure in it leaves the disk blank again. From its end on the disk is a member
//! of its arrays and stays one, whatever fails: that the data is safe comes before that the disk boots.
//!
//! A disk with boot code then waits until `/boot`'s array is copied to it. GRUB takes any member with a role for a whole one:
//! it does not look at `recovery_offset`, and reads a mirror from the first member that it finds (2.12,
//! `grub-core/disk/mdraid1x_linux.c`, `diskfilter.c`). So until then the machine may not start at all, from whatever disk, and
//! that array is the first one that is copied.

use anyhow::{Context as _, Result};

use super::removal::Removal;
use super::signatures::{wipe, wipe_command};
use super::step::{Action, Step};
use super::{arrays, boot, device, filesystems, finish, lock, tables};
use crate::format::Epoch;
use crate::host::Command;
use crate::menu;
use crate::plan::{Array, Disk, PartitionKind, PartitionRef, Plan};

/// Everything that makes the disk at `at` of `plan` one of the node: its name there is its path, its size its own. `mark` is what
/// a finished node carries; none if the others carry none either.
///
/// # Errors
/// A plan without `/`, or names that have no room in a format. Nothing has been done by then.
pub fn replacement(plan: &Plan, at: usize, mark: Option<&str>, epoch: Epoch) -> Result<Vec<Step>> {
    let disk = plan.disks.get(at).context("BUG: a disk that the plan does not have is replaced")?;
    let arrays = arrays_of(plan, at)?;
    let mut steps = join(plan, at, disk, &arrays)?;
    steps.extend(named(disk));
    if !disk.boot {
        return Ok(steps);
    }
    let copied = arrays.iter().find(|(array, _)| is_booted_from(plan, array));
    steps.extend(copied.map(|(array, member)| arrays::wait_for_copy(array, member).on([&disk.name])));
    steps.extend(boot::prepare_here(plan, disk, epoch)?);
    steps.extend(boot::enable_disk(plan, disk, epoch)?);
    if let Some(mark) = mark {
        steps.extend(boot::mark_disks(plan, [disk], epoch, mark)?);
    }
    Ok(steps)
}

/// The first part.
fn join(plan: &Plan, at: usize, disk: &Disk, arrays: &[(&Array, String)]) -> Result<Vec<Step>> {
    let blank = Action::Run(wipe_command(&disk.name));
    let nothing_kept = Removal::default();
    let mut steps = vec![lock::take_one(disk)];
    steps.push(boot::invalidate_one(disk, &nothing_kept).undone_by(blank));
    steps.push(wipe(&disk.name).on([&disk.name]));
    steps.extend(tables::write_one(disk, &nothing_kept)?);
    let esps = disk.partitions.iter().filter(|partition| partition.kind == PartitionKind::Esp);
    steps.extend(esps.flat_map(|partition| {
        filesystems::make_esp(plan, PartitionRef { disk: at, number: partition.number }, partition)
    }));
    steps.push(finish::sync(disk));
    let renewed = arrays.iter().flat_map(|(array, member)| arrays::renew(array, member));
    steps.extend(renewed.map(|step| step.on([&disk.name])));
    let mut unlock = lock::release_one(disk);
    unlock.settles = steps.iter().filter_map(|step| step.undo.clone()).collect();
    steps.push(unlock);
    Ok(steps)
}

/// DRBD and whoever makes its metadata look for a name that udev gives, with its own ones, and not before the disk is unlocked.
fn named(disk: &Disk) -> impl Iterator<Item = Step> {
    let raw = disk.partitions.iter().filter(|partition| partition.kind == PartitionKind::Drbd);
    raw.map(|partition| {
        let name = format!("/dev/disk/by-partuuid/{}", partition.guid);
        Step::run(format!("waiting for {name}"), Command::new(["udevadm", "wait", "--timeout=60", &name]))
    })
}

/// The arrays that lie on the disk, each with the node of its member there. The one with `/boot` comes first.
fn arrays_of(plan: &Plan, at: usize) -> Result<Vec<(&Array, String)>> {
    menu::filesystem(plan)?;
    let member = |array: &Array| {
        let member = array.members.iter().find(|member| member.partition.disk == at)?;
        Some(device::partition_of(plan, member.partition))
    };
    let mut arrays: Vec<_> = plan.arrays.iter().filter_map(|array| Some((array, member(array)?))).collect();
    arrays.sort_by_key(|(array, _)| !is_booted_from(plan, array));
    Ok(arrays)
}

fn is_booted_from(plan: &Plan, array: &Array) -> bool {
    let found = menu::filesystem(plan).ok().and_then(|filesystem| device::array(plan, &filesystem.on));
    found.is_some_and(|found| found.name == array.name)
}
