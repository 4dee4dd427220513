//! Whether the pieces of a layout fit together.

use super::Draft;
use crate::model::document::Entry;
use crate::model::names;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::storage::{
    ArrayRule, Carrier, DiskRule, FilesystemKind, LogicalVolumeRule, PartitionRule, RaidLevel,
};
use crate::units::Bytes;

/// Everything that does not fit.
pub(super) fn check(layout: &Entry<Draft>) -> Problems {
    let mut problems = Problems::default();
    let draft = &layout.value;
    unique_names(draft, &mut problems);
    known_names(draft, &mut problems);
    used_once(draft, &mut problems);
    problems.extend(draft.partitions.iter().filter_map(|entry| unused(draft, entry)));
    problems.extend(draft.volumes.iter().filter_map(|entry| unused_volume(draft, entry)));
    problems.extend(draft.arrays.iter().filter_map(|entry| too_few_members(draft, entry)));
    problems.extend(draft.disks.iter().filter_map(|entry| too_small(draft, entry)));
    problems.extend(carriers(draft).filter_map(|(on, place)| needs_one_disk(draft, on, place)));
    boot(layout, &mut problems);
    if !draft.initrd {
        needs_initrd(layout, &mut problems);
    }
    filesystems(draft, &mut problems);
    problems
}

fn unique_names(draft: &Draft, problems: &mut Problems) {
    let hint = "choose another name";
    let disks = draft.disks.iter().map(|entry| (&entry.value.name, entry.at("name")));
    names::once("disk group", hint, disks, problems);
    let partitions = draft.partitions.iter().map(|entry| (&entry.value.name, entry.at("name")));
    names::once("partition", hint, partitions, problems);
    let arrays = draft.arrays.iter().map(|entry| (&entry.value.name, entry.at("name")));
    names::once("array", hint, arrays, problems);
    let groups = draft.volume_groups.iter().map(|entry| (&entry.value.name, entry.at("name")));
    names::once("volume group", hint, groups, problems);
    let volumes =
        draft.volumes.iter().map(|entry| (path(&entry.value.group, &entry.value.name), entry.at("name")));
    names::once("volume", hint, volumes, problems);
    for disks in &draft.disks {
        let of_group = draft.partitions.iter().filter(|entry| entry.value.disks == disks.value.name);
        let numbers = of_group.map(|entry| (entry.value.number, entry.at("number")));
        let what = format!("on disk group `{}`, partition number", disks.value.name);
        names::once(&what, "choose another number", numbers, problems);
    }
}

fn known_names(draft: &Draft, problems: &mut Problems) {
    let disks = || draft.disks.iter().map(|entry| entry.value.name.as_str());
    for entry in &draft.partitions {
        names::known("disk group", &entry.value.disks, entry.at("disks"), disks(), problems);
    }
    for entry in &draft.arrays {
        names::known(
            "partition",
            &entry.value.partition,
            entry.at("partition"),
            partition_names(draft),
            problems,
        );
    }
    let groups = || draft.volume_groups.iter().map(|entry| entry.value.name.as_str());
    for entry in &draft.volumes {
        names::known("volume group", &entry.value.group, entry.at("group"), groups(), problems);
    }
    for (on, place) in carriers(draft) {
        known_carrier(draft, on, place, problems);
    }
}

fn partition_names(draft: &Draft) -> impl Iterator<Item = &str> {
    draft.partitions.iter().map(|entry| entry.value.name.as_str())
}

fn known_carrier(draft: &Draft, on: &Carrier, place: Place, problems: &mut Problems) {
    match on {
        Carrier::Partition(name) => names::known("partition", name, place, partition_names(draft), problems),
        Carrier::Array(name) => {
            let arrays = draft.arrays.iter().map(|entry| entry.value.name.as_str());
            names::known("array", name, place, arrays, problems);
        }
        Carrier::Volume { group, name } => {
            let known: Vec<String> =
                draft.volumes.iter().map(|entry| path(&entry.value.group, &entry.value.name)).collect();
            names::known("volume", &path(group, name), place, known.iter().map(String::as_str), problems);
        }
    }
}

