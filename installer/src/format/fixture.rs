//! Small plans, built by hand, that meet every kind of device once. `tests/` includes this file by its path.

use installer::model::storage::{FilesystemKind, Firmware, RaidLevel};
use installer::plan::{
    Array, Device, Disk, Filesystem, LogicalVolume, Member, Partition, PartitionKind, PartitionRef, Plan,
    VolumeGroup, Waste,
};
use installer::units::{Bytes, SectorSize};
use uuid::Uuid;

const M: fn(u64) -> Bytes = Bytes::mib;

/// Two mirrored disks: `/` on an array, swap and `/var` on volumes of another one.
pub fn raid1() -> Plan {
    let pieces = [(1, "root", PartitionKind::Raid, M(64)), (2, "pv", PartitionKind::Raid, M(96))];
    let disks = (0..2).map(|disk| system_disk(disk, M(256), SectorSize::B512, &pieces)).collect();
    let root = array("root", RaidLevel::Raid1, 1, 2, M(60));
    let pv = array("pv", RaidLevel::Raid1, 2, 2, M(92));
    let group = volume_group(Device::Array("pv".to_owned()), M(92), &[("swap", 2), ("var", 10)]);
    let filesystems = vec![
        filesystem(0x500, Device::Array("root".to_owned()), "root", Some("/"), M(60)),
        filesystem(0x510, logical("swap"), "swap", None, M(8)),
        filesystem(0x520, logical("var"), "var", Some("/var"), M(40)),
    ];
    plan("raid1", disks, vec![root, pv], vec![group], filesystems)
}

/// Four disks: `/` mirrored over all, `/var` on a volume group on RAID10.
pub fn raid10() -> Plan {
    let pieces = [(1, "root", PartitionKind::Raid, M(64)), (2, "data", PartitionKind::Raid, M(64))];
    let disks = (0..4).map(|disk| system_disk(disk, M(192), SectorSize::B512, &pieces)).collect();
    let root = array("root", RaidLevel::Raid1, 1, 4, M(60));
    let data = array("data", RaidLevel::Raid10, 2, 4, M(60));
    let group = volume_group(Device::Array("data".to_owned()), M(120), &[("var", 16)]);
    let filesystems = vec![
        filesystem(0x500, Device::Array("root".to_owned()), "root", Some("/"), M(60)),
        filesystem(0x520, logical("var"), "var", Some("/var"), M(64)),
    ];
    plan("raid10", disks, vec![root, data], vec![group], filesystems)
}

/// 4096-byte sectors, no arrays: a file system and a volume group on partitions, and a raw disk for DRBD.
pub fn single_4k() -> Plan {
    let pieces = [
        (1, "swap", PartitionKind::Swap, M(8)),
        (2, "root", PartitionKind::Linux, M(60)),
        (3, "pv", PartitionKind::Lvm, M(96)),
    ];
    let mut data = system_disk(1, M(64), SectorSize::B4096, &[]);
    (data.group, data.boot) = ("data".to_owned(), false);
    data.partitions = vec![partition(1, 1, "drbd", PartitionKind::Drbd, M(1), M(62))];
    let disks = vec![system_disk(0, M(512), SectorSize::B4096, &pieces), data];
    let on = |number| Device::Partition(PartitionRef { disk: 0, number });
    let group = volume_group(on(3), M(96), &[("var", 10)]);
    let filesystems = vec![
        filesystem(0x500, on(2), "root", Some("/"), M(60)),
        filesystem(0x510, on(1), "swap", None, M(8)),
        filesystem(0x520, logical("var"), "var", Some("/var"), M(40)),
    ];
    plan("single-4k", disks, vec![], vec![group], filesystems)
}

fn plan(
    layout: &str,
    disks: Vec<Disk>,
    arrays: Vec<Array>,
    volume_groups: Vec<VolumeGroup>,
    filesystems: Vec<Filesystem>,
) -> Plan {
    let waste = disks.iter().filter_map(waste).collect();
    Plan {
        layout: layout.to_owned(),
        firmware: Firmware::Any,
        initrd: true,
        disks,
        arrays,
        volume_groups,
        filesystems,
        waste,
    }
}

