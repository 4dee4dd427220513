//! The plans that the tests share, with what their disks held before.

use installer::apply::{self, Old, OldKind, Recorded, Removal, Root, Step};
use installer::content::Additions;
use installer::facts::DiskFacts;
use installer::format::Epoch;
use installer::model::storage::{Layout, LogicalVolumeRule};
use installer::overlay::{Content, OverlayFile};
use installer::plan::{Plan, Seed, plan};
use installer::units::{Bytes, SectorSize};

use crate::layouts;

/// What a finished node carries.
const MARK: &str = "0123456789abcdef";
pub const EPOCH: Epoch = Epoch(1_700_000_000);

/// A plan with what is removed for it.
pub struct Case {
    pub name: &'static str,
    pub plan: Plan,
    pub removal: Removal,
}

impl Case {
    pub fn steps(&self) -> Vec<Step> {
        apply::steps(&self.plan, &self.removal, EPOCH, MARK).unwrap()
    }

    pub fn disks(&self) -> Vec<&str> {
        self.plan.disks.iter().map(|disk| disk.name.as_str()).collect()
    }
}

/// Over an earlier life with an ESP.
pub fn raid1_drbd() -> Case {
    let disks = [("/dev/sda", 8), ("/dev/sdb", 8), ("/dev/nvme0n1", 4)];
    let esp = |disk: &str, kind, mib| Old {
        disk: disk.to_owned(),
        start: Bytes::mib(mib),
        size: Bytes::mib(512),
        kind,
    };
    let wipe = ["/dev/sda", "/dev/sda1", "/dev/sda15", "/dev/sdb", "/dev/nvme0n1p1", "/dev/nvme0n1"];
    let removal = Removal {
        wipe: wipe.map(str::to_owned).to_vec(),
        old: vec![esp("/dev/sda", OldKind::Other, 1), esp("/dev/sda", OldKind::Esp, 513)],
        ..Removal::default()
    };
    case("raid1-drbd", &layouts::raid1_drbd(), &disks, removal)
}

/// Over blank disks, with a mount option.
pub fn raid10_aoe() -> Case {
    let disks = ["/dev/vda", "/dev/vdb", "/dev/vdc", "/dev/vdd"].map(|name| (name, 8));
    let mut layout = layouts::raid10_aoe();
    layout.filesystems[2].options = vec!["noatime".to_owned(), "nodev".to_owned()];
    case("raid10-aoe", &layout, &disks, Removal::default())
}

/// Again, with the data of DRBD kept.
pub fn single_drbd() -> Case {
    let disks = [("/dev/vda", 8), ("/dev/vdb", 4)];
    let removal = Removal {
        wipe: ["/dev/vda3", "/dev/vda"].map(str::to_owned).to_vec(),
        keep: vec![("/dev/vdb".to_owned(), 1)],
        ..Removal::default()
    };
    let mut case = case("single-drbd", &layouts::single_drbd(), &disks, removal);
    let facts = [("/dev/vda", 8, SectorSize::B4096), ("/dev/vdb", 4, SectorSize::B512)];
    case.plan = planned(&layouts::single_drbd(), &facts);
    case
}

/// Again, with a volume of DRBD kept: the group and the array below it stay as they are, the other volumes do not.
pub fn raid1_drbd_kept() -> Case {
    let disks = [("/dev/sda", 8), ("/dev/sdb", 8), ("/dev/sdc", 4)];
    let keep = [("/dev/sda", 2), ("/dev/sdb", 2), ("/dev/sdc", 1)];
    let removal = Removal {
        wipe: ["/dev/sda1", "/dev/sda15", "/dev/sdb1"].map(str::to_owned).to_vec(),
        keep: keep.map(|(disk, number)| (disk.to_owned(), number)).to_vec(),
        keep_arrays: vec!["pv".to_owned()],
        keep_volumes: vec![("vg0".to_owned(), "guests".to_owned())],
        old: vec![],
    };
    let mut layout = layouts::raid1_drbd();
    let guests = LogicalVolumeRule { drbd: true, ..layouts::volume("guests", layouts::size(256, 0)) };
    layout.logical_volumes.push(guests);
    case("raid1-drbd-kept", &layout, &disks, removal)
}

pub fn all() -> [Case; 4] {
    [raid1_drbd(), raid10_aoe(), single_drbd(), raid1_drbd_kept()]
}

fn case(name: &'static str, layout: &Layout, disks: &[(&str, u64)], removal: Removal) -> Case {
    let facts: Vec<_> = disks.iter().map(|(name, gib)| (*name, *gib, SectorSize::B512)).collect();
    Case { name, plan: planned(layout, &facts), removal }
}

fn planned(layout: &Layout, disks: &[(&str, u64, SectorSize)]) -> Plan {
    let facts = disks.iter().map(|(name, gib, sector)| DiskFacts::new(*name, Bytes::GIB * *gib, *sector));
    let facts: Vec<_> = facts.collect();
    plan(layout, &facts, &Seed::node("xencluster", "xenamo4"))
        .unwrap_or_else(|refusals| panic!("{refusals:#?}"))
}

/// What GRUB has made by the time it is read.
pub fn machine() -> Recorded {
    let mut sector = vec![0x11; 512];
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    Recorded::default()
        .with_file("/run/xinstall/boot.img", sector)
        .with_file("/run/xinstall/core.img", vec![0x22; 2048])
}

/// An empty root with one file of the node's own.
pub fn root() -> Root<&'static [u8]> {
    let content = Content::File(b"storage1\n".to_vec());
    let hostname = OverlayFile { path: "etc/hostname".into(), mode: 0o644, content };
    Root { tar: &[], additions: Additions::new([hostname], None), epoch: EPOCH }
}
