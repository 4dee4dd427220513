//! Every layout, by BIOS and by UEFI, whole under Xen and with disks missing, read through from inside. Hours of
//! emulation, so it runs by hand:
//! `cargo test --release -p tests --test matrix -- --ignored --nocapture --test-threads=1`, or with the name of one test.

use std::time::Instant;

use builder::vm::Firmware;
use installer::units::SectorSize;
use tests::check::{
    ARRAYS, FILESYSTEMS, REINSTALL, assert_arrays_sound, assert_boot_code_renewed, assert_filesystems_clean,
};
use tests::guest::{Answers, Entry, Guest, boot_to_login};
use tests::layout::{Layout, RAID1, RAID1_DRBD, RAID1_DRBD_LVM, RAID10_AOE, RAID10_DRBD_LVM, SINGLE_DRBD};
use tests::table::Table;
use tests::xbuild::{Images, image};

/// No mount waits for a degraded array of data: mdadm starts it half a minute later, and LVM what lies on it. Just
/// before that LVM does not know of a volume at all, so they are counted.
const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
incomplete() {
    grep -q inactive /sys/block/md*/md/array_state || [ $(lvs --noheadings -o lv_active | grep -c active) -lt $volumes ]
}
for second in $(seq 120); do
    incomplete 2>/dev/null || break
    sleep 1
done
record failed failed
record firmware sh -c '[ -d /sys/firmware/efi ] && echo UEFI || echo BIOS'
record xen sh -c 'cat /sys/hypervisor/type 2>/dev/null || echo none'
record arrays sh -c 'for m in /sys/block/md*/md; do [ -e $m ] && echo $(cat $m/level $m/array_state $m/degraded); done; true'
record mounts findmnt --noheadings --list --output TARGET --types ext4
record volumes lvs --noheadings --separator ' ' -o lv_full_name,lv_active
record activation sh -c 'journalctl --boot --output short-monotonic | grep -iE "lvm|mdadm|md[0-9]"; true'
record sectors sh -c 'lsblk --nodeps --noheadings --output LOG-SEC /dev/disk/by-id/virtio-disk?'
"#;

/// The images of a layout, and what becomes of booting them.
struct Series {
    layout: &'static Layout,
    sector_size: SectorSize,
    images: Images,
    /// [`CHECK`] for this layout.
    check: String,
    table: Table<6>,
}

impl Series {
    fn new(purpose: &str, layout: &'static Layout, sector_size: SectorSize) -> Self {
        Self::of(layout.images(purpose, sector_size), layout, sector_size)
    }

    fn of(images: Images, layout: &'static Layout, sector_size: SectorSize) -> Self {
        let check = format!("volumes={}\n{CHECK}", layout.volumes.len());
        let table = Table::new(["layout", "firmware", "entry", "disks missing", "result", "seconds"]);
        Self { layout, sector_size, images, check, table }
    }

    fn guest<'a>(&'a self, firmware: Firmware, entry: Entry, without: &'a [usize]) -> Guest<'a> {
        Guest { firmware, entry, without, ..Guest::new(&self.images, &self.check) }
    }

    /// Boots it, examines what every boot must show, and hands the rest to `result`, which says it in a few words.
    fn examine(&self, guest: &Guest<'_>, result: impl FnOnce(&Answers) -> String) {
        let start = Instant::now();
        let what = format!(
            "{} {} {} without {:?}",
            self.layout.name,
            name(guest.firmware),
            guest.entry.name(),
            guest.without
        );
        let answers = guest.examine();
        assert_eq!(answers.good("failed"), "", "{what}: units failed");
        assert_eq!(answers.good("firmware"), name(guest.firmware), "{what}");
        assert_eq!(answers.good("xen"), if guest.entry == Entry::Xen { "xen" } else { "none" }, "{what}");
        self.assert_storage(&answers, guest.without, &what);
        self.row(guest, &result(&answers), start);
    }

