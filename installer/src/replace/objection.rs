//! Why a disk is not taken, or none can be.

use super::Case;
use crate::facts::Found;
use crate::plan::{Device, Disk, Partition, PartitionKind, PartitionRef, Plan, Refusal, exact};
use crate::units::SectorSize;
use crate::wipe::contents;

/// Everything that is against `new` as this disk of the plan.
pub(super) fn against(lost: &Disk, new: &Found) -> Vec<Refusal> {
    let state = [read_only(new), unreadable(new), in_use(new), not_blank(new)];
    state.into_iter().chain([other_sectors(lost, new), too_small(lost, new)]).flatten().collect()
}

fn read_only(new: &Found) -> Option<Refusal> {
    let message = || format!("{} cannot be written: it is read-only", new.describe());
    new.read_only.then(|| Refusal::new(message(), "take off its write protection"))
}

fn unreadable(new: &Found) -> Option<Refusal> {
    let because = new.unreadable.as_ref()?;
    let message = format!("nobody knows what is on {}: {because}", new.describe());
    Some(Refusal::new(message, "take another disk"))
}

fn in_use(new: &Found) -> Option<Refusal> {
    let uses = new.in_use.as_ref()?;
    let message = format!("{} is in use: {uses}", new.describe());
    Some(Refusal::new(message, "no disk is taken that somebody uses"))
}

fn not_blank(new: &Found) -> Option<Refusal> {
    let is_known = new.unreadable.is_none();
    let message = || format!("{} is not blank: {}", new.describe(), contents(new, None));
    let hint = || format!("if nothing on it is needed: `{}`, then try again", wipe_all(new));
    (is_known && !new.is_blank()).then(|| Refusal::new(message(), hint()))
}

/// Partitions first: without its table a disk has none.
fn wipe_all(disk: &Found) -> String {
    let parts = disk.partitions.iter().rev().map(|piece| piece.device.as_str());
    let devices: Vec<&str> = parts.chain([disk.facts.name.as_str()]).collect();
    format!("wipefs --all --force {}", devices.join(" "))
}

fn other_sectors(lost: &Disk, new: &Found) -> Option<Refusal> {
    let [has, wants] = [new.facts.sector_size, lost.sector_size].map(u64::from);
    let message = || format!("{} has sectors of {has} bytes, and {} has {wants}", new.describe(), lost.name);
    (has != wants).then(|| Refusal::new(message(), format!("take a disk with sectors of {wants} bytes")))
}

fn too_small(lost: &Disk, new: &Found) -> Option<Refusal> {
    let least = lost.least_size();
    let lacks = least.saturating_sub(new.facts.size);
    let message = || format!("{} is too small for {} by {}", new.describe(), lost.name, exact(lacks));
    let hint = || format!("take a disk of at least {} bytes ({})", least.0, exact(least));
    (lacks.0 > 0).then(|| Refusal::new(message(), hint()))
}

/// What only the lost disk had does not come back.
pub(super) fn unmirrored(plan: &Plan, at: usize) -> Option<Refusal> {
    let disk = &plan.disks[at];
    let alone = |partition: &&Partition| {
        matches!(partition.kind, PartitionKind::Linux | PartitionKind::Swap | PartitionKind::Lvm)
    };
    let lost: Vec<String> = disk
        .partitions
        .iter()
        .filter(alone)
        .map(|partition| {
            let on = Device::Partition(PartitionRef { disk: at, number: partition.number });
            let mounts = plan.filesystems.iter().filter(|filesystem| filesystem.on == on);
            mounts.filter_map(|filesystem| filesystem.mount.clone()).next().unwrap_or(partition.name.clone())
        })
        .collect();
    let message = || {
        format!("{} is missing, and it alone had {}: no other disk has a copy", disk.name, lost.join(", "))
    };
    (!lost.is_empty())
        .then(|| Refusal::new(message(), "install the node anew; `keep` in [install] saves what DRBD has"))
}

/// Every disk is there; one of them may not be whole.
pub(super) fn nothing_lost(case: &Case<'_>) -> Refusal {
    let found: Vec<(&Disk, &Found)> =
        case.plan.disks.iter().filter_map(|disk| Some((disk, case.found(disk)?))).collect();
    let unfinished = found.iter().find_map(|(disk, found)| unfinished(disk, found, case.plan));
    unfinished.unwrap_or_else(|| {
        let disks: Vec<String> =
            found.iter().map(|(disk, found)| format!("{} is {}", disk.name, found.facts.name)).collect();
        Refusal::new(
            format!("this node misses no disk: {}", disks.join(", ")),
            "a broken disk is missing once it is pulled out; a good one that md has given up comes back by \
             `mdadm --manage /dev/md/NAME --re-add PARTITION`",
        )
    })
}

/// What a replacement leaves that somebody has interrupted.
fn unfinished(disk: &Disk, found: &Found, plan: &Plan) -> Option<Refusal> {
    let is_member = |device: &str| {
        let mut contents = found.contents.iter();
        contents.any(|content| content.device == device && content.kind == "linux_raid_member")
    };
    let members = disk.partitions.iter().filter(|partition| partition.kind == PartitionKind::Raid);
    let nodes = members.map(|partition| crate::apply::partition(&found.facts.name, partition.number));
    if let Some(node) = nodes.into_iter().find(|node| !is_member(node)) {
        return Some(Refusal::new(
            format!(
                "{} is {}, but {node} belongs to no array: its replacement was interrupted",
                found.describe(),
                disk.name
            ),
            format!(
                "take its other partitions out of their arrays (`mdadm --manage ARRAY --fail PARTITION --remove PARTITION`), \
                 make it blank (`{}`), and try again",
                wipe_all(found)
            ),
        ));
    }
    let boots = disk.boot && disk.sector_size == SectorSize::B512 && plan.firmware.has_bios();
    (boots && !found.our_boot_code).then(|| {
        Refusal::new(
            format!(
                "{} is {}, but has no boot code: its replacement was interrupted",
                found.describe(),
                disk.name
            ),
            "once its arrays are whole (/proc/mdstat), `xbuild-boot-code` writes it",
        )
    })
}

pub(super) fn not_there(there: &[Found], name: &str) -> Refusal {
    let disks: Vec<String> = there.iter().map(Found::describe).collect();
    Refusal::new(format!("this machine has no disk {name}"), format!("its disks are {}", disks.join(", ")))
}

pub(super) fn not_lost(new: &Found, planned: &Disk) -> Refusal {
    Refusal::new(
        format!("{} is {} of this node: it is not missing", new.describe(), planned.name),
        "name the new disk",
    )
}

pub(super) fn no_other(case: &Case<'_>, lost: &[usize]) -> Refusal {
    let names: Vec<&str> = lost.iter().map(|at| case.plan.disks[*at].name.as_str()).collect();
    let lost = lost.iter().map(|at| case.plan.disks[*at].least_size()).min().unwrap_or_default();
    Refusal::new(
        format!("this node misses {}, and the machine has no disk to take its place", names.join(" and ")),
        format!("plug in a blank disk of at least {} bytes ({})", lost.0, exact(lost)),
    )
}

pub(super) fn several<'f>(fit: impl Iterator<Item = &'f Found>) -> Refusal {
    let disks: Vec<String> = fit.map(Found::describe).collect();
    let message = format!("{} disks could take its place: {}", disks.len(), disks.join(", "));
    Refusal::new(message, "say which one: `xinstall replace-disk --with /dev/…`")
}
