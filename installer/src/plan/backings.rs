//! Whether there is room for the copies of replicated devices.

use super::{Plan, Refusal, exact};
use crate::model::node::Replicated;
use crate::model::storage::Carrier;
use crate::units::Bytes;

/// A refusal for each backing with less than its device wants.
pub(super) fn too_small(replicated: &[Replicated], plan: &Plan) -> Vec<Refusal> {
    let refusal = |device: &Replicated| {
        let has = plan.carrier_size(&device.backing)?;
        let Replicated { name, backing, min_size, .. } = device;
        let message =
            format!("{backing} has {}, and `{name}` wants {} at least", exact(has), exact(*min_size));
        let hint = format!("give the node a larger disk, or `{name}` a smaller `min-size`");
        (has < *min_size).then(|| Refusal::new(message, hint))
    };
    replicated.iter().filter_map(refusal).collect()
}

impl Plan {
    fn carrier_size(&self, carrier: &Carrier) -> Option<Bytes> {
        match carrier {
            Carrier::Partition(name) => {
                let mut partitions = self.partitions().map(|(_, partition)| partition);
                partitions.find(|partition| partition.name == *name).map(|partition| partition.size)
            }
            Carrier::Array(name) => self.array(name).map(|array| array.size),
            Carrier::Volume { group, name } => {
                let group = self.volume_group(group)?;
                Some(group.extents_size(group.volume(name)?.extents))
            }
        }
    }
}
