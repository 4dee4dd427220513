//! How a layout is written: the tables below `[layout]` of a profile.

mod check;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use super::document::{Entry, Section, Table};
use super::problem::Problems;
use super::schema::{self, Schema};
use super::storage::{
    ArrayRule, Carrier, DiskRule, DiskTraits, FilesystemKind, FilesystemRule, Firmware, Layout,
    LogicalVolumeRule, PartitionRule, Pattern, RaidLevel, Size, VolumeGroupRule,
};
use super::value::{Choice, Found, Value, Wrong};
use super::words::{Argument, DiskText, Label, MountPoint, Name};
use crate::units::Bytes;

/// A layout as it was read: every piece with its places, names not yet looked up.
pub(super) struct Draft {
    name: Name,
    firmware: Firmware,
    initrd: bool,
    disks: Vec<Entry<DiskRule>>,
    partitions: Vec<Entry<PartitionRule>>,
    arrays: Vec<Entry<ArrayRule>>,
    volume_groups: Vec<Entry<VolumeGroupRule>>,
    volumes: Vec<Entry<LogicalVolumeRule>>,
    filesystems: Vec<Entry<FilesystemRule>>,
}

impl Section for Draft {
    const ABOUT: &'static str = "the disks: how they are cut, and what lies on the pieces";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let firmware =
            table.about("what the machine's firmware boots").optional("firmware").unwrap_or_default();
        let initrd = table
            .about("the kernel starts with an initial RAM file system")
            .optional("initrd")
            .unwrap_or(true);
        let disks = table.sections("disks");
        let partitions = table.sections("partitions");
        let arrays = table.sections("arrays");
        let volume_groups = table.sections("volume-groups");
        let volumes = table.sections("volumes");
        let filesystems = table.sections("filesystems");
        Some(Self {
            name: name?,
            firmware,
            initrd,
            disks,
            partitions,
            arrays,
            volume_groups,
            volumes,
            filesystems,
        })
    }
}

/// The layout, if its pieces fit together.
///
/// # Errors
/// Everything that does not fit.
pub(super) fn finish(draft: Entry<Draft>) -> Result<Layout, Problems> {
    fn values<T>(entries: Vec<Entry<T>>) -> Vec<T> {
        entries.into_iter().map(|entry| entry.value).collect()
    }
    let problems = check::check(&draft);
    let draft = draft.value;
    problems.unless_any(Layout {
        name: draft.name.into(),
        firmware: draft.firmware,
        initrd: draft.initrd,
        disks: values(draft.disks),
        partitions: values(draft.partitions),
        arrays: values(draft.arrays),
        volume_groups: values(draft.volume_groups),
        logical_volumes: values(draft.volumes),
        filesystems: values(draft.filesystems),
    })
}

fn name(table: &mut Table<'_>, key: &'static str) -> Option<String> {
    table.required::<Name>(key).map(String::from)
}

impl Section for DiskRule {
    const ABOUT: &'static str = "a group of disks that are cut alike";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let name = name(table, "name");
        let boot =
            table.about("the machine boots from each disk of this group").optional("boot").unwrap_or(false);
        let count = count(table);
        let min_size = table
            .about("a smaller disk does not belong to this group")
            .optional("min-size")
            .unwrap_or(Bytes::ZERO);
        let only = traits(table, min_size);
        let (min_count, max_count) = count?;
        Some(Self { name: name?, boot, min_count, max_count, min_size, only })
    }
}

fn traits(table: &mut Table<'_>, min_size: Bytes) -> DiskTraits {
    let [serials, wwns] =
        ["serials", "wwns"].map(|key| table.list::<DiskText>(key).into_iter().map(String::from).collect());
    let [model, path] =
        ["model", "path"].map(|key| table.optional::<DiskText>(key).map(|text| Pattern(text.into())));
    let rotational = table.about("turning disks, or those that do not turn").optional("rotational");
    let max_size = table.about("a larger disk does not belong to this group").optional::<Bytes>("max-size");
    if let Some(max) = max_size.filter(|max| *max < min_size) {
        let message = format!("`max-size` of {max} is less than `min-size` of {min_size}");
        table.problem("max-size", message, "swap them");
    }
    DiskTraits { serials, wwns, model, path, rotational, max_size }
}

/// Either `count`, or `at-least` with or without `at-most`.
fn count(table: &mut Table<'_>) -> Option<(usize, Option<usize>)> {
    let [exact, at_least, at_most] = ["count", "at-least", "at-most"]
        .map(|key| table.optional::<NonZeroU32>(key).map(|n| n.get() as usize));
    let ranged = table.has("at-least") || table.has("at-most");
    match (table.has("count"), ranged) {
        (true, false) => exact.map(|exact| (exact, Some(exact))),
        (true, true) => {
            table.problem("count", "`count` and a range of counts exclude each other", "keep one of them");
            None
        }
        (false, true) => {
            let least = at_least.unwrap_or(1);
            if at_most.is_some_and(|most| most < least) {
                table.problem("at-most", "`at-most` is less than `at-least`", "swap them, or write `count`");
            }
            Some((least, at_most))
        }
        (false, false) => {
            table.problem("count", "missing key `count`", "add a line such as `count = 2` or `at-least = 1`");
            None
        }
    }
}

