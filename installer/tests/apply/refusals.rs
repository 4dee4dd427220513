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
        (keep("/dev/sda", 1), "BUG: /dev/sda1 is to be kept, but carries nothing that stays"),
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
fn what_carries_a_volume_is_kept_with_it() {
    type Forget = fn(&mut Removal);
    let table: [(Forget, &str); 5] = [
        (
            |removal| drop(removal.keep.remove(1)),
            "BUG: the array pv is to be kept, but not all of its members",
        ),
        (
            |removal| removal.keep_arrays.clear(),
            "BUG: /dev/sda2 is to be kept, but carries nothing that stays",
        ),
        (
            |removal| {
                removal.keep.clear();
                removal.keep_arrays.clear();
            },
            "BUG: the volume vg0/guests is to be kept, but not what it lies on",
        ),
        (
            |removal| removal.keep_volumes[0].1 = "var".to_owned(),
            "BUG: the volume vg0/var is to be kept, but is not a raw one for DRBD",
        ),
        (
            |removal| removal.keep_arrays.push("root".to_owned()),
            "BUG: the array root is to be kept, but not all of its members",
        ),
    ];
    for (forget, message) in table {
        let mut case = plans::raid1_drbd_kept();
        forget(&mut case.removal);
        assert_eq!(steps(&case.plan, &case.removal, EPOCH, "").unwrap_err().to_string(), message);
    }
}

/// Not a byte, not a signature: the rest of the group is made anew beside it.
#[test]
fn nothing_that_is_kept_is_made_or_wiped() {
    let case = plans::raid1_drbd_kept();
    let said: Vec<String> = case.steps().iter().map(|step| step.action.to_string()).collect();
    let touches = |device: &str| {
        let ends = |text: &&String| {
            text.ends_with(&format!(" {device}")) || text.contains(&format!("write to {device}:"))
        };
        said.iter().filter(ends).cloned().collect::<Vec<_>>()
    };
    for device in ["/dev/sda2", "/dev/sdb2", "/dev/sdc1", "/dev/md/pv", "/dev/vg0/guests"] {
        let touched: Vec<String> =
            touches(device).into_iter().filter(|text| !text.contains("mdadm --")).collect();
        assert_eq!(touched, Vec::<String>::new(), "{device}");
    }
    assert!(!said.iter().any(|text| text.contains("--create /dev/md/pv")));
    assert!(touches("/dev/vg0/var").iter().any(|text| text.starts_with("wipefs")));
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
