//! A node with its plan.

use anyhow::{Result, anyhow};
use installer::facts::{DiskFacts, of_sizes, parse_disks};
use installer::model::node::NodeSpec;
use installer::plan::{Plan, Seed, plan_node};
use installer::units::Bytes;

/// A node, and what will be on its disks.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The node.
    pub spec: NodeSpec,
    /// Its disks.
    pub plan: Plan,
}

impl Planned {
    /// The node on these disks, such as `2x8G,1x4G`, else on those of the cluster file, else on the smallest that do.
    ///
    /// # Errors
    /// When the text does not say disks, or the layout refuses them.
    pub fn new(spec: NodeSpec, disks: Option<&str>) -> Result<Self> {
        let disks = match disks {
            Some(text) => parse_disks(text)?,
            None => default_disks(&spec),
        };
        let seed = match &spec.identity {
            Some(identity) => Seed::node(&identity.cluster, &identity.hostname),
            None => Seed::generic(&spec.profile),
        };
        let plan = plan_node(&spec, &disks, &seed).map_err(|refusals| {
            let lines: Vec<_> = refusals
                .iter()
                .map(|refusal| format!("{}\n  hint: {}", refusal.message, refusal.hint))
                .collect();
            anyhow!("{}", lines.join("\nerror: "))
        })?;
        Ok(Self { spec, plan })
    }
}

/// The cluster file's disks, else for each rule of the layout as few and as small ones as it takes, with room for the copies
/// of devices.
fn default_disks(spec: &NodeSpec) -> Vec<DiskFacts> {
    const BOOT: Bytes = Bytes(8 << 30);
    const DATA: Bytes = Bytes(4 << 30);
    let named = spec.identity.as_ref().map(|identity| identity.disks.clone()).unwrap_or_default();
    if !named.is_empty() {
        return of_sizes(&named);
    }
    let copies = Bytes(spec.replicated.iter().map(|device| device.min_size.0).sum());
    let rules = spec.layout.disks.iter();
    let sizes = rules.flat_map(|rule| {
        let least = rule.min_size.max(if rule.boot { BOOT } else { DATA });
        vec![least + copies; rule.min_count]
    });
    of_sizes(&sizes.collect::<Vec<_>>())
}
