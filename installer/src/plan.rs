//! The plan: every number that lands on a disk, as data. Pure; nothing here touches a disk.
//!
//! The rooms: `disks` picks disks for the rules of a layout, `partitions`, `md`, `lvm` and `filesystems`
//! cut them up with `shares`, `ids` gives everything its identity, `draft` holds what is decided so far,
//! `backings` compares with the cluster file, `check` looks for our own mistakes, `lookup` finds things in a plan, `names` calls its disks otherwise, `draw` and
//! `scale` show it to a person.

mod backings;
mod check;
mod disks;
mod draft;
mod draw;
mod filesystems;
mod ids;
mod lookup;
mod lvm;
mod md;
mod names;
mod partitions;
mod refusal;
mod scale;
mod shares;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::ids::Seed;
pub use self::refusal::Refusal;
pub(crate) use self::refusal::{count, exact};
use crate::facts::DiskFacts;
use crate::model::node::NodeSpec;
use crate::model::storage::{FilesystemKind, Firmware, Layout, RaidLevel};
use crate::units::{Bytes, SectorSize};

/// Applies a layout to the disks that are there: the same layout, disks and seed give the same plan.
///
/// # Errors
/// Everything about the disks that does not fit the layout, at once where one does not hide another.
pub fn plan(layout: &Layout, disks: &[DiskFacts], seed: &Seed) -> Result<Plan, Vec<Refusal>> {
    let mut draft = draft::Draft::new(layout, disks, seed);
    let groups = draft.pick_disks();
    draft.cut_disks(&groups);
    draft.build_arrays();
    draft.build_volume_groups();
    draft.place_filesystems();
    draft.finish()
}

/// As [`plan`] for a node, with room for what the cluster file wants there.
///
/// # Errors
/// As those, or each backing that is too small or not the only one of its name.
pub fn plan_node(spec: &NodeSpec, disks: &[DiskFacts], seed: &Seed) -> Result<Plan, Vec<Refusal>> {
    let plan = plan(&spec.layout, disks, seed)?;
    let refusals = backings::refusals(&spec.replicated, &plan);
    if refusals.is_empty() { Ok(plan) } else { Err(refusals) }
}

/// A layout applied to real disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The layout's name.
    pub layout: String,
    /// What the boot disks boot by.
    pub firmware: Firmware,
    /// The kernel starts with an initial RAM file system.
    pub initrd: bool,
    /// Every disk that is written, in the order of the facts.
    pub disks: Vec<Disk>,
    /// md arrays.
    pub arrays: Vec<Array>,
    /// LVM volume groups.
    pub volume_groups: Vec<VolumeGroup>,
    /// File systems and swap.
    pub filesystems: Vec<Filesystem>,
    /// Space that nothing can use.
    pub waste: Vec<Waste>,
}

/// Space of a disk that the layout leaves unused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waste {
    /// The disk's name.
    pub disk: String,
    /// How much.
    pub bytes: Bytes,
    /// Why, such as "cut like disk1, the smallest disk of `system`".
    pub why: String,
}

/// A disk with its GPT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// As in the facts.
    pub name: String,
    /// The group that picked it.
    pub group: String,
    /// Whole size.
    pub size: Bytes,
    /// Logical sector size.
    pub sector_size: SectorSize,
    /// GPT disk GUID.
    pub guid: Uuid,
    /// Boot code goes to this disk.
    pub boot: bool,
    /// In the order in which they lie on the disk.
    pub partitions: Vec<Partition>,
}

/// What a partition is for; gives the GPT type GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionKind {
    /// GRUB's core image for BIOS.
    BiosBoot,
    /// EFI system partition.
    Esp,
    /// md member.
    Raid,
    /// LVM physical volume.
    Lvm,
    /// A file system.
    Linux,
    /// Swap.
    Swap,
    /// Raw, for DRBD.
    Drbd,
}

/// A partition; `start` and `size` are multiples of the sector size, `start` of 1 MiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Number in the table.
    pub number: u32,
    /// GPT name.
    pub name: String,
    /// What it is for.
    pub kind: PartitionKind,
    /// PARTUUID.
    pub guid: Uuid,
    /// Offset on the disk.
    pub start: Bytes,
    /// Length.
    pub size: Bytes,
}

/// A partition of the plan: `plan.disks[disk]`'s partition of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRef {
    /// Index into [`Plan::disks`].
    pub disk: usize,
    /// Number in the table.
    pub number: u32,
}

/// An md array, metadata 1.2, with an internal write-intent bitmap and an empty bad block log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Array {
    /// `/dev/md/NAME`; the superblock says `any:NAME`.
    pub name: String,
    /// Level.
    pub level: RaidLevel,
    /// Array UUID.
    pub uuid: Uuid,
    /// In the order of their roles.
    pub members: Vec<Member>,
    /// Chunk; zero for RAID1.
    pub chunk: Bytes,
    /// Where the data starts on each member.
    pub data_offset: Bytes,
    /// How much of each member is used, from `data_offset`; a multiple of the chunk.
    pub member_size: Bytes,
    /// What the array offers.
    pub size: Bytes,
    /// What one bit of the write-intent bitmap covers.
    pub bitmap_chunk: Bytes,
}

/// A member of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where.
    pub partition: PartitionRef,
    /// Device UUID.
    pub uuid: Uuid,
}

/// What carries a file system or a physical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// A partition.
    Partition(PartitionRef),
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

/// A volume group with its one physical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeGroup {
    /// Name.
    pub name: String,
    /// VG id, 32 characters without dashes (see [`Seed::lvm_id`]).
    pub id: String,
    /// PV id.
    pub pv_id: String,
    /// Where the physical volume lies.
    pub on: Device,
    /// Size of that device.
    pub device_size: Bytes,
    /// Where extent 0 starts on the device.
    pub pe_start: Bytes,
    /// Size of an extent.
    pub extent_size: Bytes,
    /// Number of extents.
    pub extents: u64,
    /// Volumes, one contiguous run of extents each.
    pub volumes: Vec<LogicalVolume>,
}

/// A linear logical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogicalVolume {
    /// Name.
    pub name: String,
    /// LV id, 32 characters without dashes.
    pub id: String,
    /// First extent.
    pub start: u64,
    /// Number of extents.
    pub extents: u64,
    /// Raw, for DRBD.
    pub drbd: bool,
}

/// A file system or swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// Where.
    pub on: Device,
    /// Which.
    pub kind: FilesystemKind,
    /// Label.
    pub label: String,
    /// UUID.
    pub uuid: Uuid,
    /// ext4's directory hash seed.
    pub hash_seed: Uuid,
    /// Size of the device.
    pub size: Bytes,
    /// Mount point; none for swap.
    pub mount: Option<String>,
    /// Mount options.
    pub options: Vec<String>,
}
