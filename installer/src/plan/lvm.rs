//! LVM: one physical volume per group, every volume one run of extents.

use super::draft::Draft;
use super::refusal::{Refusal, exact};
use super::shares::{self, Claim};
use super::{Device, LogicalVolume, VolumeGroup};
use crate::model::storage::{LogicalVolumeRule, VolumeGroupRule};
use crate::units::Bytes;

/// `pvcreate`'s default: 4 KiB of labels, the rest for metadata.
const PE_START: Bytes = Bytes::MIB;
/// `vgcreate`'s default.
const EXTENT: Bytes = Bytes::mib(4);

impl Draft<'_> {
    pub(super) fn build_volume_groups(&mut self) {
        let layout = self.layout;
        for rule in &layout.volume_groups {
            let Some((on, size)) = self.device(&rule.on, &format!("volume group `{}`", rule.name)) else {
                continue;
            };
            match self.volume_group(rule, on, size) {
                Ok(group) => self.plan.volume_groups.push(group),
                Err(refusal) => self.refuse(refusal),
            }
        }
    }

    fn volume_group(
        &self,
        rule: &VolumeGroupRule,
        on: Device,
        device_size: Bytes,
    ) -> Result<VolumeGroup, Refusal> {
        let volumes = self.layout.logical_volumes.iter().filter(|volume| volume.group == rule.name);
        let volumes: Vec<&LogicalVolumeRule> = volumes.collect();
        let extents = device_size.saturating_sub(PE_START).0 / EXTENT.0;
        let mut claims: Vec<Claim> =
            volumes.iter().map(|volume| Claim::piece(&volume.size, EXTENT)).collect();
        claims.push(Claim::room(&rule.free, EXTENT));
        let sizes = shares::share_out(extents, &claims).ok_or_else(|| too_small(rule, extents, &claims))?;
        let path = format!("vg/{}", rule.name);
        Ok(VolumeGroup {
            name: rule.name.clone(),
            id: self.seed.lvm_id(&path),
            pv_id: self.seed.lvm_id(&format!("{path}/pv")),
            on,
            device_size,
            pe_start: PE_START,
            extent_size: EXTENT,
            extents,
            volumes: self.volumes(&path, &volumes, &sizes),
        })
    }

    fn volumes(&self, path: &str, rules: &[&LogicalVolumeRule], sizes: &[u64]) -> Vec<LogicalVolume> {
        let mut start = 0;
        let place = |(rule, extents): (&&LogicalVolumeRule, &u64)| {
            let id = self.seed.lvm_id(&format!("{path}/lv/{}", rule.name));
            let name = rule.name.clone();
            let volume = LogicalVolume { name, id, start, extents: *extents, drbd: rule.drbd };
            start += extents;
            volume
        };
        rules.iter().zip(sizes).map(place).collect()
    }
}

fn too_small(rule: &VolumeGroupRule, extents: u64, claims: &[Claim]) -> Refusal {
    let size = |extents: u64| exact(Bytes(extents.saturating_mul(EXTENT.0)));
    let needed = shares::needed(claims);
    let free = if rule.free.min == Bytes::ZERO { "" } else { " and its free space" };
    Refusal::new(
        format!(
            "the volumes of `{}`{free} need {}, but {} has room for {}: {} are missing",
            rule.name,
            size(needed),
            rule.on,
            size(extents),
            size(needed.saturating_sub(extents))
        ),
        format!("raise the minimum size of the partition below {}, or lower those of the volumes", rule.on),
    )
}
