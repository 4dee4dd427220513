//! Boot code: that of earlier lives goes before anything else, ours comes after everything else.
//!
//! Each boot disk has two ways to boot: BIOS by the first 440 bytes of its MBR, UEFI by the application in its EFI system
//! partition. Both are opened by the last writes to the disk, each of which changes one sector.

mod grub;

use anyhow::{Context as _, Result};

pub(super) use self::grub::prepare;
use super::finish::sync_device;
use super::removal::{Old, Removal};
use super::step::{Action, Step};
use super::{WORK, device};
use crate::format::mbr::no_boot_code;
use crate::format::{Epoch, Piece, esp};
use crate::plan::{Disk, Partition, PartitionKind, Plan};
use crate::units::SectorSize;

/// The mark among the installer's own files.
const MARK: &str = "mark";

/// A failure after this, or a power cut, leaves a disk that boots nothing.
pub(super) fn invalidate(plan: &Plan, removal: &Removal) -> Vec<Step> {
    plan.disks.iter().map(|disk| invalidate_one(disk, removal)).collect()
}

fn invalidate_one(disk: &Disk, removal: &Removal) -> Step {
    let esp = |old: &Old| Piece::zeros(old.start, disk.sector_size.bytes());
    let pieces = [no_boot_code()].into_iter().chain(removal.old_esps(&disk.name).map(esp)).collect();
    let write = Action::Write { device: disk.name.clone(), pieces };
    Step::new(format!("invalidating the boot code of {}", disk.name), write).on([&disk.name])
}

/// The last writes of all: from here on the disks boot, one after the other.
pub(super) fn enable(plan: &Plan, epoch: Epoch) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for disk in plan.disks.iter().filter(|disk| disk.boot) {
        steps.extend(enable_disk(plan, disk, epoch)?);
    }
    Ok(steps)
}

/// The disk boots by both ways or, after a failure, by none: the first is closed again when the second fails.
fn enable_disk(plan: &Plan, disk: &Disk, epoch: Epoch) -> Result<Vec<Step>> {
    let uefi = plan.firmware.has_uefi().then(|| release(disk, epoch)).transpose()?;
    let retract = uefi.as_ref().and_then(|[release, _]| release.undo.clone());
    let bios = boots_by_bios(plan, disk).then(|| sector(disk)).transpose()?;
    let mut steps: Vec<Step> = uefi.into_iter().flatten().chain(bios).collect();
    if let (Some(last), Some(retract)) = (steps.last_mut(), retract) {
        last.settles.push(retract);
    }
    Ok(steps)
}

fn release(disk: &Disk, epoch: Epoch) -> Result<[Step; 2]> {
    let node = device::partition(&disk.name, only(disk, PartitionKind::Esp)?.number);
    let release = Step::run(format!("making {} boot by UEFI", disk.name), esp::release(&node, epoch));
    let release = release.undone_by(Action::Run(esp::retract(&node, epoch).into()));
    Ok([release.on([&disk.name]), sync_device(&node).on([&disk.name])])
}

fn sector(disk: &Disk) -> Result<Step> {
    let core = only(disk, PartitionKind::BiosBoot)?.start;
    let write = Action::Sector { from: format!("{WORK}/{}", grub::SECTOR), disk: disk.name.clone(), core };
    let undo = Action::Write { device: disk.name.clone(), pieces: vec![no_boot_code()] };
    let what = format!("making {} boot by BIOS", disk.name);
    Ok(Step::new(what, write).on([&disk.name]).undone_by(undo.clone()).settling(undo))
}

/// The mark of a finished node, for media and their menus. Without it the node boots all the same.
pub(super) fn mark(plan: &Plan, epoch: Epoch, name: &str) -> Result<Vec<Step>> {
    let from = format!("{WORK}/{MARK}");
    let put = Action::Put { path: from.clone(), bytes: format!("{name}\n").into_bytes() };
    let mut steps = vec![Step::new("writing the mark of a finished node", put)];
    for disk in plan.disks.iter().filter(|disk| disk.boot) {
        let node = device::partition(&disk.name, only(disk, PartitionKind::Esp)?.number);
        let what = format!("marking {node} as finished");
        let calls = esp::mark(&node, (&from, name), plan.firmware.has_uefi(), epoch);
        steps.extend(calls.into_iter().map(|call| Step::run(what.clone(), call)));
        steps.push(sync_device(&node));
    }
    Ok(steps)
}

/// BIOS reads no disk with other sectors.
fn boots_by_bios(plan: &Plan, disk: &Disk) -> bool {
    disk.boot && disk.sector_size == SectorSize::B512 && plan.firmware.has_bios()
}

/// The disk's partition of that kind.
fn only(disk: &Disk, kind: PartitionKind) -> Result<&Partition> {
    let found = disk.partitions.iter().find(|partition| partition.kind == kind);
    found.with_context(|| format!("BUG: boot disk {} has no {kind:?} partition", disk.name))
}
