//! Which disk of the plan is lost, and which one takes its place: a decision over facts.

use super::objection;
use crate::facts::Found;
use crate::plan::{Array, Disk, PartitionKind, Plan, Refusal};

/// What is decided over.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the node was made by.
    pub plan: &'a Plan,
    /// Every disk of the machine.
    pub disks: &'a [Found],
    /// The node of the new disk; none if nobody has said which one it is.
    pub with: Option<&'a str>,
}

/// A disk of the plan that the machine has no more, and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The plan with the disks' names of today; the new one has its own size.
    pub plan: Plan,
    /// Which of its disks is new.
    pub at: usize,
    /// What the new disk is.
    pub new: Found,
}

/// Decides. A disk of the plan is known by the GUID of its table, and only by that.
///
/// # Errors
/// Every reason why no disk is taken.
pub fn choose(case: &Case<'_>) -> Result<Replacement, Vec<Refusal>> {
    let lost = case.lost();
    if lost.is_empty() {
        return Err(vec![objection::nothing_lost(case)]);
    }
    let refusals: Vec<Refusal> = lost.iter().filter_map(|at| objection::unmirrored(case.plan, *at)).collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let (at, new) = match case.with {
        Some(name) => case.named(&lost, name)?,
        None => case.only_one(&lost)?,
    };
    Ok(Replacement { plan: case.plan_with(at, new), at, new: new.clone() })
}

/// The lost disk that a new one can be; else why it cannot be the first of them.
type Place<'a> = Result<(usize, &'a Found), Vec<Refusal>>;

impl<'a> Case<'a> {
    fn lost(&self) -> Vec<usize> {
        let there = |disk: &Disk| self.found(disk).is_some();
        let disks = self.plan.disks.iter().enumerate();
        disks.filter(|(_, disk)| !there(disk)).map(|(at, _)| at).collect()
    }

    /// The disk of the machine that is this one of the plan.
    pub(super) fn found(&self, disk: &Disk) -> Option<&'a Found> {
        self.disks.iter().find(|found| guid(found) == Some(disk.guid))
    }

    /// The disk of the plan that this one of the machine is.
    fn planned(&self, found: &Found) -> Option<&'a Disk> {
        self.plan.disks.iter().find(|disk| guid(found) == Some(disk.guid))
    }

    fn named(&self, lost: &[usize], name: &str) -> Place<'a> {
        let named = self.disks.iter().find(|found| found.facts.name == name);
        let new = named.ok_or_else(|| vec![objection::not_there(self.disks, name)])?;
        match self.planned(new) {
            Some(disk) => Err(vec![objection::not_lost(new, disk)]),
            None => self.place(lost, new),
        }
    }

    fn only_one(&self, lost: &[usize]) -> Place<'a> {
        let strangers = self.disks.iter().filter(|found| self.planned(found).is_none());
        let (mut fit, mut refusals) = (Vec::new(), Vec::new());
        for stranger in strangers {
            match self.place(lost, stranger) {
                Ok(place) => fit.push(place),
                Err(because) => refusals.extend(because),
            }
        }
        match fit.as_slice() {
            [one] => Ok(*one),
            [] => Err(if refusals.is_empty() { vec![objection::no_other(self, lost)] } else { refusals }),
            several => Err(vec![objection::several(several.iter().map(|(_, found)| *found))]),
        }
    }

    /// The first lost disk that this one can be.
    fn place(&self, lost: &[usize], new: &'a Found) -> Place<'a> {
        let against = |at: &usize| objection::against(&self.plan.disks[*at], new);
        if let Some(at) = lost.iter().find(|at| against(at).is_empty()) {
            return Ok((*at, new));
        }
        Err(lost.first().map(against).unwrap_or_default())
    }

    fn plan_with(&self, at: usize, new: &Found) -> Plan {
        let name = |(index, disk): (usize, &Disk)| {
            let found = if index == at { Some(new) } else { self.found(disk) };
            found.map_or_else(|| disk.name.clone(), |found| found.facts.name.clone())
        };
        let names: Vec<String> = self.plan.disks.iter().enumerate().map(name).collect();
        let mut plan = self.plan.named(&names);
        plan.disks[at].size = new.facts.size;
        plan
    }
}

fn guid(found: &Found) -> Option<uuid::Uuid> {
    found.table.as_ref()?.guid()
}

impl Replacement {
    /// The new disk, as it is going to be.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.plan.disks[self.at]
    }

    /// The arrays that it becomes a member of.
    pub fn arrays(&self) -> impl Iterator<Item = &str> {
        let is_on_it =
            move |array: &&Array| array.members.iter().any(|member| member.partition.disk == self.at);
        self.plan.arrays.iter().filter(is_on_it).map(|array| array.name.as_str())
    }

    /// What is going to happen.
    #[must_use]
    pub fn describe(&self) -> String {
        let warning = if self.disk().boot {
            "\nThe machine must not restart before this is done: meanwhile GRUB cannot read its files reliably.\n"
        } else {
            ""
        };
        format!(
            "disk{} of this node is missing. In its place comes {}:\n{}{warning}",
            self.at,
            self.new.describe(),
            self.plan.draw_one(self.at)
        )
    }

    /// What is left to do.
    #[must_use]
    pub fn report(&self) -> String {
        let disk = self.disk();
        let mut text = format!("{} is disk{} of this node now", disk.name, self.at);
        if self.arrays().next().is_some() {
            text += "\nwhat is not copied yet is being copied: /proc/mdstat shows how far it is";
        }
        for partition in disk.partitions.iter().filter(|partition| partition.kind == PartitionKind::Drbd) {
            let node = crate::apply::partition(&disk.name, partition.number);
            text += &format!(
                "\n{node} is blank: what lies on it is DRBD's own matter, `drbdadm create-md RESOURCE` and \
                 `drbdadm attach RESOURCE`"
            );
        }
        text
    }
}
