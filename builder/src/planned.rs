//! A node with its plan.

use anyhow::{Result, anyhow};
use installer::facts::{DiskFacts, parse_disks};
use installer::model::node::NodeSpec;
use installer::plan::{Plan, Seed, plan};
use installer::units::{Bytes, SectorSize};

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
        let plan = plan(&spec.layout, &disks, &seed).map_err(|refusals| {
            let lines: Vec<_> = refusals
                .iter()
                .map(|refusal| format!("{}\n  hint: {}", refusal.message, refusal.hint))
                .collect();
            anyhow!("{}", lines.join("\nerror: "))
        })?;
        Ok(Self { spec, plan })
    }
}

/// The cluster file's disks, else for each rule of the layout as few and as small ones as it takes.
fn default_disks(spec: &NodeSpec) -> Vec<DiskFacts> {
    const BOOT: Bytes = Bytes(8 << 30);
    const DATA: Bytes = Bytes(4 << 30);
    let named = spec.identity.as_ref().map(|identity| identity.disks.clone()).unwrap_or_default();
    let smallest = || {
        let rules = spec.layout.disks.iter();
        rules
            .flat_map(|rule| vec![rule.min_size.max(if rule.boot { BOOT } else { DATA }); rule.min_count])
            .collect()
    };
    let sizes: Vec<Bytes> = if named.is_empty() { smallest() } else { named };
    let facts = |(index, size)| DiskFacts::new(format!("disk{index}"), size, SectorSize::B512);
    sizes.into_iter().enumerate().map(facts).collect()
}