    fn assert_storage(&self, answers: &Answers, without: &[usize], what: &str) {
        assert_eq!(lines(answers, "mounts"), self.layout.mounts, "{what}");
        let volumes = self.layout.volumes.iter().map(|volume| format!("{volume} active"));
        let activation = answers.get("activation");
        assert_eq!(lines(answers, "volumes"), volumes.collect::<Vec<_>>(), "{what}:\n{activation}");
        assert!(
            lines(answers, "sectors").iter().all(|size| **size == u64::from(self.sector_size).to_string()),
            "{what}: {}",
            answers.get("sectors")
        );
        let arrays = lines(answers, "arrays");
        assert_eq!(arrays.len(), self.layout.arrays, "{what}: {arrays:?}");
        for array in arrays {
            let [_, state, degraded] = array.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{what}: level, state, degraded: {array}")
            };
            assert!(
                ["clean", "active", "active-idle", "write-pending", "read-auto"].contains(&state),
                "{what}: {array}"
            );
            assert!(!without.is_empty() || degraded == "0", "{what}: {array}");
        }
    }

    fn row(&self, guest: &Guest<'_>, result: &str, start: Instant) {
        let sectors = match self.sector_size {
            SectorSize::B512 => "",
            SectorSize::B4096 => ", 4096-byte sectors",
        };
        let gone: Vec<String> = guest.without.iter().map(ToString::to_string).collect();
        let gone = if gone.is_empty() { "none".to_owned() } else { gone.join(", ") };
        let layout = format!("{}{sectors}", self.layout.name);
        let (firmware, entry, seconds) =
            (name(guest.firmware), guest.entry.name(), start.elapsed().as_secs());
        self.table.row([&layout, &firmware, &entry, &gone, &result, &seconds]);
    }

    fn boots(&self, firmware: Firmware, entry: Entry, without: &[usize]) {
        self.examine(&self.guest(firmware, entry, without), |answers| {
            let degraded = lines(answers, "arrays").iter().filter(|array| !array.ends_with(" 0")).count();
            match (self.layout.arrays, degraded) {
                (0, _) => "boots".to_owned(),
                (arrays, 0) => format!("boots, {arrays} arrays whole"),
                (arrays, degraded) => format!("boots, {degraded} of {arrays} arrays degraded"),
            }
        });
    }

    /// By each firmware, whole under Xen and without each of the disks that it can spare.
    fn boots_by(&self, firmwares: &[Firmware]) {
        for firmware in firmwares {
            self.boots(*firmware, Entry::Xen, &[]);
            for without in self.layout.spare {
                self.boots(*firmware, Entry::PlainLinux, without);
            }
        }
    }

    /// Arrays, volume groups and file systems are read through from inside.
    fn is_sound(&self, firmware: Firmware) {
        let (layout, check) = (self.layout, [&self.check, ARRAYS, FILESYSTEMS].concat());
        let guest = Guest { check: &check, ..self.guest(firmware, Entry::PlainLinux, &[]) };
        self.examine(&guest, |answers| {
            let groups = usize::from(!layout.volumes.is_empty());
            assert_arrays_sound(answers, layout.arrays, groups);
            assert_filesystems_clean(answers, layout.mounts.len());
            let (arrays, filesystems) = (layout.arrays, layout.mounts.len());
            format!(
                "sound: arrays {arrays} (mismatch_cnt 0), volume groups {groups} (vgck), file systems {filesystems} (e2fsck)"
            )
        });
    }

    /// The packages that boot it are installed again; then every boot disk has its turn to be missing.
    fn boots_after_reinstalling(&self) {
        let (boot_disks, check) = (self.layout.boot_disks, [&self.check, REINSTALL].concat());
        let guest = Guest { check: &check, keep: true, ..self.guest(Firmware::Bios, Entry::PlainLinux, &[]) };
        self.examine(&guest, |answers| {
            assert_boot_code_renewed(answers, boot_disks);
            format!("Xen, kernel and GRUB reinstalled, boot code of {boot_disks} disks renewed")
        });
        for firmware in [Firmware::Bios, Firmware::Uefi] {
            (0..boot_disks).for_each(|gone| self.boots(firmware, Entry::PlainLinux, &[gone]));
        }
    }

    /// Says which array has not started, and none of the others.
    fn stops(&self, without: &[usize], array: &str) {
        let start = Instant::now();
        let guest = self.guest(Firmware::Bios, Entry::PlainLinux, without);
        let said = guest.stops_with("(initramfs)");
        let stopped = format!("array /dev/md/{array} has not started: too many of its disks are missing");
        assert!(said.contains(&stopped), "{said}");
        assert!(!said.contains("array /dev/md/root has not started"), "{said}");
        self.row(&guest, &format!("stops, and says that array {array} has not started"), start);
    }
}

