//! md: the arrays that the node was made with.

use super::finding::{Area, Finding};
use super::node::Node;
use crate::plan::Plan;

/// An array as sysfs has it (Documentation/admin-guide/md.rst).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Attributes {
    array_state: String,
    raid_disks: u32,
    degraded: u32,
    sync_action: String,
    sync_completed: String,
}

/// Every array of the plan.
pub(super) fn look(node: &Node<'_>, plan: &Plan) -> Vec<Finding> {
    let judged = |name: &str| judge(name, read(node, name).as_ref());
    plan.arrays.iter().map(|array| judged(&array.name)).collect()
}

/// The kernel's name for it is not ours: the link below /dev/md leads there.
fn read(node: &Node<'_>, name: &str) -> Option<Attributes> {
    let kernel = node.link(&format!("/dev/md/{name}"))?;
    let attribute = |name: &str| node.text(&format!("/sys/block/{kernel}/md/{name}"));
    let number = |name: &str| attribute(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(Attributes {
        array_state: attribute("array_state").ok()?,
        raid_disks: number("raid_disks"),
        degraded: number("degraded"),
        sync_action: attribute("sync_action").unwrap_or_default(),
        sync_completed: attribute("sync_completed").unwrap_or_default(),
    })
}

fn judge(name: &str, array: Option<&Attributes>) -> Finding {
    let Some(array) = array else {
        let hint = format!(
            "start it, `mdadm --assemble --run /dev/md/{name}`, or plug in the disks that it lacks: xinstall replace-disk"
        );
        return Finding::ill(Area::Array, name, "not there", hint);
    };
    Finding::judged(Area::Array, name, array.state(), array.hint())
}

impl Attributes {
    fn state(&self) -> String {
        let there = self.raid_disks.saturating_sub(self.degraded);
        let mut words = vec![self.array_state.clone(), format!("{there} of {} disks", self.raid_disks)];
        if !self.sync_action.is_empty() && self.sync_action != "idle" {
            words.push(match self.percent() {
                Some(percent) => format!("{} {percent} %", self.sync_action),
                None => self.sync_action.clone(),
            });
        }
        words.join(", ")
    }

    /// `DONE / ALL` in sectors; `none` or `delayed` otherwise.
    fn percent(&self) -> Option<u64> {
        let (done, all) = self.sync_completed.split_once('/')?;
        let (done, all): (u64, u64) = (done.trim().parse().ok()?, all.trim().parse().ok()?);
        done.checked_mul(100)?.checked_div(all)
    }

    /// Writes go to an array that is `clean` or `active`, in all their kinds.
    fn hint(&self) -> Option<String> {
        const WORKING: [&str; 6] =
            ["clean", "active", "active-idle", "write-pending", "read-auto", "readonly"];
        let hint = if !WORKING.contains(&self.array_state.as_str()) {
            "it does not work: see `mdadm --detail` and the kernel's log"
        } else if self.array_state == "readonly" {
            "nothing can be written: see the kernel's log why; `mdadm --readwrite` ends it"
        } else if matches!(self.sync_action.as_str(), "recover" | "resync" | "reshape") {
            "wait until it is whole, and do not restart before: cat /proc/mdstat"
        } else if self.degraded > 0 {
            "put a blank disk in the place of the broken one, then run: xinstall replace-disk"
        } else {
            return None;
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Attributes, judge};

    fn array(text: &str) -> Attributes {
        let mut words = text.split(',').map(|word| word.trim().to_owned());
        let mut next = || words.next().unwrap();
        Attributes {
            array_state: next(),
            raid_disks: next().parse().unwrap(),
            degraded: next().parse().unwrap(),
            sync_action: next(),
            sync_completed: next(),
        }
    }

    fn state(text: &str) -> (bool, String) {
        let finding = judge("root", Some(&array(text)));
        (finding.healthy, finding.state)
    }

    #[test]
    fn an_array_is_well_when_it_is_whole() {
        assert_eq!(state("clean, 2, 0, idle, none"), (true, "clean, 2 of 2 disks".to_owned()));
        assert_eq!(state("active, 4, 0, idle, none"), (true, "active, 4 of 4 disks".to_owned()));
        let checked = (true, "active, 2 of 2 disks, check 25 %".to_owned());
        assert_eq!(state("active, 2, 0, check, 256 / 1024"), checked);
    }

    #[test]
    fn an_array_that_lacks_a_disk_or_is_copied_is_not_well() {
        assert_eq!(state("clean, 2, 1, idle, none"), (false, "clean, 1 of 2 disks".to_owned()));
        let copied = (false, "active, 1 of 2 disks, recover 50 %".to_owned());
        assert_eq!(state("active, 2, 1, recover, 512 / 1024"), copied);
        let delayed = (false, "clean, 2 of 2 disks, resync".to_owned());
        assert_eq!(state("clean, 2, 0, resync, delayed"), delayed);
        assert!(!state("inactive, 2, 0, , ").0);
        assert_eq!(state("clean, 2, 0, resync, 1 / 0"), delayed);
    }

    #[test]
    fn the_way_out_fits() {
        let hint = |text| judge("root", Some(&array(text))).hint.unwrap();
        assert!(hint("clean, 2, 1, idle, none").ends_with("xinstall replace-disk"));
        assert!(hint("clean, 2, 1, recover, 1 / 2").starts_with("wait"));
        assert!(judge("root", None).hint.unwrap().contains("mdadm --assemble --run /dev/md/root"));
    }
}
