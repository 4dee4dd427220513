//! One disk of a node that runs, made anew: its steps, and what a failure of each of them leaves.

use std::collections::BTreeSet;

use installer::apply::{Action, DiskState, Failure, Step, apply_rootless, replacement};
use installer::plan::Plan;
use installer::units::Bytes;

use crate::golden::{assert_golden, drawn};
use crate::plans;

/// What takes the place of a disk.
const NEW: &str = "/dev/sdx";

/// The plan with a new disk, 1 GiB larger than the lost one.
fn renewed(plan: &Plan, at: usize) -> Plan {
    let mut names: Vec<String> = plan.disks.iter().map(|disk| disk.name.clone()).collect();
    NEW.clone_into(&mut names[at]);
    let mut plan = plan.named(&names);
    plan.disks[at].size = plan.disks[at].size + Bytes::GIB;
    plan
}

fn steps(plan: &Plan, at: usize) -> Vec<Step> {
    replacement(&renewed(plan, at), at, Some("0123456789abcdef"), plans::EPOCH).unwrap()
}

fn system_disk() -> Vec<Step> {
    steps(&plans::raid1_drbd().plan, 1)
}

#[test]
fn steps_of_a_mirrored_system_disk() {
    assert_golden("raid1-drbd-disk1.steps", &drawn(&system_disk()));
}

#[test]
fn steps_of_one_disk_of_four() {
    assert_golden("raid10-aoe-disk0.steps", &drawn(&steps(&plans::raid10_aoe().plan, 0)));
}

#[test]
fn steps_of_a_raw_disk() {
    assert_golden("raid1-drbd-disk2.steps", &drawn(&steps(&plans::raid1_drbd().plan, 2)));
}

/// No other disk is written, and none is locked.
#[test]
fn the_new_disk_and_no_other_is_written() {
    for step in system_disk() {
        assert!(step.disks.iter().all(|disk| disk == NEW), "{}", step.what);
        let text = step.action.to_string();
        assert!(!text.contains("/dev/sda") && !text.contains("/dev/nvme"), "{text}");
    }
}

/// GRUB would read the new member of `/boot`'s array before it is whole.
#[test]
fn boot_code_comes_when_all_is_copied_that_it_reads() {
    for (at, case) in [(1, plans::raid1_drbd()), (0, plans::raid10_aoe())] {
        let steps = steps(&case.plan, at);
        let position = |wanted: &dyn Fn(&Step) -> bool| steps.iter().position(wanted).unwrap();
        let copied =
            position(&|step| matches!(&step.action, Action::Copied { array, .. } if array == "/dev/md/root"));
        let first = position(&|step| step.what.starts_with("adding "));
        assert!(steps[first].what.ends_with(" to the array root"), "{}", steps[first].what);
        let boots = position(&|step| step.what.contains("GRUB"));
        assert!(first < copied && copied < boots);
        let last_added = steps.iter().rposition(|step| step.what.starts_with("adding ")).unwrap();
        assert!(last_added < copied);
    }
}

fn failing(steps: &[Step], call: usize) -> (Vec<String>, Result<(), Failure>) {
    let mut machine = plans::machine().failing_at(call);
    let result = apply_rootless(steps, &mut machine, &mut |_| ());
    (machine.calls, result)
}

/// Members that calls have added and not taken out again, and whether the disk has a table.
fn left(calls: &[String], failed: usize) -> (BTreeSet<String>, bool) {
    let (mut members, mut table) = (BTreeSet::new(), false);
    for (number, call) in calls.iter().enumerate() {
        let words: Vec<&str> = call.split(' ').collect();
        match words[..] {
            ["mdadm", "--manage", _, "--add", member] if number != failed => {
                members.insert(member.to_owned());
            }
            ["mdadm", "--manage", _, "--fail", _, "--remove", member] => {
                members.remove(member);
            }
            ["wipefs", .., NEW] => table = false,
            _ if call.starts_with(&format!("write to {NEW}: ")) && !call.contains("440 ") => table = true,
            _ => {}
        }
    }
    (members, table)
}

/// Until it is unlocked a failure leaves it blank; from then on it stays a member whatever fails.
#[test]
fn after_a_failure_it_is_blank_or_a_member() {
    let steps = system_disk();
    let mut machine = plans::machine();
    apply_rootless(&steps, &mut machine, &mut |_| ()).unwrap();
    let unlocked = machine.calls.iter().position(|call| call.starts_with("unlock ")).unwrap();
    let both: BTreeSet<String> = ["/dev/sdx1", "/dev/sdx2"].map(str::to_owned).into();
    for call in 0..machine.calls.len() {
        let (calls, result) = failing(&steps, call);
        let failure = result.unwrap_err();
        let (members, table) = left(&calls, call);
        if call <= unlocked {
            assert_eq!((members, table), (BTreeSet::new(), false), "call {call}: {}", calls[call]);
        } else {
            assert_eq!((&members, table), (&both, true), "call {call}: {}", calls[call]);
        }
        assert_eq!(failure.left, Vec::<String>::new());
        let state = failure.disks[0].1;
        assert!(state != DiskState::Complete || calls.iter().any(|call| call.contains("440 bytes")));
    }
}
