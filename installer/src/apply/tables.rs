//! Partition tables, and the partitions as devices without a past.

use anyhow::Result;

use super::device;
use super::removal::Removal;
use super::signatures::forget;
use super::step::{Action, Step};
use crate::format::gpt;
use crate::host::Command;
use crate::plan::{Disk, Partition, Plan};

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
    let forget = |partition: &Partition| forget(&node(disk, partition), partition.size);
    steps.extend(new.flat_map(forget).map(|step| step.on([&disk.name])));
    Ok(steps)
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
