//! The layouts that xbuild ships, on the smallest disks that they can be shown with.

use installer::facts::parse_disks;
use installer::model::resolve::load_profiles;
use installer::plan::{Plan, Seed, plan};
use installer::units::SectorSize;

use crate::xbuild::{Images, checkout, image};

/// A layout, and what a node with it shows.
#[derive(Debug)]
pub struct Layout {
    /// Its name.
    pub name: &'static str,
    /// The profile that has it.
    pub profile: &'static str,
    /// As in `--disks`, boot disks first.
    pub disks: &'static [&'static str],
    /// How many of them boot.
    pub boot_disks: usize,
    /// Where its file systems are mounted, sorted.
    pub mounts: &'static [&'static str],
    /// How many arrays it has.
    pub arrays: usize,
    /// Its logical volumes.
    pub volumes: &'static [&'static str],
    /// Disks without which it boots.
    pub spare: &'static [&'static [usize]],
}

/// One system disk, one for DRBD.
pub const SINGLE_DRBD: Layout = Layout {
    name: "single-drbd",
    profile: "pair",
    disks: &["8G", "4G"],
    boot_disks: 1,
    mounts: &["/", "/boot"],
    arrays: 0,
    volumes: &[],
    spare: &[&[1]],
};

/// Mirrored system disks, one for DRBD.
pub const RAID1_DRBD: Layout = Layout {
    name: "raid1-drbd",
    profile: "storage",
    disks: &["2x8G", "4G"],
    boot_disks: 2,
    mounts: &["/", "/var"],
    arrays: 2,
    volumes: &["vg0/swap", "vg0/var"],
    spare: &[&[0], &[1], &[2]],
};

/// Mirrored system disks; DRBD on LVM over mirrored ones.
pub const RAID1_DRBD_LVM: Layout = Layout {
    name: "raid1-drbd-lvm",
    profile: "storage-lvm",
    disks: &["2x8G", "2x4G"],
    boot_disks: 2,
    mounts: &["/"],
    arrays: 3,
    volumes: &["vg1/cluster"],
    spare: &[&[0], &[1], &[2], &[3]],
};

/// Mirrored system disks; DRBD on LVM over striped mirrors, 2 and 3, 4 and 5.
pub const RAID10_DRBD_LVM: Layout = Layout {
    name: "raid10-drbd-lvm",
    profile: "storage-raid10",
    disks: &["2x8G", "4x2G"],
    boot_disks: 2,
    mounts: &["/"],
    arrays: 3,
    volumes: &["vg1/cluster"],
    spare: &[&[0], &[1], &[2], &[5], &[3, 4], &[0, 2, 5]],
};

/// Four disks, all alike: a mirror of four for the root, striped mirrors for the rest.
pub const RAID10_AOE: Layout = Layout {
    name: "raid10-aoe",
    profile: "mesh",
    disks: &["4x6G"],
    boot_disks: 4,
    mounts: &["/", "/usr", "/var"],
    arrays: 4,
    volumes: &[],
    spare: &[&[0], &[1], &[2], &[3], &[0, 2], &[0, 3], &[1, 2], &[1, 3]],
};

/// Two mirrored disks.
pub const RAID1: Layout = Layout {
    name: "raid1",
    profile: "compute",
    disks: &["2x8G"],
    boot_disks: 2,
    mounts: &["/"],
    arrays: 2,
    volumes: &[],
    spare: &[&[0], &[1]],
};

/// All of them.
pub const ALL: [&Layout; 6] =
    [&SINGLE_DRBD, &RAID1_DRBD, &RAID1_DRBD_LVM, &RAID10_DRBD_LVM, &RAID10_AOE, &RAID1];

impl Layout {
    /// Makes the images of a generic node, in a folder whose name begins with `purpose`.
    #[must_use]
    pub fn images(&self, purpose: &str, sector_size: SectorSize) -> Images {
        let folder = format!("{purpose}-{}-{}", self.profile, u64::from(sector_size));
        image(&folder, &["--profile", self.profile, "--disks", &self.disk_list(sector_size)])
    }

    /// The plan of these images.
    #[must_use]
    pub fn plan(&self, sector_size: SectorSize) -> Plan {
        let node = load_profiles(&checkout()).expect("sound profiles").resolve(self.profile).expect("a node");
        let disks = parse_disks(&self.disk_list(sector_size)).expect("a list of disks");
        plan(&node.layout, &disks, &Seed::generic(self.profile)).expect("disks that suit the layout")
    }

    /// For `--disks`.
    #[must_use]
    pub fn disk_list(&self, sector_size: SectorSize) -> String {
        let sectors = match sector_size {
            SectorSize::B512 => "",
            SectorSize::B4096 => "@4096",
        };
        self.disks.iter().map(|disks| format!("{disks}{sectors}")).collect::<Vec<_>>().join(",")
    }
}
