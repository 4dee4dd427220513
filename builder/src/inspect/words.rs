//! What lies on a device, in words.

use installer::units::Bytes;
use uuid::Uuid;

use super::device::{Content, Device, Part};
use super::esp::Boots;
use super::ext::{Ext, State};
use super::fat::Width;
use super::md::Role;
use super::md::bitmap::Bitmap;
use super::member::Member;
use super::swap::Swap;
use super::table::Form;
use super::volume::PhysicalVolume;

/// Less than this is not worth a word.
pub const LITTLE: Bytes = Bytes::mib(2);

/// `1 disk`, `2 disks`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// In a few words.
#[must_use]
pub fn what(device: &Device) -> String {
    on(device.size, &device.content)
}

fn on(room: Bytes, content: &Content) -> String {
    match content {
        // Nobody has read all of it.
        Content::Blank => "looks blank".to_owned(),
        Content::Unknown { .. } => "unknown content".to_owned(),
        Content::Table { table, parts } => {
            let form = match table.form {
                Form::Gpt { .. } | Form::LostGpt => "GPT",
                Form::Mbr { .. } => "MBR",
            };
            format!("{form} with {}", count(parts.len() as u64, "partition"))
        }
        Content::Member(member) => membership(member),
        Content::PhysicalVolume(volume) => volume
            .group
            .as_ref()
            .map_or_else(|| "PV of no group".to_owned(), |group| format!("PV of {group}")),
        Content::Ext(ext) => {
            let filled = filled(room, ext.size);
            format!("{}{}{filled}, {}", ext.version, quoted(&ext.label), state(ext.state))
        }
        Content::Fat(boots) => fat(room, boots),
        Content::Swap(swap) => {
            format!("swap{}{}{}", quoted(&swap.label), filled(room, swap.size), asleep(swap))
        }
        Content::GrubCore(core) => format!("GRUB's core, {}", count(core.sectors, "sector")),
        Content::Drbd { version, carries } => format!("replicated by DRBD {version}: {}", on(room, carries)),
        Content::Named { name } => (*name).to_owned(),
    }
}

/// More about it, with what is wrong.
#[must_use]
pub fn notes(device: &Device) -> Vec<String> {
    let mut notes = more(&device.content);
    notes.extend(device.content.damage().lines().iter().map(|line| damaged(line)));
    notes
}

/// How something wrong is marked.
#[must_use]
pub fn damaged(line: &str) -> String {
    format!("DAMAGED: {line}")
}

fn more(content: &Content) -> Vec<String> {
    match content {
        Content::Member(member) => vec![metadata(member)],
        Content::PhysicalVolume(volume) => vec![copies(volume)],
        Content::Ext(ext) => vec![identity(ext)],
        Content::Fat(boots) => {
            boots.applications.iter().map(|file| format!("{}  {}", file.path, file.size)).collect()
        }
        Content::Swap(swap) => vec![format!("UUID {}", swap.uuid)],
        Content::Drbd { carries, .. } => more(carries),
        Content::Table { parts, .. } => {
            let line = |part: &Part| format!("{}: {}", part.device.name, what(&part.device));
            parts.iter().map(line).collect()
        }
        Content::Blank | Content::Unknown { .. } | Content::GrubCore(_) | Content::Named { .. } => Vec::new(),
    }
}

/// The size of a file system that leaves a part of its device.
fn filled(room: Bytes, size: Bytes) -> String {
    if room.saturating_sub(size) < LITTLE { String::new() } else { format!(", {size}") }
}

fn quoted(label: &str) -> String {
    if label.is_empty() { String::new() } else { format!(" `{label}`") }
}

fn membership(member: &Member) -> String {
    let superblock = &member.superblock;
    let name = superblock.short_name();
    let array = if name.is_empty() { as_mdadm(superblock.array) } else { name.to_owned() };
    match superblock.role {
        Role::Active(role) => format!("member {role} of md {array}, {}", clean(superblock.clean)),
        Role::Spare => format!("spare of md {array}"),
        Role::Faulty => format!("failed member of md {array}"),
        Role::Journal => format!("journal of md {array}"),
    }
}

/// Whether all members of an array are equal where they must be.
#[must_use]
pub const fn clean(clean: bool) -> &'static str {
    if clean { "clean" } else { "not clean" }
}

fn metadata(member: &Member) -> String {
    let bitmap = match &member.bitmap {
        Some(Bitmap { dirty: Some(0), .. }) => ", bitmap clean".to_owned(),
        Some(bitmap @ Bitmap { dirty: Some(dirty), .. }) => {
            format!(", bitmap with {dirty} of {} chunks dirty", bitmap.chunks())
        }
        Some(_) => ", bitmap".to_owned(),
        None => String::new(),
    };
    format!("metadata {}, {}{bitmap}", member.metadata, count(member.superblock.events, "event"))
}

/// In four groups, as it stands in `mdadm.conf`.
#[must_use]
pub fn as_mdadm(uuid: Uuid) -> String {
    let digits = uuid.simple().to_string();
    [0, 8, 16, 24].map(|at| &digits[at..at + 8]).join(":")
}

fn copies(volume: &PhysicalVolume) -> String {
    let mut numbers: Vec<u64> = volume.copies.iter().filter_map(|copy| copy.seqno).collect();
    let count = numbers.len();
    numbers.dedup();
    let copies = match (&numbers[..], count) {
        ([], _) => "without metadata".to_owned(),
        ([number], 1) => format!("sequence number {number}"),
        ([number], count) => format!("sequence number {number}, {count} copies"),
        (numbers, _) => {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            format!("copies with sequence numbers {}", numbers.join(", "))
        }
    };
    format!("UUID {}, {copies}", volume.id)
}

const fn state(state: State) -> &'static str {
    match state {
        State::Clean => "clean",
        State::NeedsRecovery => "with a journal to be replayed",
        State::NotClean => "not clean",
    }
}

fn identity(ext: &Ext) -> String {
    let mounted = if ext.last_mounted.is_empty() {
        String::new()
    } else {
        format!(", last mounted on {}", ext.last_mounted)
    };
    format!("UUID {}{mounted}", ext.uuid)
}

fn fat(room: Bytes, boots: &Boots) -> String {
    let version = match boots.fat.version {
        Width::Fat12 => "FAT12",
        Width::Fat16 => "FAT16",
        Width::Fat32 => "FAT32",
    };
    let state = if boots.fat.clean { "" } else { ", not clean" };
    let filled = filled(room, boots.fat.size);
    format!("{version}{} {}{filled}{state}", quoted(&boots.fat.label), boots.fat.serial)
}

const fn asleep(swap: &Swap) -> &'static str {
    if swap.asleep { ", with a machine that was put to sleep" } else { "" }
}
