//! Partition tables, and the partitions as devices without a past.

use anyhow::Result;

use super::device;
use super::removal::Removal;
use super::signatures::wipe;
use super::step::{Action, Step};
use crate::format::{Piece, gpt};
use crate::host::Command;
use crate::plan::{Disk, Partition, PartitionKind, Plan};
use crate::units::Bytes;

/// Where programs look for what they know.
const START: Bytes = Bytes::MIB;

pub(super) fn write(plan: &Plan, removal: &Removal) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for disk in &plan.disks {
        steps.extend(write_one(disk, removal)?);
    }
    Ok(steps)
}

pub(super) fn write_one(disk: &Disk, removal: &Removal) -> Result<Vec<Step>> {
    let mut steps = table(disk)?.to_vec();
    steps.push(reread(disk));
    steps.extend(disk.partitions.iter().map(|partition| wait(disk, partition)));
    // A new partition may start exactly where an earlier one did, or end there.
    let new = disk.partitions.iter().filter(|partition| !removal.keeps(&disk.name, partition.number));
    steps.extend(new.flat_map(|partition| forget(disk, partition)));
    Ok(steps)
}

/// Nothing is ever written to a raw partition here, and what wipefs does not know would stay: GRUB's core, say, of a disk
/// that had its BIOS boot partition at the same place.
fn forget(disk: &Disk, partition: &Partition) -> Vec<Step> {
    let node = node(disk, partition);
    let zeros = Action::Write { device: node.clone(), pieces: vec![Piece::zeros(Bytes::ZERO, START)] };
    let clear = Step::new(format!("clearing the start of {node}"), zeros);
    let clear = (partition.kind == PartitionKind::Drbd).then_some(clear);
    [wipe(&node)].into_iter().chain(clear).map(|step| step.on([&disk.name])).collect()
}

fn node(disk: &Disk, partition: &Partition) -> String {
    device::partition(&disk.name, partition.number)
}

/// The backup first, and synced: where a partition is kept, one of the two always says where it lies.
fn table(disk: &Disk) -> Result<[Step; 2]> {
    let [mbr, primary, backup] = gpt::pieces(disk)?;
    let write = |what: &str, pieces| {
        let write = Action::Write { device: disk.name.clone(), pieces };
        Step::new(format!("writing the {what} of {}", disk.name), write).on([&disk.name])
    };
    Ok([write("backup partition table", vec![backup]), write("partition table", vec![mbr, primary])])
}

fn reread(disk: &Disk) -> Step {
    let command = Command::new(["blockdev", "--rereadpt", &disk.name]);
    Step::run(format!("telling the kernel the partitions of {}", disk.name), command)
}

fn wait(disk: &Disk, partition: &Partition) -> Step {
    let device = node(disk, partition);
    Step::new(format!("waiting for {device}"), Action::Wait { device, size: partition.size })
}
