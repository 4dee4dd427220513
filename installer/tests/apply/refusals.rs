//! What is never begun.

use installer::apply::{Old, OldKind, Removal, steps};
use installer::units::Bytes;

use crate::plans::{self, EPOCH};

fn esp(start: Bytes) -> Old {
    Old { disk: "/dev/nvme0n1".to_owned(), start, size: Bytes::MIB, kind: OldKind::Esp }
}

fn refused(removal: &Removal) -> String {
    steps(&plans::raid1_drbd().plan, removal, EPOCH, "").unwrap_err().to_string()
}

#[test]
fn what_is_not_the_plans_is_not_wiped() {
    for path in ["/dev/sdc", "/dev/sdaa1", "/dev/nvme0n11", "/dev/sda1x", "sda"] {
        let removal = Removal { wipe: vec![path.to_owned()], ..Removal::default() };
        let expected = format!("BUG: {path} is to be wiped, but no disk of the plan has it");
        assert_eq!(refused(&removal), expected);
    }
}

#[test]
fn only_what_the_plan_leaves_alone_is_kept() {
    let keep = |disk: &str, number| Removal { keep: vec![(disk.to_owned(), number)], ..Removal::default() };
    let cases = [
        (keep("/dev/sda", 1), "BUG: /dev/sda1 is to be kept, but is not a raw one for DRBD"),
        (keep("/dev/nvme0n1", 2), "BUG: /dev/nvme0n1p2 is to be kept, but the plan does not have it"),
        (keep("/dev/sdx", 1), "BUG: /dev/sdx1 is to be kept, but the plan does not have it"),
        (
            Removal { wipe: vec!["/dev/nvme0n1p1".to_owned()], ..keep("/dev/nvme0n1", 1) },
            "BUG: /dev/nvme0n1p1 is to be wiped, and to be kept",
        ),
        (
            Removal { wipe: vec!["/dev/nvme0n1".to_owned()], ..keep("/dev/nvme0n1", 1) },
            "BUG: /dev/nvme0n1 is to be wiped, but holds what is to be kept",
        ),
        (
            Removal { old: vec![esp(Bytes::MIB)], ..keep("/dev/nvme0n1", 1) },
            "BUG: /dev/nvme0n1 has an old ESP in what is to be kept",
        ),
        (
            Removal { old: vec![esp(Bytes::GIB * 4)], ..Removal::default() },
            "BUG: /dev/nvme0n1 has an old partition beyond its end",
        ),
    ];
    for (removal, message) in cases {
        assert_eq!(refused(&removal), message);
    }
}

#[test]
fn a_plan_that_breaks_its_own_rules_is_not_begun() {
    let mut case = plans::raid1_drbd();
    case.plan.disks[2].boot = true;
    let error = steps(&case.plan, &case.removal, EPOCH, "").unwrap_err().to_string();
    assert!(error.starts_with("BUG: /dev/nvme0n1 lacks its boot partitions"), "{error}");
}

#[test]
fn old_partitions_lie_on_disks_of_the_plan() {
    let mut removal = plans::raid1_drbd().removal;
    removal.old[0].disk = "/dev/sdc".to_owned();
    assert_eq!(refused(&removal), "BUG: /dev/sdc has old partitions, but is not in the plan");
}
