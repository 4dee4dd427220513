//! Which disk belongs to which group.

use super::draft::Draft;
use super::refusal::{Refusal, count, exact};
use crate::facts::DiskFacts;
use crate::model::storage::{DiskRule, DiskTraits};
use crate::units::{Bytes, SectorSize};

/// The disks that a rule has picked, as indices into the facts, ascending.
pub(super) struct Group<'a> {
    pub(super) rule: &'a DiskRule,
    pub(super) disks: Vec<usize>,
}

impl<'a> Draft<'a> {
    /// Gives each disk to a rule: first those that a rule describes by what stands on them, then the others, to the
    /// remaining rules in their order. Only groups that got what they need are returned.
    pub(super) fn pick_disks(&mut self) -> Vec<Group<'a>> {
        let described = self.described();
        let mut left: Vec<usize> = (0..self.facts.len())
            .filter(|disk| !described.iter().any(|(_, found)| found.contains(disk)))
            .collect();
        let mut groups = Vec::new();
        for (at, rule) in self.layout.disks.iter().enumerate() {
            let disks = match described.iter().find(|(describing, _)| *describing == at) {
                Some((_, found)) => self.take_described(rule, found),
                None => self.take(rule, &left, self.reserved_after(at)),
            };
            left.retain(|disk| !disks.contains(disk));
            groups.push(Group { rule, disks });
        }
        self.refuse_leftovers(&left);
        groups.retain(|group| group.disks.len() >= group.rule.min_count);
        groups.retain(|group| self.has_one_sector_size(group));
        groups.retain(|group| self.can_boot(group));
        groups
    }

    /// For each rule that describes its disks, by its place among the rules: the disks that fit.
    fn described(&mut self) -> Vec<(usize, Vec<usize>)> {
        let layout = self.layout;
        let rules = layout.disks.iter().enumerate().filter(|(_, rule)| rule.describes());
        let fitting = |rule: &DiskRule| {
            let disks = self.facts.iter().enumerate().filter(|(_, disk)| rule.fits(disk));
            disks.map(|(at, _)| at).collect::<Vec<_>>()
        };
        let described: Vec<_> = rules.map(|(at, rule)| (at, fitting(rule))).collect();
        for (at, disk) in self.facts.iter().enumerate() {
            let mine = described.iter().filter(|(_, disks)| disks.contains(&at));
            let names: Vec<_> = mine.map(|(rule, _)| format!("`{}`", layout.disks[*rule].name)).collect();
            if names.len() > 1 {
                self.refuse(Refusal::new(
                    format!("{} fits {}", disk.name, names.join(" and ")),
                    "let the groups exclude each other, for example by serial numbers",
                ));
            }
        }
        described
    }

    fn take_described(&mut self, rule: &'a DiskRule, found: &[usize]) -> Vec<usize> {
        let names: Vec<&str> = self.disks(found).iter().map(|disk| disk.name.as_str()).collect();
        let most = rule.max_count.unwrap_or(usize::MAX);
        if found.len() < rule.min_count {
            self.refuse(self.too_few_described(rule, &names));
        } else if found.len() > most {
            self.refuse(Refusal::new(
                format!(
                    "{} fit `{}` ({}), which takes {}: {}",
                    count(found.len(), "disk"),
                    rule.name,
                    description(rule),
                    if rule.min_count == most { most.to_string() } else { format!("at most {most}") },
                    names.join(", ")
                ),
                "describe the disks more closely, for example by serial numbers, or let the group take more",
            ));
        }
        found.to_vec()
    }

    fn too_few_described(&self, rule: &DiskRule, names: &[&str]) -> Refusal {
        let there = self.facts.len();
        let found = match names {
            [] => format!("but none of {there} is like that"),
            names => format!("but of {there} only {}", names.join(", ")),
        };
        Refusal::new(
            format!(
                "layout `{}` needs {} for `{}` ({}), {found}",
                self.layout.name,
                count(rule.min_count, "disk"),
                rule.name,
                description(rule)
            ),
            "compare the description with what stands on the disks",
        )
    }

    /// What the rules behind that one need at least, of disks that no rule describes.
    fn reserved_after(&self, at: usize) -> usize {
        let later = self.layout.disks.iter().skip(at + 1).filter(|rule| !rule.describes());
        later.fold(0, |sum, rule| sum.saturating_add(rule.min_count))
    }

    fn take(&mut self, rule: &'a DiskRule, left: &[usize], reserved: usize) -> Vec<usize> {
        let fits: Vec<usize> = left.iter().filter(|disk| rule.fits(&self.facts[**disk])).copied().collect();
        if fits.len() < rule.min_count {
            self.refuse(self.too_few(rule, left, &fits));
        }
        fits.into_iter().take(quota(rule, left.len(), reserved)).collect()
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

    /// BIOS reads sectors of 512 bytes only. UEFI reads the others as well.
    fn can_boot(&mut self, group: &Group) -> bool {
        let only_bios = group.rule.boot && !self.layout.firmware.has_uefi();
        let disks = self.disks(&group.disks);
        let Some(disk) = disks.iter().find(|disk| only_bios && disk.sector_size == SectorSize::B4096) else {
            return true;
        };
        self.refuse(Refusal::new(
            format!("{} has sectors of 4096 bytes, and BIOS firmware cannot read such a disk", disk.name),
            "boot from disks with sectors of 512 bytes, or by UEFI (`firmware = \"uefi\"` in the layout)",
        ));
        false
    }
}

impl DiskRule {
    /// Whether it says what its disks are, not only how many there are and how large at least.
    fn describes(&self) -> bool {
        self.only != DiskTraits::default()
    }

    fn fits(&self, disk: &DiskFacts) -> bool {
        let DiskTraits { serials, wwns, model, path, rotational, max_size } = &self.only;
        let label = &disk.label;
        disk.size >= self.min_size
            && max_size.is_none_or(|most| disk.size <= most)
            && (serials.is_empty() || serials.contains(&label.serial))
            && (wwns.is_empty() || wwns.contains(&label.wwn))
            && model.as_ref().is_none_or(|model| model.fits(&label.model))
            && path.as_ref().is_none_or(|path| path.fits(&label.path))
            && rotational.is_none_or(|turns| label.rotational == Some(turns))
    }
}

/// What a rule says of its disks: `serial S1 or S2, model Any*, at most 1T`.
fn description(rule: &DiskRule) -> String {
    let DiskTraits { serials, wwns, model, path, rotational, max_size } = &rule.only;
    let list =
        |what: &str, items: &[String]| (!items.is_empty()).then(|| format!("{what} {}", items.join(" or ")));
    let least = Some(rule.min_size).filter(|size| *size > Bytes::ZERO);
    let said = [
        list("serial", serials),
        list("wwn", wwns),
        model.as_ref().map(|model| format!("model {}", model.0)),
        path.as_ref().map(|path| format!("path {}", path.0)),
        rotational.map(|turns| if turns { "rotational" } else { "not rotational" }.to_owned()),
        least.map(|size| format!("at least {}", exact(size))),
        max_size.map(|size| format!("at most {}", exact(size))),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
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
