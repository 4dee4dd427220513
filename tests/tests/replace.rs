//! A disk of a running node is pulled out, a blank one takes its place; then that one has to do without its mirror.
//!
//! `cargo test --release -p tests --test replace -- --ignored --nocapture --test-threads=1`, or with the name of one test.

use std::fs::File;
use std::time::{Duration, Instant};

use builder::vm::{Drive, Firmware};
use installer::units::SectorSize;
use tests::guest::{Answers, Entry, Guest};
use tests::layout::{Layout, RAID1_DRBD, RAID10_AOE};
use tests::table::Table;
use tests::xbuild::Images;

/// As the kernel takes a disk away that somebody pulls out. `@LOST@` is its number, `@NEW@` the serial number of the blank one.
const PULL: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed_before failed
lost=$(readlink -f /dev/disk/by-id/virtio-disk@LOST@)
record nothing_lost sh -c 'echo yes | xinstall replace-disk'
echo 1 >$(readlink -f /sys/block/${lost##*/}/device)/../remove
event() {
    for second in $(seq 120); do
        journalctl --quiet --output cat --priority crit --identifier xbuild-array | grep . && return
        sleep 1
    done
    systemctl status mdmonitor.service
    return 1
}
record event event
record declined sh -c 'echo no | xinstall replace-disk'
record replace sh -c 'echo yes | xinstall replace-disk'
whole() {
    for second in $(seq 900); do
        cat /sys/block/md*/md/degraded | grep -qv 0 || return 0
        sleep 1
    done
    cat /proc/mdstat
    return 1
}
record whole whole
record again sh -c 'echo yes | xinstall replace-disk'
new=$(readlink -f /dev/disk/by-id/virtio-@NEW@)
record table sgdisk --verify $new
record links sh -c "lsblk --noheadings --list --output PARTUUID $new | grep . | while read id; do readlink -e /dev/disk/by-partuuid/\$id; done"
record esp fsck.vfat -n ${new}15
record failed failed
"#;

const ALIVE: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed failed
record mounts findmnt --noheadings --list --output TARGET --types ext4
record arrays sh -c 'for m in /sys/block/md*/md; do [ -e $m ] && echo $(cat $m/array_state $m/degraded); done; true'
"#;

/// Some gigabytes are copied.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Pulls out disk `lost`, which a new one replaces; then the node boots without each set of `without`, by each firmware.
fn replaces(layout: &Layout, firmware: Firmware, lost: usize, without: &[&[usize]]) {
    let table = Table::new(["layout", "firmware", "disk replaced", "disks missing", "result", "seconds"]);
    let mut images = layout.images("replace", SectorSize::B512);
    let start = Instant::now();
    let answers = replace(&mut images, firmware, lost);
    assert_replaced(&answers, layout, lost);
    let seconds = start.elapsed().as_secs();
    table.row([&layout.name, &name(firmware), &lost, &"none", &"replaced, arrays whole", &seconds]);
    for gone in without {
        for firmware in [Firmware::Bios, Firmware::Uefi] {
            let start = Instant::now();
            let guest =
                Guest { firmware, without: gone, entry: Entry::PlainLinux, ..Guest::new(&images, ALIVE) };
            let answers = guest.examine();
            assert_eq!(answers.good("failed"), "", "units failed");
            assert_eq!(lines(&answers, "mounts"), layout.mounts);
            let gone = format!("{gone:?}");
            table.row([&layout.name, &name(firmware), &lost, &gone, &"boots", &start.elapsed().as_secs()]);
        }
    }
    images.remove();
}

/// The new disk is 1 GiB larger than the lost one, and there from the start. Afterwards it is the one in the images.
fn replace(images: &mut Images, firmware: Firmware, lost: usize) -> Answers {
    let path = images.folder.join("new.img");
    let size = File::open(&images.disks[lost].path).and_then(|file| file.metadata()).expect("a disk").len();
    File::create(&path).and_then(|file| file.set_len(size + (1 << 30))).expect("room for a disk");
    let new = Drive { path, ..images.disks[lost].clone() };
    let serial = format!("disk{}", images.disks.len());
    let check = PULL.replace("@LOST@", &lost.to_string()).replace("@NEW@", &serial);
    let foreign = [new.clone()];
    let guest = Guest {
        keep: true,
        deadline: PATIENCE,
        foreign: &foreign,
        firmware,
        entry: Entry::PlainLinux,
        ..Guest::new(images, &check)
    };
    let answers = guest.examine();
    images.disks[lost] = new;
    answers
}

fn assert_replaced(answers: &Answers, layout: &Layout, lost: usize) {
    assert_eq!(answers.good("failed_before"), "");
    assert!(
        answers.get("nothing_lost").contains("this node misses no disk: disk0 is "),
        "{}",
        answers.get("nothing_lost")
    );
    let event = answers.good("event");
    assert!(event.contains("array /dev/md/") && event.contains("run: xinstall replace-disk"), "{event}");
    assert_eq!(answers.get("declined.status"), "2", "{}", answers.get("declined"));
    let said = answers.good("replace");
    println!("{said}");
    assert!(said.contains(&format!("disk{lost} of this node is missing. In its place comes ")), "{said}");
    assert!(said.contains(&format!("is disk{lost} of this node now")), "{said}");
    answers.good("whole");
    assert!(answers.get("again").contains("this node misses no disk: disk0 is "), "{}", answers.get("again"));
    assert!(answers.good("table").contains("No problems found"), "{}", answers.get("table"));
    let partitions = layout.plan(SectorSize::B512).disks[lost].partitions.len();
    assert_eq!(lines(answers, "links").len(), partitions, "{}", answers.get("links"));
    answers.good("esp");
    assert_eq!(answers.good("failed"), "");
}

fn lines<'a>(answers: &'a Answers, name: &str) -> Vec<&'a str> {
    answers.good(name).lines().map(str::trim).collect()
}

fn name(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Bios => "BIOS",
        Firmware::Uefi => "UEFI",
    }
}

/// The first member is the one that GRUB reads.
#[test]
#[ignore = "many minutes of emulation"]
fn raid1_drbd_by_bios() {
    replaces(&RAID1_DRBD, Firmware::Bios, 0, &[&[1]]);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid1_drbd_by_uefi() {
    replaces(&RAID1_DRBD, Firmware::Uefi, 1, &[&[0]]);
}

/// 0 and 1 are a mirror; the root has a copy on all four.
#[test]
#[ignore = "many minutes of emulation"]
fn raid10_aoe_by_bios() {
    replaces(&RAID10_AOE, Firmware::Bios, 0, &[&[1, 2]]);
}

#[test]
#[ignore = "many minutes of emulation"]
fn raid10_aoe_by_uefi() {
    replaces(&RAID10_AOE, Firmware::Uefi, 1, &[&[0, 3]]);
}
