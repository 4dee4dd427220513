//! A plan in the making: what has been decided so far, and what has been refused.

use super::{Device, PartitionRef, Plan, Refusal, Seed};
use crate::facts::DiskFacts;
use crate::model::storage::{Carrier, Layout};
use crate::units::Bytes;

pub(super) struct Draft<'a> {
    pub(super) layout: &'a Layout,
    pub(super) facts: &'a [DiskFacts],
    pub(super) seed: &'a Seed,
    pub(super) plan: Plan,
    pub(super) refusals: Vec<Refusal>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(layout: &'a Layout, facts: &'a [DiskFacts], seed: &'a Seed) -> Self {
        let plan = Plan {
            layout: layout.name.clone(),
            firmware: layout.firmware,
            initrd: layout.initrd,
            disks: Vec::new(),
            arrays: Vec::new(),
            volume_groups: Vec::new(),
            filesystems: Vec::new(),
            waste: Vec::new(),
        };
        Self { layout, facts, seed, plan, refusals: Vec::new() }
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// The plan, unless something was refused. Our own checks come last: a plan that breaks them must not leave.
    pub(super) fn finish(mut self) -> Result<Plan, Vec<Refusal>> {
        if self.refusals.is_empty()
            && let Err(mistakes) = self.plan.verify()
        {
            self.refusals.extend(mistakes.iter().map(Refusal::bug));
        }
        if self.refusals.is_empty() { Ok(self.plan) } else { Err(self.refusals) }
    }

    /// Every partition of that name: one on each disk of its group, in the order of the disks.
    pub(super) fn partitions_named(&self, name: &str) -> Vec<PartitionRef> {
        let disks = self.plan.disks.iter().enumerate();
        disks
            .filter_map(|(disk, planned)| {
                let partition = planned.partitions.iter().find(|partition| partition.name == name)?;
                Some(PartitionRef { disk, number: partition.number })
            })
            .collect()
    }

    /// The device that a name stands for, and its size; none if it was refused before.
    pub(super) fn device(&mut self, carrier: &Carrier, user: &str) -> Option<(Device, Bytes)> {
        let device = match carrier {
            Carrier::Partition(name) => self.only_partition(name, user)?,
            Carrier::Array(name) => Device::Array(name.clone()),
            Carrier::Volume { group, name } => Device::Volume { group: group.clone(), name: name.clone() },
        };
        let size = self.plan.device_size(&device);
        if size.is_none() {
            self.refuse_missing(user, carrier);
        }
        Some((device, size?))
    }

    fn only_partition(&mut self, name: &str, user: &str) -> Option<Device> {
        match self.partitions_named(name).as_slice() {
            [] => {
                self.refuse_missing(user, &Carrier::Partition(name.to_owned()));
                None
            }
            [only] => Some(Device::Partition(*only)),
            several => {
                let disks = several.len();
                self.refuse(Refusal::new(
                    format!("{user} lies on partition `{name}`, but {disks} disks have one"),
                    "let the group have exactly one disk, or put an array over the partition",
                ));
                None
            }
        }
    }

    /// Something that another thing lies on is not there: either that was refused already, or the layout was
    /// never checked.
    pub(super) fn refuse_missing(&mut self, user: &str, carrier: &Carrier) {
        if self.refusals.is_empty() {
            let layout = &self.layout.name;
            self.refuse(Refusal::new(
                format!("layout `{layout}`: {user} lies on {carrier}, which does not exist"),
                "define it, or correct the name",
            ));
        }
    }
}