fn name(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Bios => "BIOS",
        Firmware::Uefi => "UEFI",
    }
}

fn lines<'a>(answers: &'a Answers, name: &str) -> Vec<&'a str> {
    answers.good(name).lines().map(str::trim).collect()
}

fn holds(layout: &'static Layout) {
    let series = Series::new("matrix", layout, SectorSize::B512);
    series.is_sound(Firmware::Bios);
    series.boots_by(&[Firmware::Bios, Firmware::Uefi]);
    series.images.remove();
}

#[test]
#[ignore = "many minutes of emulation"]
fn single_drbd() {
    holds(&SINGLE_DRBD);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid1_drbd() {
    holds(&RAID1_DRBD);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid1_drbd_on_lvm() {
    holds(&RAID1_DRBD_LVM);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid10_drbd_on_lvm() {
    holds(&RAID10_DRBD_LVM);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid10_aoe() {
    holds(&RAID10_AOE);
}

/// Both disks of a mirror are gone: of its striped mirrors none can start, the root's mirror of four can.
#[test]
#[ignore = "many minutes of emulation"]
fn raid10_aoe_without_a_pair() {
    let series = Series::new("stopping", &RAID10_AOE, SectorSize::B512);
    for pair in [[0, 1], [2, 3]] {
        series.stops(&pair, "usr");
    }
    series.images.remove();
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid1() {
    holds(&RAID1);
}

/// BIOS cannot read them.
fn holds_with_large_sectors(layout: &'static Layout) {
    let series = Series::new("matrix", layout, SectorSize::B4096);
    series.is_sound(Firmware::Uefi);
    series.boots_by(&[Firmware::Uefi]);
    series.images.remove();
}

#[test]
#[ignore = "many minutes of emulation"]
fn single_drbd_with_large_sectors() {
    holds_with_large_sectors(&SINGLE_DRBD);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid1_drbd_with_large_sectors() {
    holds_with_large_sectors(&RAID1_DRBD);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid1_drbd_after_reinstalling_what_boots() {
    let series = Series::new("reinstalled", &RAID1_DRBD, SectorSize::B512);
    series.boots_after_reinstalling();
    series.images.remove();
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid10_aoe_after_reinstalling_what_boots() {
    let series = Series::new("reinstalled", &RAID10_AOE, SectorSize::B512);
    series.boots_after_reinstalling();
    series.images.remove();
}

/// QEMU's own format, by the tests' machine and as a user boots it.
#[test]
#[ignore = "many minutes of emulation"]
fn raid1_in_qcow2() {
    let images = image("matrix-qcow2", &["--profile", "compute", "--format", "qcow2"]);
    assert!(images.disks.iter().all(|disk| disk.path.extension().is_some_and(|end| end == "qcow2")));
    let series = Series::of(images, &RAID1, SectorSize::B512);
    series.boots(Firmware::Bios, Entry::PlainLinux, &[0]);
    series.boots(Firmware::Uefi, Entry::PlainLinux, &[1]);
    let start = Instant::now();
    boot_to_login(&series.images.folder, &["--firmware", "uefi"]);
    let guest = series.guest(Firmware::Uefi, Entry::Xen, &[]);
    series.row(&guest, "`xbuild boot` gets to the login prompt", start);
    series.images.remove();
}
