//! A machine that fails at its n-th call, for every n: what is promised of the disks is true, and nothing stays open.

use std::collections::BTreeSet;

use installer::apply::{DiskState, Failure, Recorded, apply, partition};

use crate::plans::{self, Case};

fn failing(case: &Case, machine: &mut Recorded) -> Result<(), Failure> {
    apply(&case.steps(), plans::root(), machine, &mut |_| ())
}

fn calls(case: &Case) -> usize {
    let mut machine = plans::machine();
    failing(case, &mut machine).unwrap();
    machine.calls.len()
}

/// What a machine's calls have opened and not closed again. A call that failed has opened nothing.
fn open(calls: &[String], failed: Option<usize>) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for (number, call) in calls.iter().enumerate() {
        let call = call.trim_start_matches("MDADM_NO_UDEV=1 ");
        let words: Vec<&str> = call.split(' ').collect();
        let last = words.last().unwrap();
        let (opens, what) = match words[..] {
            ["lock", disk] => (true, format!("lock {disk}")),
            ["unlock", disk] => (false, format!("lock {disk}")),
            ["mount", ..] => (true, format!("mount {last}")),
            ["umount", ..] => (false, format!("mount {last}")),
            ["mdadm", "--create", array, ..] => (true, format!("array {array}")),
            ["mdadm", "--stop", array] => (false, format!("array {array}")),
            ["vgchange", _, "y", ..] => (true, format!("group {last}")),
            ["vgchange", _, "n", ..] => (false, format!("group {last}")),
            _ => continue,
        };
        if !opens {
            open.remove(&what);
        } else if failed != Some(number) {
            open.insert(what);
        }
    }
    open
}

/// The ways by which a disk boots after these calls. One that failed is taken to have been done.
fn ways(calls: &[String], disk: &str) -> BTreeSet<&'static str> {
    let mut ways = BTreeSet::new();
    let esp = partition(disk, 15);
    for call in calls {
        if call.starts_with(&format!("write to {disk}: 440 bytes at 0")) {
            ways.insert("BIOS");
        }
        if call.starts_with(&format!("write to {disk}: no boot code")) {
            ways.remove("BIOS");
        }
        if call.contains(&format!("mren -i {esp} ")) {
            if call.ends_with("BOOTX64.EFI") {
                ways.insert("UEFI")
            } else {
                ways.remove("UEFI")
            };
        }
    }
    ways
}

/// Whether a call changes something on a disk, itself or on what it carries.
fn changes(call: &str, case: &Case, disk: &str) -> bool {
    const HARMLESS: [&str; 7] = ["lock", "unlock", "wait", "put", "read", "mkdir", "blockdev"];
    let call = call.trim_start_matches("MDADM_NO_UDEV=1 ");
    if HARMLESS.contains(&call.split(' ').next().unwrap()) || call.starts_with("mount --bind") {
        return false;
    }
    let on_array = |name: &str| {
        let array = case.plan.array(name).unwrap();
        array.members.iter().any(|member| case.plan.disks[member.partition.disk].name == disk)
    };
    let words = call.split([' ', ':']);
    let array = words.clone().filter_map(|word| word.strip_prefix("/dev/md/")).any(on_array);
    array || words.into_iter().any(|word| word == disk || is_partition(disk, word))
}

fn is_partition(disk: &str, word: &str) -> bool {
    (1..16).any(|number| partition(disk, number) == word)
}

#[test]
fn after_every_failure_the_disks_are_what_is_said() {
    for case in plans::all() {
        for failed in 0..calls(&case) {
            let mut machine = plans::machine().failing_at(failed);
            let failure = failing(&case, &mut machine).unwrap_err();
            let before = &machine.calls[..=failed];
            for (disk, state) in &failure.disks {
                let what = || format!("{}: call {failed}, {}\n{failure}", case.name, before[failed]);
                let changed = before.iter().any(|call| changes(call, &case, disk));
                let ways = ways(&machine.calls, disk);
                match state {
                    DiskState::Untouched => assert!(!changed && ways.is_empty(), "{}", what()),
                    DiskState::BeingWritten => assert!(ways.is_empty(), "{}", what()),
                    DiskState::Complete => assert!(changed, "{}", what()),
                }
            }
            assert_eq!(failure.disks.len(), case.disks().len());
        }
    }
}

