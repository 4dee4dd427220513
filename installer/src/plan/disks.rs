//! Which disk belongs to which group.

use super::draft::Draft;
use super::refusal::{Refusal, count, exact};
use crate::facts::DiskFacts;
use crate::model::storage::DiskRule;
use crate::units::Bytes;

/// The disks that a rule has picked, as indices into the facts, ascending.
pub(super) struct Group<'a> {
    pub(super) rule: &'a DiskRule,
    pub(super) disks: Vec<usize>,
}

impl<'a> Draft<'a> {
    /// Lets the rules pick in their order. Only groups that got what they need are returned.
    pub(super) fn pick_disks(&mut self) -> Vec<Group<'a>> {
        let mut left: Vec<usize> = (0..self.facts.len()).collect();
        let mut groups = Vec::new();
        for (at, rule) in self.layout.disks.iter().enumerate() {
            let later = self.layout.disks.iter().skip(at + 1);
            let reserved = later.fold(0, |sum: usize, rule| sum.saturating_add(rule.min_count));
            let fits = self.fitting(&left, rule);
            if fits.len() < rule.min_count {
                self.refuse(self.too_few(rule, &left, &fits));
            }
            let disks: Vec<usize> = fits.into_iter().take(quota(rule, left.len(), reserved)).collect();
            left.retain(|disk| !disks.contains(disk));
            groups.push(Group { rule, disks });
        }
        self.refuse_leftovers(&left);
        groups.retain(|group| group.disks.len() >= group.rule.min_count);
        groups.retain(|group| self.has_one_sector_size(group));
        groups
    }

    fn fitting(&self, left: &[usize], rule: &DiskRule) -> Vec<usize> {
        let fits = |disk: &&usize| self.facts.get(**disk).is_some_and(|facts| facts.size >= rule.min_size);
        left.iter().filter(fits).copied().collect()
    }

    fn disks(&self, indices: &[usize]) -> Vec<&'a DiskFacts> {
        indices.iter().filter_map(|disk| self.facts.get(*disk)).collect()
    }

    fn too_few(&self, rule: &DiskRule, left: &[usize], fits: &[usize]) -> Refusal {
        let small = self.disks(left).into_iter().filter(|disk| disk.size < rule.min_size);
        let small: Vec<String> = small.map(|disk| too_small(disk, rule)).collect();
        let found = match (left.len(), fits.len()) {
            (0, _) => "but none is left".to_owned(),
            (left, fits) if left == fits => format!("but there {} only {left}", is_or_are(left)),
            (left, 0) => format!("but none of {left} fits: {}", small.join(", ")),
            (left, fits) => format!("but only {fits} of {left} {}: {}", fit_or_fits(fits), small.join(", ")),
        };
        let wanted = count(rule.min_count, "disk");
        let size = match rule.min_size {
            Bytes::ZERO => String::new(),
            size => format!(" of at least {}", exact(size)),
        };
        Refusal::new(
            format!("layout `{}` needs {wanted}{size} for `{}`, {found}", self.layout.name, rule.name),
            "add disks, take larger ones, or choose another layout",
        )
    }

    /// Says nothing where a group came out short: the disk may be meant for it.
    fn refuse_leftovers(&mut self, left: &[usize]) {
        if left.is_empty() || !self.refusals.is_empty() {
            return;
        }
        let disks = self.disks(left);
        let names: Vec<String> =
            disks.iter().map(|disk| format!("{} ({})", disk.name, exact(disk.size))).collect();
        let verb = is_or_are(left.len());
        self.refuse(Refusal::new(
            format!(
                "layout `{}` says nothing about {}, which {verb} left over",
                self.layout.name,
                names.join(", ")
            ),
            "leave the disk out, or say in the layout what it is for",
        ));
    }

    fn has_one_sector_size(&mut self, group: &Group) -> bool {
        let disks = self.disks(&group.disks);
        let Some(first) = disks.first() else { return true };
        let Some(other) = disks.iter().find(|disk| disk.sector_size != first.sector_size) else {
            return true;
        };
        let show =
            |disk: &DiskFacts| format!("{} has sectors of {} bytes", disk.name, u64::from(disk.sector_size));
        self.refuse(Refusal::new(
            format!("the disks of `{}` differ: {}, {}", group.rule.name, show(first), show(other)),
            "give one group disks of one sector size",
        ));
        false
    }
}

/// How many disks a rule may take: up to its maximum, and leaving later rules what they need, but never less
/// than it needs itself.
fn quota(rule: &DiskRule, left: usize, reserved: usize) -> usize {
    let spare = left.saturating_sub(reserved).max(rule.min_count);
    rule.max_count.map_or(spare, |max| spare.min(max))
}

fn too_small(disk: &DiskFacts, rule: &DiskRule) -> String {
    let missing = rule.min_size.saturating_sub(disk.size);
    format!("{} is {}, {} too small", disk.name, exact(disk.size), exact(missing))
}

const fn is_or_are(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

const fn fit_or_fits(number: usize) -> &'static str {
    if number == 1 { "fits" } else { "fit" }
}
