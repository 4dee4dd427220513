//! The same plan with its disks called otherwise. A disk is known by the ids on it; its name is that of the day.

use super::{Plan, Waste};

impl Plan {
    /// Its disks called `disk0`, `disk1`, … in their order, as in an image: so the plan says nothing of the machine that it was
    /// made on.
    #[must_use]
    pub fn numbered(&self) -> Self {
        let names: Vec<String> = (0..self.disks.len()).map(|at| format!("disk{at}")).collect();
        self.named(&names)
    }

    /// Its disks called by `names`, in their order; those behind the end of the list keep theirs.
    #[must_use]
    pub fn named(&self, names: &[String]) -> Self {
        let mut named = self.clone();
        for (disk, name) in named.disks.iter_mut().zip(names) {
            disk.name.clone_from(name);
        }
        named.waste = self.waste.iter().map(|waste| self.waste_named(waste, names)).collect();
        named
    }

    /// Its reason may name a disk, too.
    fn waste_named(&self, waste: &Waste, names: &[String]) -> Waste {
        let renamed = || self.disks.iter().map(|disk| &disk.name).zip(names);
        let disk = renamed().find(|(old, _)| **old == waste.disk).map_or(&waste.disk, |(_, new)| new);
        let like = |name: &str| format!("cut like {name},");
        let named = renamed().find(|(old, _)| waste.why.starts_with(&like(old)));
        let why = named.map_or(waste.why.clone(), |(old, new)| waste.why.replacen(&like(old), &like(new), 1));
        Waste { disk: disk.clone(), bytes: waste.bytes, why }
    }
}

#[cfg(test)]
mod tests {
    use crate::format::fixture;
    use crate::plan::Waste;
    use crate::units::Bytes;

    #[test]
    fn names_change_and_nothing_else() {
        let mut plan = fixture::raid1();
        let why = "cut like disk1, the smallest disk of `system`".to_owned();
        plan.waste.push(Waste { disk: "disk0".to_owned(), bytes: Bytes::MIB, why });
        let named = plan.named(&["/dev/sdb".to_owned(), "/dev/sda".to_owned()]);
        let names: Vec<_> = named.disks.iter().map(|disk| disk.name.as_str()).collect();
        assert_eq!(names, ["/dev/sdb", "/dev/sda"]);
        let waste = named.waste.last().map(|waste| (waste.disk.as_str(), waste.why.as_str()));
        assert_eq!(waste, Some(("/dev/sdb", "cut like /dev/sda, the smallest disk of `system`")));
        assert_eq!(named.numbered(), plan);
    }
}
