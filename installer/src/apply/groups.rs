//! LVM volume groups: the same bytes as in an image, then activated by the node's own tools.

use anyhow::Result;

use super::device;
use super::removal::Removal;
use super::signatures::forget;
use super::step::{Action, Step};
use crate::format::{Epoch, lvm};
use crate::host::Command;
use crate::plan::{Device, LogicalVolume, Plan, VolumeGroup};

/// A group that stays keeps its own metadata: somebody may have made more volumes in it.
pub(super) fn create(plan: &Plan, removal: &Removal, epoch: Epoch) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for group in &plan.volume_groups {
        if !removal.keeps_group(&group.name) {
            steps.push(metadata(plan, group, epoch)?);
        }
        let activate =
            Step::run(format!("activating the volume group {}", group.name), vgchange(plan, group, "y"));
        steps.push(activate.undone_by(Action::Run(vgchange(plan, group, "n"))));
        for volume in &group.volumes {
            let [wait, blank @ ..] = blank(plan, group, volume);
            steps.push(wait);
            if !removal.keeps_volume(&group.name, &volume.name) {
                steps.extend(blank);
            }
        }
    }
    Ok(steps)
}

fn metadata(plan: &Plan, group: &VolumeGroup, epoch: Epoch) -> Result<Step> {
    let pieces = lvm::physical_volume(group, &plan.device_path(&group.on), epoch)?;
    let write = Action::Write { device: device::node(plan, &group.on), pieces };
    Ok(Step::new(format!("writing the volume group {}", group.name), write)
        .on(device::disks(plan, &group.on)))
}

/// A volume is there, and shows nothing of what was there before: also one that stays raw.
fn blank(plan: &Plan, group: &VolumeGroup, volume: &LogicalVolume) -> [Step; 3] {
    let device = Device::Volume { group: group.name.clone(), name: volume.name.clone() };
    let (node, size) = (device::node(plan, &device), group.extents_size(volume.extents));
    let wait = Step::new(format!("waiting for {node}"), Action::Wait { device: node.clone(), size });
    let [wipe, clear] = forget(&node, size).map(|step| step.on(device::disks(plan, &device)));
    [wait, wipe, clear]
}

pub(super) fn deactivate(plan: &Plan) -> Vec<Step> {
    let one = |group: &VolumeGroup| {
        let what = format!("deactivating the volume group {}", group.name);
        Step::run(what, vgchange(plan, group, "n")).settling_itself()
    };
    plan.volume_groups.iter().rev().map(one).collect()
}

fn vgchange(plan: &Plan, group: &VolumeGroup, active: &str) -> Command {
    let (_, config) = sight(plan, group);
    Command::new(["vgchange", "--activate", active, "--noudevsync", "--config", &config, &group.name])
}

/// The group's device, and a configuration with which LVM sees it and no other: a disk of somebody else may hold a group of
/// the same name. There is no udev to wait for or to make nodes, and nowhere to keep backups.
pub(super) fn sight(plan: &Plan, group: &VolumeGroup) -> (String, String) {
    let device = device::node(plan, &group.on);
    let config = format!(
        "devices {{ global_filter=[\"a|^{device}$|\",\"r|.*|\"] use_devicesfile=0 obtain_device_list_from_udev=0 }} \
         activation {{ udev_sync=0 udev_rules=0 monitoring=0 }} backup {{ backup=0 archive=0 }}"
    );
    (device, config)
}
