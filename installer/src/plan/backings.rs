//! Whether there is room for the copies of replicated devices.

use super::{Plan, Refusal, exact};
use crate::model::node::Replicated;

/// A refusal for each backing with less than its device wants.
pub(super) fn too_small(replicated: &[Replicated], plan: &Plan) -> Vec<Refusal> {
    let refusal = |device: &Replicated| {
        let has = plan.device_size(&plan.device(&device.backing)?)?;
        let Replicated { name, backing, min_size, .. } = device;
        let message =
            format!("{backing} has {}, and `{name}` wants {} at least", exact(has), exact(*min_size));
        let hint = format!("give the node a larger disk, or `{name}` a smaller `min-size`");
        (has < *min_size).then(|| Refusal::new(message, hint))
    };
    replicated.iter().filter_map(refusal).collect()
}
