//! What was found as text, for the person who has to decide what to do with the disks.

use installer::units::Bytes;

use super::array::{Array, Other, Slot, Verdict};
use super::boot::Code;
use super::damage::Damage;
use super::device::{Content, Device, Part};
use super::group::{Carrier, Group, Volume};
use super::table::{Form, Partition, State, Table};
use super::tree::{Leaf, Tree, print};
use super::words::{LITTLE, as_mdadm, clean, count, damaged, notes, what};
use super::{Boot, Disk, Report, Wrong};

impl Report {
    /// Each disk with its partitions, then arrays, volume groups, and what is damaged.
    #[must_use]
    pub fn draw(&self) -> String {
        let disks = self.disks.iter().map(draw_disk);
        let arrays = list("arrays", self.arrays.iter().map(draw_array).collect());
        let incomplete = list("incomplete", self.incomplete());
        let divided = self.arrays.iter().filter_map(|array| array.device.as_ref()).filter_map(draw_divided);
        let groups = self.volume_groups.iter().map(draw_group);
        let trees: Vec<Tree> = disks.chain(arrays).chain(divided).chain(groups).chain(incomplete).collect();
        format!("{}\n{}\n{}", self.summary(), print(&trees), draw_damaged(&self.damaged))
    }

    /// What lacks something, which may lie on a disk that was not named.
    fn incomplete(&self) -> Vec<Leaf> {
        let arrays = self.arrays.iter().filter(|array| array.verdict != Verdict::Whole);
        let arrays = arrays.map(|array| Leaf::new(&format!("md {}", array.name), verdict(array.verdict)));
        let group = |group: &Group| {
            let all = &group.physical_volumes;
            let missing = all.iter().filter(|carrier| carrier.device.is_none()).count();
            let what = format!("{missing} of {} physical volumes missing", all.len());
            (missing > 0).then(|| Leaf::new(&group.name, &what))
        };
        arrays.chain(self.volume_groups.iter().filter_map(group)).collect()
    }

    fn summary(&self) -> String {
        let counts = [
            (self.disks.len(), "disk"),
            (self.arrays.len(), "array"),
            (self.volume_groups.len(), "volume group"),
        ];
        let counts = counts.into_iter().filter(|(number, noun)| *number > 0 || *noun == "disk");
        counts.map(|(number, noun)| count(number as u64, noun)).collect::<Vec<_>>().join(", ")
    }
}

/// A tree, if there is anything in it.
fn list(heading: &str, leaves: Vec<Leaf>) -> Option<Tree> {
    (!leaves.is_empty()).then(|| Tree { heading: vec![heading.to_owned()], leaves })
}

fn draw_damaged(damaged: &[Wrong]) -> String {
    let leaf = |wrong: &Wrong| Leaf::new(&wrong.at, &wrong.what);
    match list("damaged", damaged.iter().map(leaf).collect()) {
        Some(tree) => print(&[tree]).trim_start().to_owned(),
        None => "nothing is damaged\n".to_owned(),
    }
}

fn draw_disk(disk: &Disk) -> Tree {
    let mut tree = draw_device(&disk.device);
    tree.heading.extend(disk.boot.as_ref().map(draw_boot));
    tree.heading.extend(marked(&disk.damage));
    tree
}

fn marked(damage: &Damage) -> impl Iterator<Item = String> {
    damage.lines().iter().map(|line| damaged(line))
}

/// An array with a table: a tree like that of a disk.
fn draw_divided(device: &Device) -> Option<Tree> {
    matches!(device.content, Content::Table { .. }).then(|| draw_device(device))
}

fn draw_device(device: &Device) -> Tree {
    let Device { name, size, content, .. } = device;
    match content {
        Content::Table { table, parts } => {
            let sector = table.sector_size;
            let mut heading = vec![format!("{name}  {size}  {}, sectors of {} bytes", form(table), sector.0)];
            heading.push(identity(table));
            heading.extend(marked(&table.damage));
            Tree { heading, leaves: draw_partitions(*size, table, parts) }
        }
        _ => {
            let mut heading = vec![format!("{name}  {size}  {}", what(device))];
            heading.extend(notes(device));
            Tree { heading, leaves: Vec::new() }
        }
    }
}

const fn form(table: &Table) -> &'static str {
    match table.form {
        Form::Gpt { .. } => "GPT",
        Form::LostGpt => "protective MBR without a GPT",
        Form::Mbr { .. } => "MBR",
    }
}

fn identity(table: &Table) -> String {
    match &table.form {
        Form::Gpt { guid, primary: State::Whole, backup: State::Whole, backup_away_from_end: None } => {
            format!("GUID {guid}, primary and backup whole")
        }
        Form::Gpt { guid, primary, backup, backup_away_from_end } => {
            let away = backup_away_from_end
                .map_or_else(String::new, |at| format!(" in sector {at}, not at the end of the disk"));
            format!("GUID {guid}, primary {}, backup {}{away}", copy(*primary), copy(*backup))
        }
        Form::LostGpt => "no partitions can be seen".to_owned(),
        Form::Mbr { id } => format!("disk id {id}"),
    }
}

const fn copy(state: State) -> &'static str {
    match state {
        State::Missing => "missing",
        State::HeaderDamaged | State::EntriesDamaged => "damaged",
        State::Misplaced => "misplaced",
        State::Whole => "whole",
    }
}

