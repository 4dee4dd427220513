//! An array as the kernel has started it, against the plan.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use super::{Roots, text};
use crate::apply::partition;
use crate::model::storage::RaidLevel;
use crate::plan::{Array, Plan, exact};
use crate::units::Bytes;

/// RAID10 with two copies, each next to the other.
const NEAR_2: &str = "258";
/// What sysfs counts offsets in, whatever the disk's sectors are.
const SECTOR: u64 = 512;

/// What sysfs says of an array (Documentation/admin-guide/md.rst).
#[derive(Debug)]
pub(super) struct Seen {
    level: String,
    layout: String,
    chunk: Bytes,
    member_size: Bytes,
    degraded: String,
    /// Slot → device and where its data starts.
    members: BTreeMap<String, (String, Bytes)>,
}

impl Seen {
    pub(super) fn read(roots: &Roots, name: &str) -> Result<Self> {
        let link = roots.dev.join("md").join(name);
        let node = fs::read_link(&link).with_context(|| format!("cannot read {}", link.display()))?;
        let folder = roots.sys.join("block").join(node.file_name().unwrap_or_default()).join("md");
        let attribute = |name: &str| text(&folder.join(name));
        let number = |name: &str| Ok::<_, anyhow::Error>(attribute(name)?.parse::<u64>()?);
        let mut members = BTreeMap::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let Some(device) =
                entry.file_name().to_str().and_then(|name| name.strip_prefix("dev-").map(str::to_owned))
            else {
                continue;
            };
            let offset: u64 = text(&entry.path().join("offset"))?.parse()?;
            let slot = text(&entry.path().join("slot"))?;
            members.insert(slot, (format!("/dev/{device}"), Bytes(offset.saturating_mul(SECTOR))));
        }
        Ok(Self {
            level: attribute("level")?,
            layout: attribute("layout")?,
            chunk: Bytes(number("chunk_size")?),
            member_size: Bytes::KIB * number("component_size")?,
            degraded: attribute("degraded")?,
            members,
        })
    }

    /// In words; none if all is as the plan has it.
    pub(super) fn differences(&self, plan: &Plan, array: &Array) -> Vec<String> {
        let (level, layout, chunk) = match array.level {
            RaidLevel::Raid1 => ("raid1", &*self.layout, self.chunk),
            RaidLevel::Raid10 => ("raid10", NEAR_2, array.chunk),
        };
        let mut wrong = Vec::new();
        let mut differ = |what: &str, there: String, planned: String| {
            if there != planned {
                wrong.push(format!("its {what} is {there}, and the plan has {planned}"));
            }
        };
        differ("level", self.level.clone(), level.to_owned());
        differ("layout", self.layout.clone(), layout.to_owned());
        differ("chunk", exact(self.chunk), exact(chunk));
        differ("size on each member", exact(self.member_size), exact(array.member_size));
        for (slot, member) in array.members.iter().enumerate() {
            let disk = member.partition.disk(plan).map_or("", |disk| &disk.name);
            let planned = (partition(disk, member.partition.number), array.data_offset);
            let there = self.members.get(&slot.to_string());
            let shown =
                |(device, offset): &(String, Bytes)| format!("{device} with data at {}", exact(*offset));
            let nothing = || "missing".to_owned();
            differ(&format!("member {slot}"), there.map_or_else(nothing, shown), shown(&planned));
        }
        if wrong.is_empty() && self.degraded != "0" {
            wrong.push("it is degraded: let it be rebuilt first".to_owned());
        }
        wrong
    }
}