/// `min`, `share` and `max`, under names that a table may choose.
fn size(table: &mut Table<'_>, keys: [&'static str; 3], min: Option<Bytes>) -> Option<Size> {
    let [min_key, share_key, max_key] = keys;
    let share =
        table.about("its weight when what is left over is shared out").optional(share_key).unwrap_or(0);
    let max = table.optional::<Bytes>(max_key);
    if let (Some(min), Some(max)) = (min, max) {
        if max < min {
            table.problem(
                max_key,
                format!("`{max_key}` of {max} is less than `{min_key}` of {min}"),
                "swap them",
            );
        } else if share == 0 {
            let hint = format!("add `{share_key} = 1`, or drop `{max_key}`");
            table.problem(max_key, format!("`{max_key}` without `{share_key}` never counts"), hint);
        }
    }
    Some(Size { min: min?, max, share })
}

fn required_size(table: &mut Table<'_>) -> Option<Size> {
    let min = table.required("min");
    size(table, ["min", "share", "max"], min)
}

/// The number of a partition: 14 and 15 are ours.
struct PartitionNumber(u32);

impl PartitionNumber {
    const LIMITS: RangeInclusive<u32> = 1..=13;
}

impl Value for PartitionNumber {
    const WHAT: &'static str = u32::WHAT;
    const EXAMPLE: &'static str = u32::EXAMPLE;

    fn schema() -> Schema {
        schema::number("the number of a partition", Self::LIMITS)
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let hint = "use 1 to 13: 14 and 15 are for the boot code of a disk with `boot = true`";
        let number = Some(u32::read(found)?).filter(|number| Self::LIMITS.contains(number));
        number.map(Self).ok_or_else(|| Wrong::value("a partition cannot have this number", hint))
    }
}

impl Section for PartitionRule {
    const ABOUT: &'static str = "a partition on each disk of a group";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let disks = name(table, "disks");
        let number = table.required("number");
        let name = name(table, "name");
        let size = required_size(table);
        let drbd = table.about("left raw for DRBD").optional("drbd").unwrap_or(false);
        let number = number.map(|PartitionNumber(number)| number);
        Some(Self { disks: disks?, number: number?, name: name?, size: size?, drbd })
    }
}

impl Choice for Firmware {
    const NAME: &'static str = "firmware";
    const EXAMPLE: &'static str = "\"uefi\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("any", Self::Any), ("bios", Self::Bios), ("uefi", Self::Uefi)]
    }
}

impl Choice for RaidLevel {
    const NAME: &'static str = "RAID level";
    const EXAMPLE: &'static str = "\"raid1\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("raid1", Self::Raid1), ("raid10", Self::Raid10)]
    }
}

impl Section for ArrayRule {
    const ABOUT: &'static str =
        "an md array: its members are the partition of that name on each disk of its group";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (array, level, partition) =
            (name(table, "name"), table.required("level"), name(table, "partition"));
        Some(Self { name: array?, level: level?, partition: partition? })
    }
}

/// How to write a [`Carrier`].
const CARRIER_HINT: &str = "write `partition:NAME`, `array:NAME` or `volume:GROUP/NAME`";

impl Value for Carrier {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"array:root\"";

    fn schema() -> Schema {
        schema::text(CARRIER_HINT, r"^((partition|array):[^/]*|volume:[^/]*/(.|\s)*)$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        parse_carrier(text)
            .ok_or_else(|| Wrong::value(format!("`{text}` is nothing to put something on"), CARRIER_HINT))
    }
}

fn parse_carrier(text: &str) -> Option<Carrier> {
    let (kind, name) = text.split_once(':')?;
    match (kind, name.split_once('/')) {
        ("partition", None) => Some(Carrier::Partition(name.to_owned())),
        ("array", None) => Some(Carrier::Array(name.to_owned())),
        ("volume", Some((group, name))) => {
            Some(Carrier::Volume { group: group.to_owned(), name: name.to_owned() })
        }
        _ => None,
    }
}

impl Section for VolumeGroupRule {
    const ABOUT: &'static str = "an LVM volume group on one physical volume";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (name, on) = (name(table, "name"), table.required("on"));
        let min = table.optional("free-min").unwrap_or(Bytes::ZERO);
        let free = size(table, ["free-min", "free-share", "free-max"], Some(min));
        Some(Self { name: name?, on: on?, free: free? })
    }
}

impl Section for LogicalVolumeRule {
    const ABOUT: &'static str = "an LVM volume";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (group, name, size) = (name(table, "group"), name(table, "name"), required_size(table));
        let drbd = table.about("left raw for DRBD").optional("drbd").unwrap_or(false);
        Some(Self { group: group?, name: name?, size: size?, drbd })
    }
}

impl Choice for FilesystemKind {
    const NAME: &'static str = "file system type";
    const EXAMPLE: &'static str = "\"ext4\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("ext4", Self::Ext4), ("swap", Self::Swap)]
    }
}

impl Section for FilesystemRule {
    const ABOUT: &'static str = "a file system or swap";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (on, kind, label) =
            (table.required("on"), table.required("type"), table.required::<Label>("label"));
        let mount = table.optional::<MountPoint>("mount");
        let options = table.list::<Argument>("options").into_iter().map(String::from).collect();
        match kind {
            Some(FilesystemKind::Swap) if table.has("mount") => {
                table.problem("mount", "swap is mounted nowhere", "remove `mount`");
            }
            Some(FilesystemKind::Ext4) if !table.has("mount") => {
                table.problem("mount", "missing key `mount`", "add a line such as `mount = \"/var\"`");
            }
            _ => {}
        }
        Some(Self { on: on?, kind: kind?, label: label?.into(), mount: mount.map(String::from), options })
    }
}
