//! What a layout may say: which disks, cut how, and what lies on the pieces. Names only; no disk is known yet.

use std::fmt;

use serde::Serialize;

use crate::units::Bytes;

/// The disk part of a profile. Pieces refer to each other by name; the model has checked that the names exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// Such as `raid1-drbd`.
    pub name: String,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
}

/// What is made on a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
