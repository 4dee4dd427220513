//! Every layout, by BIOS and by UEFI, whole under Xen and with disks missing. Hours of emulation, so it runs by hand:
//! `cargo test --release -p tests --test matrix -- --ignored --nocapture`, or with the name of one layout.

use std::time::Instant;

use builder::vm::Firmware;
use tests::guest::{Entry, Guest};
use tests::xbuild::{Images, image};

const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed systemctl --failed --no-legend --plain
record firmware sh -c '[ -d /sys/firmware/efi ] && echo uefi || echo bios'
record xen sh -c 'cat /sys/hypervisor/type 2>/dev/null || echo none'
record arrays sh -c 'for m in /sys/block/md*/md; do echo $(cat $m/level) $(cat $m/array_state) $(cat $m/degraded); done'
record mounts findmnt --noheadings --list --output TARGET --types ext4
record swaps sh -c 'tail -n +2 /proc/swaps | wc -l'
record cmdline cat /proc/cmdline
record volumes sh -c 'lvs --noheadings -o lv_full_name,lv_active 2>/dev/null || true'
"#;

/// A layout, and what a node with it shows.
struct Layout {
    profile: &'static str,
    disks: &'static str,
    count: usize,
    mounts: &'static [&'static str],
    arrays: usize,
    /// Disks without which it boots.
    spare: &'static [&'static [usize]],
}

const SINGLE_DRBD: Layout =
    Layout { profile: "pair", disks: "8G,4G", count: 2, mounts: &["/", "/boot"], arrays: 0, spare: &[&[1]] };
const RAID1_DRBD: Layout = Layout {
    profile: "storage",
    disks: "2x8G,4G",
    count: 3,
    mounts: &["/", "/var"],
    arrays: 2,
    spare: &[&[0], &[1], &[2]],
};
const RAID1_DRBD_LVM: Layout = Layout {
    profile: "storage-lvm",
    disks: "2x8G,2x4G",
    count: 4,
    mounts: &["/"],
    arrays: 3,
    spare: &[&[0], &[1], &[2], &[3]],
};
const RAID10_AOE: Layout = Layout {
    profile: "mesh",
    disks: "4x6G",
    count: 4,
    mounts: &["/", "/usr", "/var"],
    arrays: 4,
    spare: &[&[0], &[1], &[2], &[3], &[0, 2], &[0, 3], &[1, 2], &[1, 3]],
};
const RAID1: Layout =
    Layout { profile: "compute", disks: "2x8G", count: 2, mounts: &["/"], arrays: 2, spare: &[&[0], &[1]] };

impl Layout {
    fn images(&self) -> Images {
        image(&format!("matrix-{}", self.profile), &["--profile", self.profile, "--disks", self.disks])
    }

    fn boots(&self, images: &Images, firmware: Firmware, entry: Entry, without: &[usize]) {
        let start = Instant::now();
        let answers = Guest { without, firmware, entry, ..Guest::new(images, CHECK) }.examine();
        let what = format!("{} {firmware:?} {entry:?} without {without:?}", self.profile);
        assert_eq!(answers.good("failed"), "", "{what}");
        assert_eq!(answers.good("firmware"), format!("{firmware:?}").to_lowercase(), "{what}");
        assert_eq!(answers.good("xen"), if entry == Entry::Xen { "xen" } else { "none" }, "{what}");
        let mounts: Vec<&str> = answers.good("mounts").lines().map(str::trim).collect();
        assert_eq!(mounts, self.mounts, "{what}");
        let arrays: Vec<&str> = answers.good("arrays").lines().filter(|line| !line.contains('*')).collect();
        assert_eq!(arrays.len(), self.arrays, "{what}: {arrays:?}");
        let calm = ["clean", "active", "active-idle", "write-pending"];
        for array in &arrays {
            let words: Vec<&str> = array.split(' ').collect();
            assert!(calm.contains(&words[1]), "{what}: {array}");
            assert!(!without.is_empty() || words[2] == "0", "{what}: {array}");
        }
        println!("{what}: boots, {} arrays, {} s", arrays.len(), start.elapsed().as_secs());
    }

    fn all(&self) {
        let images = self.images();
        assert_eq!(images.disks.len(), self.count);
        for firmware in [Firmware::Bios, Firmware::Uefi] {
            self.boots(&images, firmware, Entry::Xen, &[]);
            for without in self.spare {
                self.boots(&images, firmware, Entry::PlainLinux, without);
            }
        }
    }
}

#[test]
#[ignore = "hours of emulation"]
fn single_drbd() {
    SINGLE_DRBD.all();
}

#[test]
#[ignore = "hours of emulation"]
fn raid1_drbd() {
    RAID1_DRBD.all();
}

#[test]
#[ignore = "hours of emulation"]
fn raid1_drbd_on_lvm() {
    RAID1_DRBD_LVM.all();
}

#[test]
#[ignore = "hours of emulation"]
fn raid10_aoe() {
    RAID10_AOE.all();
    let images = RAID10_AOE.images();
    for without in [&[0, 1], &[2, 3]] {
        let guest = Guest { without, entry: Entry::PlainLinux, ..Guest::new(&images, CHECK) };
        let said = guest.stops_with("(initramfs)");
        let lines = said.lines().filter(|line| line.contains("has not started"));
        lines.for_each(|line| println!("mesh without {without:?}: {line}"));
        assert!(said.contains("array /dev/md/usr has not started: too many of its disks are missing"));
        assert!(!said.contains("array /dev/md/root has not started"));
    }
}

#[test]
#[ignore = "hours of emulation"]
fn raid1() {
    RAID1.all();
}