fn path(group: &str, volume: &str) -> String {
    format!("{group}/{volume}")
}

/// Everything that something is put on, with the place that says so.
fn carriers(draft: &Draft) -> impl Iterator<Item = (&Carrier, Place)> {
    let groups = draft.volume_groups.iter().map(|entry| (&entry.value.on, entry.at("on")));
    groups.chain(draft.filesystems.iter().map(|entry| (&entry.value.on, entry.at("on"))))
}

/// Partitions that become members of arrays, seen as carriers too.
fn members(draft: &Draft) -> impl Iterator<Item = (Carrier, Place)> {
    draft
        .arrays
        .iter()
        .map(|entry| (Carrier::Partition(entry.value.partition.clone()), entry.at("partition")))
}

fn used_once(draft: &Draft, problems: &mut Problems) {
    let raw = draft.partitions.iter().filter(|entry| entry.value.drbd);
    let raw = raw.map(|entry| (Carrier::Partition(entry.value.name.clone()), entry.at("drbd")));
    let raw_volumes = draft.volumes.iter().filter(|entry| entry.value.drbd);
    let raw = raw.chain(raw_volumes.map(|entry| (carrier_of(&entry.value), entry.at("drbd"))));
    let uses = raw.chain(members(draft)).chain(carriers(draft).map(|(on, place)| (on.clone(), place)));
    let uses = uses.map(|(on, place)| (on.to_string(), place));
    names::once("carrier", "put each thing on a piece of its own", uses, problems);
}

fn unused(draft: &Draft, entry: &Entry<PartitionRule>) -> Option<Problem> {
    let partition = Carrier::Partition(entry.value.name.clone());
    let used = entry.value.drbd
        || carriers(draft).any(|(on, _)| *on == partition)
        || members(draft).any(|(on, _)| on == partition);
    let message = format!("nothing uses partition `{}`", entry.value.name);
    (!used).then(|| Problem::at(entry.at("name"), message, "put something on it, or give it `drbd = true`"))
}

fn unused_volume(draft: &Draft, entry: &Entry<LogicalVolumeRule>) -> Option<Problem> {
    let volume = carrier_of(&entry.value);
    let used = entry.value.drbd || carriers(draft).any(|(on, _)| *on == volume);
    let message = format!("nothing uses {volume}");
    (!used).then(|| Problem::at(entry.at("name"), message, "put something on it, or give it `drbd = true`"))
}

fn carrier_of(volume: &LogicalVolumeRule) -> Carrier {
    Carrier::Volume { group: volume.group.clone(), name: volume.name.clone() }
}

/// The disk group that a partition lies on.
fn disks_of<'a>(draft: &'a Draft, partition: &str) -> Option<&'a DiskRule> {
    let partition = draft.partitions.iter().find(|entry| entry.value.name == partition)?;
    draft.disks.iter().map(|entry| &entry.value).find(|disks| disks.name == partition.value.disks)
}

fn too_few_members(draft: &Draft, entry: &Entry<ArrayRule>) -> Option<Problem> {
    let disks = disks_of(draft, &entry.value.partition)?;
    let fixed_odd = disks.max_count == Some(disks.min_count) && disks.min_count % 2 == 1;
    let (needs, wrong) = match entry.value.level {
        RaidLevel::Raid1 => ("RAID1 needs 2 disks or more", disks.min_count < 2),
        RaidLevel::Raid10 => {
            ("RAID10 needs an even number of disks, 4 or more", disks.min_count < 4 || fixed_odd)
        }
    };
    let message =
        format!("array `{}` cannot be made of disk group `{}`: {needs}", entry.value.name, disks.name);
    let hint = format!("change the number of disks in `{}`, or the level", disks.name);
    wrong.then(|| Problem::at(entry.at("level"), message, hint))
}

