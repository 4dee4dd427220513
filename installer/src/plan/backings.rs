//! Whether there is one backing for each replicated device, with room for it.

use super::{Plan, Refusal, exact};
use crate::model::node::Replicated;
use crate::model::storage::Carrier;

/// A refusal for each backing that is on several disks, or has less than its device wants.
pub(super) fn refusals(replicated: &[Replicated], plan: &Plan) -> Vec<Refusal> {
    let refusal = |device: &Replicated| several(device, plan).or_else(|| too_small(device, plan));
    replicated.iter().filter_map(refusal).collect()
}

/// A group of disks may have any number of them; which of them was meant nobody could say.
fn several(device: &Replicated, plan: &Plan) -> Option<Refusal> {
    let Replicated { name, backing: backing @ Carrier::Partition(wanted), .. } = device else { return None };
    let partitions = plan.disks.iter().flat_map(|disk| &disk.partitions);
    let disks = partitions.filter(|partition| partition.name == *wanted).count();
    let message = format!("{backing} is on {disks} disks, and `{name}` replicates one");
    let hint = "give the node one such disk, or take a profile with volumes for DRBD";
    (disks > 1).then(|| Refusal::new(message, hint))
}

fn too_small(device: &Replicated, plan: &Plan) -> Option<Refusal> {
    let has = plan.device_size(&plan.device(&device.backing)?)?;
    let Replicated { name, backing, min_size, .. } = device;
    let message = format!("{backing} has {}, and `{name}` wants {} at least", exact(has), exact(*min_size));
    let hint = format!("give the node a larger disk, or `{name}` a smaller `min-size`");
    (has < *min_size).then(|| Refusal::new(message, hint))
}
