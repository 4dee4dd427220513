//! Layouts as the profiles have them, written down by hand: these tests must not change with the profiles.

use installer::model::storage::{
    ArrayRule, Carrier, DiskRule, DiskTraits, FilesystemKind, FilesystemRule, Firmware, Layout,
    LogicalVolumeRule, PartitionRule, RaidLevel, Size, VolumeGroupRule,
};
use installer::units::Bytes;

/// At least so many MiB, growing by that weight.
pub const fn size(mib: u64, share: u32) -> Size {
    Size { min: Bytes::mib(mib), max: None, share }
}

/// At least and at most so many MiB, growing by that weight.
pub const fn up_to(mib: u64, max: u64, share: u32) -> Size {
    Size { min: Bytes::mib(mib), max: Some(Bytes::mib(max)), share }
}

pub fn disks(name: &str, boot: bool, count: (usize, Option<usize>), min_gib: u64) -> DiskRule {
    DiskRule {
        name: name.to_owned(),
        boot,
        min_count: count.0,
        max_count: count.1,
        min_size: Bytes::mib(min_gib * 1024),
        only: DiskTraits::default(),
    }
}

pub fn partition(disks: &str, number: u32, name: &str, size: Size) -> PartitionRule {
    PartitionRule { disks: disks.to_owned(), number, name: name.to_owned(), size, drbd: false }
}

pub fn array(name: &str, level: RaidLevel) -> ArrayRule {
    ArrayRule { name: name.to_owned(), level, partition: name.to_owned() }
}

pub fn volume(name: &str, size: Size) -> LogicalVolumeRule {
    LogicalVolumeRule { group: "vg0".to_owned(), name: name.to_owned(), size, drbd: false }
}

pub fn on_array(name: &str) -> Carrier {
    Carrier::Array(name.to_owned())
}

pub fn on_partition(name: &str) -> Carrier {
    Carrier::Partition(name.to_owned())
}

pub fn on_volume(name: &str) -> Carrier {
    Carrier::Volume { group: "vg0".to_owned(), name: name.to_owned() }
}

pub fn ext4(on: Carrier, label: &str, mount: &str) -> FilesystemRule {
    let mount = Some(mount.to_owned());
    FilesystemRule { on, kind: FilesystemKind::Ext4, label: label.to_owned(), mount, options: Vec::new() }
}

pub fn swap(on: Carrier) -> FilesystemRule {
    FilesystemRule {
        on,
        kind: FilesystemKind::Swap,
        label: "swap".to_owned(),
        mount: None,
        options: Vec::new(),
    }
}

pub fn raid1_drbd() -> Layout {
    let data = PartitionRule { drbd: true, ..partition("data", 1, "data", size(1024, 1)) };
    Layout {
        name: "raid1-drbd".to_owned(),
        firmware: Firmware::Any,
        initrd: true,
        disks: vec![disks("system", true, (2, Some(2)), 6), disks("data", false, (1, None), 1)],
        partitions: vec![
            partition("system", 1, "root", up_to(3072, 32768, 1)),
            partition("system", 2, "pv", size(2560, 1)),
            data,
        ],
        arrays: vec![array("root", RaidLevel::Raid1), array("pv", RaidLevel::Raid1)],
        volume_groups: vec![VolumeGroupRule { name: "vg0".to_owned(), on: on_array("pv"), free: size(0, 2) }],
        logical_volumes: vec![volume("var", size(1024, 1)), volume("swap", size(512, 0))],
        filesystems: vec![
            ext4(on_array("root"), "root", "/"),
            ext4(on_volume("var"), "var", "/var"),
            swap(on_volume("swap")),
        ],
    }
}

pub fn raid10_aoe() -> Layout {
    let names = ["root", "usr", "var", "export"];
    let sizes = [up_to(1024, 4096, 1), up_to(1024, 8192, 2), size(1024, 1), size(512, 2)];
    let partitions = (1..).zip(names).zip(sizes);
    let level = |name| if name == "root" { RaidLevel::Raid1 } else { RaidLevel::Raid10 };
    Layout {
        name: "raid10-aoe".to_owned(),
        firmware: Firmware::Any,
        initrd: true,
        disks: vec![disks("system", true, (4, None), 4)],
        partitions: partitions
            .map(|((number, name), size)| partition("system", number, name, size))
            .collect(),
        arrays: names.map(|name| array(name, level(name))).to_vec(),
        volume_groups: Vec::new(),
        logical_volumes: Vec::new(),
        filesystems: vec![
            ext4(on_array("root"), "root", "/"),
            ext4(on_array("usr"), "usr", "/usr"),
            ext4(on_array("var"), "var", "/var"),
        ],
    }
}

pub fn single_drbd() -> Layout {
    let data = PartitionRule { drbd: true, ..partition("data", 1, "drbd", size(1024, 1)) };
    Layout {
        name: "single-drbd".to_owned(),
        firmware: Firmware::Any,
        initrd: true,
        disks: vec![disks("system", true, (1, Some(1)), 4), disks("data", false, (1, Some(1)), 1)],
        partitions: vec![
            partition("system", 1, "swap", size(512, 0)),
            partition("system", 2, "boot", size(512, 0)),
            partition("system", 3, "root", size(2048, 1)),
            data,
        ],
        arrays: Vec::new(),
        volume_groups: Vec::new(),
        logical_volumes: Vec::new(),
        filesystems: vec![
            swap(on_partition("swap")),
            ext4(on_partition("boot"), "boot", "/boot"),
            ext4(on_partition("root"), "root", "/"),
        ],
    }
}