fn too_small(draft: &Draft, entry: &Entry<DiskRule>) -> Option<Problem> {
    let disks = &entry.value;
    let pieces = draft.partitions.iter().map(|entry| &entry.value).filter(|piece| piece.disks == disks.name);
    let needed: Bytes = pieces.map(|piece| piece.size.min).sum();
    let message = format!("a disk of {} is too small for partitions of {needed} at least", disks.min_size);
    let hint = format!("raise `min-size` above {needed}");
    (disks.min_size < needed).then(|| Problem::at(entry.at("min-size"), message, hint))
}

fn needs_one_disk(draft: &Draft, on: &Carrier, place: Place) -> Option<Problem> {
    let Carrier::Partition(partition) = on else { return None };
    let disks = disks_of(draft, partition)?;
    let message =
        format!("partition `{partition}` exists on every disk of `{}`, which may be several", disks.name);
    let hint = format!("make an array of it, or say `count = 1` for `{}`", disks.name);
    ((disks.min_count, disks.max_count) != (1, Some(1))).then(|| Problem::at(place, message, hint))
}

fn boot(layout: &Entry<Draft>, problems: &mut Problems) {
    let draft = &layout.value;
    if !draft.disks.iter().any(|entry| entry.value.boot) {
        let hint = "give one of [[layout.disks]] `boot = true`";
        problems.push(Problem::at(layout.at("disks"), "no disk boots", hint));
    }
    if !draft.filesystems.iter().any(|entry| entry.value.mount.as_deref() == Some("/")) {
        let hint = "add [[layout.filesystems]] with `mount = \"/\"`";
        problems.push(Problem::at(layout.at("filesystems"), "no file system is mounted at `/`", hint));
    }
    let nested = draft.volume_groups.iter().filter(|entry| matches!(entry.value.on, Carrier::Volume { .. }));
    problems.extend(nested.map(|entry| {
        Problem::at(
            entry.at("on"),
            "a volume group cannot lie on a logical volume",
            "put it on an array or a partition",
        )
    }));
}

/// What stands in the way of a kernel that starts without an initial RAM file system.
fn needs_initrd(layout: &Entry<Draft>, problems: &mut Problems) {
    for entry in &layout.value.filesystems {
        let reason = match (entry.value.mount.as_deref(), &entry.value.on) {
            (Some("/"), Carrier::Array(_)) => {
                format!("`/` lies on {}, which only an initrd assembles", entry.value.on)
            }
            (Some("/usr"), _) => {
                "`/usr` is a file system of its own, and only an initrd mounts it early enough".to_owned()
            }
            _ => continue,
        };
        let hint = "remove `initrd = false`, or let `/` with its `/usr` lie on a partition";
        problems.push(Problem::at(entry.at("on"), reason, hint));
    }
}

fn filesystems(draft: &Draft, problems: &mut Problems) {
    let mounts =
        draft.filesystems.iter().filter_map(|entry| Some((entry.value.mount.as_ref()?, entry.at("mount"))));
    names::once("mount point", "choose another path", mounts, problems);
    let labels = draft.filesystems.iter().map(|entry| (&entry.value.label, entry.at("label")));
    names::once("label", "choose another label", labels, problems);
    for entry in &draft.filesystems {
        let mount = entry.value.mount.as_deref().unwrap_or_default();
        if matches!(entry.value.on, Carrier::Volume { .. }) && ["/", "/boot"].contains(&mount) {
            let message = format!("`{mount}` cannot lie on a logical volume");
            problems.push(Problem::at(
                entry.at("on"),
                message,
                "put it on an array or a partition: boot code finds it there",
            ));
        }
        if entry.value.kind == FilesystemKind::Swap && entry.value.label.len() > 15 {
            problems.push(Problem::at(
                entry.at("label"),
                "a label of swap has at most 15 characters",
                "choose a shorter one",
            ));
        }
    }
}