fn draw_boot(boot: &Boot) -> String {
    match (boot.code, &boot.core_in) {
        (Code::Grub { core }, Some(partition)) => {
            format!("boot code: GRUB, core in sector {core} ({partition})")
        }
        (Code::Grub { core }, None) => format!("boot code: GRUB, core in sector {core}"),
        (Code::Next, _) => "boot code: none, BIOS goes on to its next device".to_owned(),
        (Code::Other, _) => "boot code: unknown".to_owned(),
    }
}

/// Partitions, and the space between them that no partition has.
fn draw_partitions(size: Bytes, table: &Table, parts: &[Part]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut end = Bytes::ZERO;
    for Part { partition, device } in parts {
        leaves.extend(gap(end, partition.start));
        leaves.push(draw_partition(partition, device));
        end = end.max(Bytes(partition.start.0.saturating_add(partition.size.0)));
    }
    let hidden = table.partitions.len().saturating_sub(parts.len());
    if hidden > 0 {
        let what = format!("{} more, not looked into", count(hidden as u64, "partition"));
        leaves.push(Leaf::new("…", &what));
    } else if table.form != Form::LostGpt {
        leaves.extend(gap(end, size));
    }
    leaves
}

fn gap(from: Bytes, to: Bytes) -> Option<Leaf> {
    let size = to.saturating_sub(from);
    (size > LITTLE).then(|| Leaf { size: Some(size), ..Leaf::new(" - ", "free") })
}

fn draw_partition(partition: &Partition, device: &Device) -> Leaf {
    let attributes = if partition.attributes.is_empty() {
        String::new()
    } else {
        format!(" ({})", partition.attributes.join(", "))
    };
    Leaf {
        name: format!("{:>2} {}", partition.number, partition.name),
        size: Some(partition.size),
        what: format!("{}{attributes}: {}", partition.kind, what(device)),
        notes: notes(device),
    }
}

fn draw_array(array: &Array) -> Leaf {
    let layout = array.layout.as_ref().map_or_else(String::new, |layout| format!(" ({layout})"));
    let slots: Vec<&str> = array.slots.iter().map(slot).collect();
    let verdict = verdict(array.verdict);
    let mut lines = vec![format!("UUID {}, name {}", as_mdadm(array.uuid), array.full_name)];
    lines.extend(array.slots.iter().filter_map(rebuilding));
    let others = array.others.iter().filter(|other| !is_damage_of(&array.damage, other));
    lines.extend(others.map(|other| format!("{}: {}", other.device, other.what)));
    lines.extend(marked(&array.damage));
    match &array.device {
        Some(device) => {
            lines.push(format!("on it: {}", what(device)));
            // A table has a tree of its own.
            let is_divided = matches!(device.content, Content::Table { .. });
            lines.extend(if is_divided { Vec::new() } else { notes(device) });
        }
        None if array.verdict == Verdict::CannotStart => {}
        None => lines.push("what is on it is not looked into".to_owned()),
    }
    Leaf {
        name: format!("md {}", array.name),
        size: array.size,
        what: format!("{}{layout} of {}: {verdict}, {}", array.level, slots.join(" "), clean(array.clean)),
        notes: lines,
    }
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Whole => "whole",
        Verdict::Degraded => "degraded, could start",
        Verdict::CannotStart => "cannot start",
    }
}

/// What is wrong with a device is said at length.
fn is_damage_of(damage: &Damage, other: &Other) -> bool {
    damage.lines().iter().any(|line| line.starts_with(&format!("{} ", other.device)))
}

fn slot(slot: &Slot) -> &str {
    match slot {
        Slot::Present { device } | Slot::Rebuilding { device, .. } => device,
        Slot::Missing => "[missing]",
        Slot::Empty => "[removed]",
    }
}

fn rebuilding(slot: &Slot) -> Option<String> {
    match slot {
        Slot::Rebuilding { device, done } => Some(format!("{device} has been rebuilt up to {done}")),
        Slot::Present { .. } | Slot::Missing | Slot::Empty => None,
    }
}

fn draw_group(group: &Group) -> Tree {
    let carriers: Vec<String> = group.physical_volumes.iter().map(carrier).collect();
    let mut heading =
        vec![format!("volume group {}  {}  on {}", group.name, group.size, carriers.join(", "))];
    let (id, seqno, extent) = (&group.id, group.seqno, group.extent_size);
    heading.push(format!("UUID {id}, sequence number {seqno}, extents of {extent}"));
    heading.extend(marked(&group.damage));
    let volumes = group.volumes.iter().filter(|volume| volume.visible).map(draw_volume);
    let free = Leaf { size: Some(group.free), ..Leaf::new("-", "free") };
    let free = Some(free).filter(|_| group.free > Bytes::ZERO);
    Tree { heading, leaves: volumes.chain(free).collect() }
}

fn carrier(carrier: &Carrier) -> String {
    match &carrier.device {
        Some(device) => device.clone(),
        None => format!("missing {} (was {})", carrier.id, carrier.was),
    }
}

fn draw_volume(volume: &Volume) -> Leaf {
    let on_it = match &volume.device {
        Some(device) => what(device),
        None if volume.complete => "not looked into".to_owned(),
        None => "incomplete, a physical volume is missing".to_owned(),
    };
    Leaf {
        name: volume.name.clone(),
        size: Some(volume.size),
        what: format!("{}: {on_it}", volume.segments),
        notes: volume.device.as_ref().map(notes).unwrap_or_default(),
    }
}