/// A boot disk that is complete boots by all that its plan wants; nothing that it is told afterwards takes that away.
#[test]
fn complete_disks_boot() {
    let case = plans::raid1_drbd();
    for failed in 0..calls(&case) {
        let mut machine = plans::machine().failing_at(failed);
        let failure = failing(&case, &mut machine).unwrap_err();
        for disk in ["/dev/sda", "/dev/sdb"] {
            let complete = failure.disks.contains(&(disk.to_owned(), DiskState::Complete));
            assert_eq!(
                ways(&machine.calls, disk).len(),
                if complete { 2 } else { 0 },
                "call {failed}, {disk}"
            );
        }
    }
}

#[test]
fn after_every_failure_nothing_stays_open() {
    for case in plans::all() {
        for failed in 0..calls(&case) {
            let mut machine = plans::machine().failing_at(failed);
            let failure = failing(&case, &mut machine).unwrap_err();
            let open = open(&machine.calls, Some(failed));
            assert_eq!(open, BTreeSet::new(), "{}: call {failed}, {}", case.name, machine.calls[failed]);
            assert_eq!(failure.left, Vec::<String>::new());
        }
        let mut machine = plans::machine();
        failing(&case, &mut machine).unwrap();
        assert_eq!(open(&machine.calls, None), BTreeSet::new());
    }
}

/// The last one first: nothing is stopped while something lies on it.
#[test]
fn what_is_open_is_closed_in_reverse() {
    let case = plans::raid1_drbd();
    let mut machine = plans::machine();
    failing(&case, &mut machine).unwrap();
    let unpack = machine.calls.iter().position(|call| call.starts_with("tar ")).unwrap();
    let mut machine = plans::machine().failing_at(unpack);
    failing(&case, &mut machine).unwrap_err();
    let short = |call: &String| {
        let call = call.trim_start_matches("MDADM_NO_UDEV=1 ");
        call.split(" --noudevsync").next().unwrap().to_owned()
    };
    let undone: Vec<_> = machine.calls[unpack + 1..].iter().map(short).collect();
    assert_eq!(
        undone,
        [
            "umount /target/var",
            "umount /target",
            "vgchange --activate n",
            "mdadm --stop /dev/md/pv",
            "mdadm --stop /dev/md/root",
            "unlock /dev/nvme0n1",
            "unlock /dev/sdb",
            "unlock /dev/sda",
        ]
    );
}

#[test]
fn what_cannot_be_closed_is_said() {
    let case = plans::single_drbd();
    let mut machine = plans::machine();
    failing(&case, &mut machine).unwrap();
    let mount = machine.calls.iter().position(|call| call.ends_with(" /target/boot")).unwrap() + 1;
    assert!(machine.calls[mount].starts_with("mount "));
    let mut machine = plans::machine().dead_from(mount);
    let failure = failing(&case, &mut machine).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "mounting /boot on /target/boot: `mount -t ext4 /dev/vda2 /target/boot` failed with status 1: told to fail\n\
         /dev/vda: being written: boots nothing\n\
         /dev/vdb: being written: boots nothing\n\
         left open: umount /target: `umount /target` failed with status 1: told to fail\n\
         left open: unlock /dev/vdb: told to fail\n\
         left open: unlock /dev/vda: told to fail"
    );
}

#[test]
fn before_the_first_write_nothing_has_changed() {
    let case = plans::raid1_drbd();
    let mut machine = plans::machine().failing_at(2);
    let failure = failing(&case, &mut machine).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "locking /dev/nvme0n1: told to fail\n\
         in: lock /dev/nvme0n1: 4294967296 bytes, in sectors of 512\n\
         /dev/sda: untouched\n\
         /dev/sdb: untouched\n\
         /dev/nvme0n1: untouched"
    );
}

/// GRUB's images are read when they are needed: one that is none is found before a disk boots.
#[test]
fn a_core_that_is_none_is_no_boot_code() {
    let case = plans::raid10_aoe();
    let mut machine = plans::machine().with_file("/run/xinstall/core.img", [0; 512]);
    let failure = failing(&case, &mut machine).unwrap_err();
    assert_eq!(failure.because.to_string(), "core.img is too short to be one");
    assert!(failure.disks.iter().all(|(_, state)| *state == DiskState::BeingWritten));
    assert!(case.disks().iter().all(|disk| ways(&machine.calls, disk).is_empty()));
}
