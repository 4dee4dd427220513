//! What a layout may say: which disks, cut how, and what lies on the pieces. Names only; no disk is known yet.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// The disk part of a profile. Pieces refer to each other by name; the model has checked that the names exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// Such as `raid1-drbd`.
    pub name: String,
    /// What the machine's firmware boots.
    pub firmware: Firmware,
    /// The kernel starts with an initial RAM file system; without one it must find `/` by itself.
    pub initrd: bool,
    /// Groups of disks that are cut alike, in the order in which they pick from the disks that are there.
    pub disks: Vec<DiskRule>,
    /// Pieces of each disk of a group.
    pub partitions: Vec<PartitionRule>,
    /// md arrays over partitions.
    pub arrays: Vec<ArrayRule>,
    /// LVM volume groups over arrays or partitions.
    pub volume_groups: Vec<VolumeGroupRule>,
    /// LVM volumes.
    pub logical_volumes: Vec<LogicalVolumeRule>,
    /// File systems and swap.
    pub filesystems: Vec<FilesystemRule>,
}

impl Layout {
    /// Whether it may make one partition of each of these disks, and no more; how many there are the disks say.
    #[must_use]
    pub fn may_have_one(&self, disks: &str) -> bool {
        self.disks.iter().any(|rule| rule.name == disks && rule.min_count == 1)
    }

    /// Whether it makes such a device. A partition counts where there is exactly one of it.
    #[must_use]
    pub fn has(&self, carrier: &Carrier) -> bool {
        let single = |group: &str| {
            self.disks
                .iter()
                .any(|rule| rule.name == group && (rule.min_count, rule.max_count) == (1, Some(1)))
        };
        match carrier {
            Carrier::Partition(name) => {
                self.partitions.iter().any(|rule| rule.name == *name && single(&rule.disks))
            }
            Carrier::Array(name) => self.arrays.iter().any(|rule| rule.name == *name),
            Carrier::Volume { group, name } => {
                self.logical_volumes.iter().any(|rule| rule.group == *group && rule.name == *name)
            }
        }
    }
}

/// What starts the boot loader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// Both, as the machine likes.
    #[default]
    Any,
    /// BIOS only.
    Bios,
    /// UEFI only.
    Uefi,
}

impl Firmware {
    /// Whether it may be BIOS.
    #[must_use]
    pub const fn has_bios(self) -> bool {
        matches!(self, Self::Any | Self::Bios)
    }

    /// Whether it may be UEFI.
    #[must_use]
    pub const fn has_uefi(self) -> bool {
        matches!(self, Self::Any | Self::Uefi)
    }
}

/// A group of disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskRule {
    /// Such as `system` or `data`.
    pub name: String,
    /// The machine boots from each disk of this group: it gets a BIOS boot partition (number 14), an ESP (number 15) and boot code.
    pub boot: bool,
    /// How many disks at least.
    pub min_count: usize,
    /// How many disks at most; none is "all that are left".
    pub max_count: Option<usize>,
    /// A smaller disk does not belong to this group.
    pub min_size: Bytes,
    /// What else a disk must be. Where it says anything, exactly the disks that it fits belong to this group.
    pub only: DiskTraits,
}

/// What tells the disks of a group from others. Everything that is said must hold; of a list, one item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiskTraits {
    /// Serial numbers.
    pub serials: Vec<String>,
    /// World wide names, such as `0x5000c500a1b2c3d4`.
    pub wwns: Vec<String>,
    /// Model, with `*` for any text.
    pub model: Option<Pattern>,
    /// Name below `/dev/disk/by-path`, with `*` for any text.
    pub path: Option<Pattern>,
    /// Turning disks, or those that do not turn.
    pub rotational: Option<bool>,
    /// A larger disk does not belong to this group.
    pub max_size: Option<Bytes>,
}

/// A text in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether it fits the whole of `text`.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            // The leftmost place leaves the most for the parts behind.
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// How large a piece becomes: `min`, plus its part of what is left over, up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Never less.
    pub min: Bytes,
    /// Never more.
    pub max: Option<Bytes>,
    /// Its weight when what is left over is shared out; 0 stays at `min`.
    pub share: u32,
}

/// A partition on each disk of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionRule {
    /// The [`DiskRule`] by name.
    pub disks: String,
    /// Its number in the table, 1 to 13 (14 and 15 are ours, see [`DiskRule::boot`]).
    pub number: u32,
    /// Its GPT name; unique in the layout.
    pub name: String,
    /// How large.
    pub size: Size,
    /// Left raw for DRBD; nothing else may be on it.
    pub drbd: bool,
}

/// RAID levels that we lay out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaidLevel {
    /// A mirror over all members.
    Raid1,
    /// Striped mirrors, near-2.
    Raid10,
}

/// An md array: its members are the partition of that name on each disk of its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArrayRule {
    /// `/dev/md/NAME`.
    pub name: String,
    /// The level.
    pub level: RaidLevel,
    /// The [`PartitionRule`] by name.
    pub partition: String,
}

/// What carries a file system or a physical volume, by name. Written `partition:NAME`, `array:NAME`, `volume:VG/LV`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// The partition of that name; its group has exactly one disk.
    Partition(String),
    /// The array of that name.
    Array(String),
    /// A logical volume.
    Volume {
        /// The volume group.
        group: String,
        /// The volume in it.
        name: String,
    },
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(name) => write!(f, "partition:{name}"),
            Self::Array(name) => write!(f, "array:{name}"),
            Self::Volume { group, name } => write!(f, "volume:{group}/{name}"),
        }
    }
}

/// A volume group with one physical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeGroupRule {
    /// Such as `vg0`.
    pub name: String,
    /// Where its physical volume lies; never a logical volume.
    pub on: Carrier,
    /// Kept unallocated: room for volumes that are made later, such as DRBD backings.
    pub free: Size,
}

/// A logical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogicalVolumeRule {
    /// The [`VolumeGroupRule`] by name.
    pub group: String,
    /// Its name.
    pub name: String,
    /// How large.
    pub size: Size,
    /// Left raw for DRBD; nothing else may be on it.
    pub drbd: bool,
}

/// What is made on a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilesystemKind {
    /// ext4.
    Ext4,
    /// Swap space.
    Swap,
}

/// A file system or swap space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilesystemRule {
    /// What it lies on.
    pub on: Carrier,
    /// Which one.
    pub kind: FilesystemKind,
    /// Its label, at most 16 bytes.
    pub label: String,
    /// Absolute path; none for swap. Exactly one file system of a layout is `/`.
    pub mount: Option<String>,
    /// Mount options for fstab, such as `noatime`; empty is `defaults`.
    pub options: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_star_stands_for_any_text() {
        let table = [
            ("", "", true),
            ("a", "ab", false),
            ("*", "", true),
            ("Samsung*", "Samsung SSD 870", true),
            ("*870*", "Samsung SSD 870", true),
            ("S*SSD*7*", "Samsung SSD 860", false),
            ("a*a", "a", false),
            ("*ata-1", "pci-0000:00:1f.2-ata-1", true),
            ("*ata-1", "pci-0000:00:1f.2-ata-10", false),
        ];
        for (pattern, text, fits) in table {
            assert_eq!(Pattern(pattern.to_owned()).fits(text), fits, "{pattern} {text}");
        }
    }
}