/// What is between the last partition and the backup GPT, in whole MiB.
fn waste(disk: &Disk) -> Option<Waste> {
    let end = disk.partitions.last().map(|partition| partition.start + partition.size)?;
    let bytes = disk.size - M(1) - end;
    let why = "so that the tables have something to leave alone".to_owned();
    (bytes > Bytes::ZERO).then(|| Waste { disk: disk.name.clone(), bytes, why })
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 | number)
}

/// Boot partitions in front, numbered 14 and 15; then the pieces.
fn system_disk(
    disk: u32,
    size: Bytes,
    sector_size: SectorSize,
    pieces: &[(u32, &str, PartitionKind, Bytes)],
) -> Disk {
    let esp = if sector_size == SectorSize::B512 { M(40) } else { M(270) };
    let head = [(14, "bios", PartitionKind::BiosBoot, M(1)), (15, "esp", PartitionKind::Esp, esp)];
    let mut start = M(1);
    let partitions = head.iter().chain(pieces).map(|(number, name, kind, size)| {
        let partition = partition(disk, *number, name, *kind, start, *size);
        start = start + *size;
        partition
    });
    Disk {
        partitions: partitions.collect(),
        name: format!("disk{disk}"),
        group: "system".to_owned(),
        size,
        sector_size,
        guid: id(0x100 + u128::from(disk)),
        boot: true,
    }
}

fn partition(
    disk: u32,
    number: u32,
    name: &str,
    kind: PartitionKind,
    start: Bytes,
    size: Bytes,
) -> Partition {
    let guid = Uuid::from_fields(disk << 8 | number, 0, 0x4000, &[0x80, 0, 0, 0, 0, 0, 0, 0]);
    Partition { number, name: name.to_owned(), kind, guid, start, size }
}

fn array(name: &str, level: RaidLevel, number: u32, disks: usize, member_size: Bytes) -> Array {
    let member = |disk| Member {
        partition: PartitionRef { disk, number },
        uuid: id(0x300 + 16 * u128::from(number) + disk as u128),
    };
    let (chunk, size) = match level {
        RaidLevel::Raid1 => (Bytes::ZERO, member_size),
        RaidLevel::Raid10 => (Bytes::KIB * 512, member_size * (disks as u64 / 2)),
    };
    Array {
        name: name.to_owned(),
        level,
        uuid: id(0x200 + u128::from(number)),
        members: (0..disks).map(member).collect(),
        chunk,
        data_offset: M(2),
        member_size,
        size,
        bitmap_chunk: M(64),
    }
}

fn volume_group(on: Device, device_size: Bytes, volumes: &[(&str, u64)]) -> VolumeGroup {
    let mut start = 0;
    let volumes = volumes.iter().map(|(name, extents)| {
        let volume = LogicalVolume {
            name: (*name).to_owned(),
            id: format!("{name:A<31}1"),
            start: start + 1, // leaves a gap, so that extent 0 is not the answer to everything
            extents: *extents,
            drbd: false,
        };
        start = volume.start + extents;
        volume
    });
    VolumeGroup {
        volumes: volumes.collect(),
        name: "vg0".to_owned(),
        id: format!("{:A<31}1", "group"),
        pv_id: format!("{:A<31}1", "pv"),
        on,
        device_size,
        pe_start: M(1),
        extent_size: M(4),
        extents: (device_size.0 - M(1).0) / M(4).0,
    }
}

fn logical(name: &str) -> Device {
    Device::Volume { group: "vg0".to_owned(), name: name.to_owned() }
}

fn filesystem(number: u128, on: Device, label: &str, mount: Option<&str>, size: Bytes) -> Filesystem {
    Filesystem {
        on,
        kind: if mount.is_some() { FilesystemKind::Ext4 } else { FilesystemKind::Swap },
        label: label.to_owned(),
        uuid: id(number + 1),
        hash_seed: id(number + 2),
        size,
        mount: mount.map(str::to_owned),
        options: Vec::new(),
    }
}
