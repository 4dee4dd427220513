//! What must come before what, whatever the layout.

use installer::apply::{Action, Step, apply};
use installer::plan::PartitionKind;

use crate::plans::{self, Case};

fn positions(steps: &[Step], wanted: impl Fn(&Step) -> bool) -> Vec<usize> {
    steps.iter().enumerate().filter(|(_, step)| wanted(step)).map(|(at, _)| at).collect()
}

fn starts(step: &Step, with: &str) -> bool {
    step.what.starts_with(with)
}

#[test]
fn old_boot_code_goes_before_anything_else_is_written() {
    for case in plans::all() {
        let steps = case.steps();
        let changing = positions(&steps, |step| !step.disks.is_empty());
        let invalidating = positions(&steps, |step| starts(step, "invalidating"));
        assert_eq!(changing[..case.disks().len()], invalidating, "{}", case.name);
        let locks = positions(&steps, |step| matches!(step.action, Action::Lock { .. }));
        assert_eq!(locks, (0..case.disks().len()).collect::<Vec<_>>());
    }
}

/// An old ESP on the first disk: its first sector goes with the boot code of the MBR.
#[test]
fn firmware_finds_no_old_esp() {
    let steps = plans::raid1_drbd().steps();
    let first = steps.iter().find(|step| starts(step, "invalidating")).unwrap();
    assert_eq!(first.action.to_string(), "write to /dev/sda: no boot code, 512 zeros at 537919488");
}

/// Otherwise the boot sector of the new one could bring back what the old one had.
#[test]
fn an_esp_is_emptied_before_it_is_made() {
    for case in plans::all() {
        let steps = case.steps();
        let emptied = positions(&steps, |step| {
            starts(step, "emptying the EFI system partition") && matches!(step.action, Action::Write { .. })
        });
        let made = positions(&steps, |step| starts(step, "making the EFI system partition"));
        let boots = case.plan.disks.iter().filter(|disk| disk.boot).count();
        assert_eq!((made.len(), emptied.len()), (boots, boots), "{}", case.name);
        assert!(emptied.iter().zip(&made).all(|(emptied, made)| emptied + 1 == *made), "{}", case.name);
    }
}

#[test]
fn nothing_is_written_behind_what_makes_disks_boot() {
    for case in plans::all() {
        let steps = case.steps();
        let closed = positions(&steps, |step| starts(step, "stopping") || starts(step, "unmounting"));
        let opening = positions(&steps, |step| step.what.contains(" boot by "));
        let boots = case.plan.disks.iter().filter(|disk| disk.boot).count();
        assert!(opening.len() >= boots, "{}", case.name);
        assert!(closed.last() < opening.first(), "{}", case.name);
        // The mark is for media: a disk without it boots all the same.
        let marked = positions(&steps, |step| starts(step, "writing the mark"));
        let last = &steps[opening[0]..marked[0]];
        // Each of them, and the sync of an ESP.
        assert_eq!(positions(last, |step| !step.disks.is_empty()).len(), last.len(), "{}", case.name);
    }
}

/// Everything else leaves the first 440 bytes as they are; the fake's calls tell what was written where.
#[test]
fn a_disk_has_boot_code_only_at_the_end() {
    for case in plans::all() {
        let (steps, mut machine) = (case.steps(), plans::machine());
        apply(&steps, plans::root(), &mut machine, &mut |_| ()).unwrap();
        let writes = machine.calls.iter().enumerate().filter(|(_, call)| call.contains("440 bytes at 0"));
        let first = writes.map(|(at, _)| at).next();
        let stopped = machine.calls.iter().rposition(|call| call.starts_with("umount"));
        assert!(first.is_none_or(|first| first > stopped.unwrap()), "{}", case.name);
        let bios = case.plan.disks.iter().filter(|disk| disk.boot && u64::from(disk.sector_size) == 512);
        let sectors = positions(&steps, |step| matches!(step.action, Action::Sector { .. }));
        assert_eq!(sectors.len(), bios.count(), "{}", case.name);
    }
}

#[test]
fn every_number_of_an_array_is_the_plans() {
    for case in plans::all() {
        for array in case.plan.arrays.iter().filter(|array| !case.removal.keep_arrays.contains(&array.name)) {
            let create = format!("creating the array {}", array.name);
            let step = case.steps().into_iter().find(|step| step.what == create).unwrap();
            let command = step.action.to_string();
            let kib = |bytes: u64| {
                assert!(bytes.is_multiple_of(1024));
                bytes / 1024
            };
            for number in [
                format!("--data-offset={}K", kib(array.data_offset.0)),
                format!("--size={}K", kib(array.member_size.0)),
                format!("--bitmap-chunk={}K", kib(array.bitmap_chunk.0)),
                format!("--raid-devices={}", array.members.len()),
            ] {
                assert!(command.contains(&format!(" {number} ")), "{number} is not in {command}");
            }
            assert!(!command.contains("assume-clean"));
        }
    }
}

fn wiped(case: &Case, device: &str) -> bool {
    let wipe = format!("wipefs --all --force {device}");
    case.steps().iter().any(|step| step.action.to_string() == wipe)
}

/// Nothing else says where a kept partition lies.
#[test]
fn the_primary_table_is_there_until_the_backup_is() {
    let steps = plans::single_drbd().steps();
    let tables: Vec<_> =
        steps.iter().filter(|step| step.what.ends_with("partition table of /dev/vdb")).collect();
    let written: Vec<_> = tables.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(
        written,
        [
            "write to /dev/vdb: 16896 bytes at 4294950400",
            "write to /dev/vdb: 72 bytes at 440, 16896 bytes at 512"
        ]
    );
}

#[test]
fn what_is_kept_is_neither_wiped_nor_written() {
    let case = plans::single_drbd();
    assert!(!wiped(&case, "/dev/vdb1") && wiped(&case, "/dev/vda1"));
    let drbd = &case.plan.disks[1].partitions[0];
    assert_eq!(drbd.kind, PartitionKind::Drbd);
    for step in case.steps() {
        if let Action::Write { device, pieces } = &step.action
            && device == "/dev/vdb"
        {
            let end = drbd.start + drbd.size;
            let outside = |at: u64, length: u64| at + length <= drbd.start.0 || at >= end.0;
            assert!(
                pieces.iter().all(|piece| outside(piece.at.0, piece.bytes.len() as u64)),
                "{}",
                step.action
            );
        }
    }
    let mut forgetful = plans::single_drbd();
    forgetful.removal.keep.clear();
    assert!(wiped(&forgetful, "/dev/vdb1"));
    let cleared = |case: &Case| case.steps().iter().any(|step| step.what == "clearing /dev/vdb1");
    assert!(!cleared(&case) && cleared(&forgetful));
}
