//! Whose disks these are: a node's GPTs carry ids that follow from its name.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::facts::{Found, MOST_DISKS};
use crate::plan::Seed;

/// The disks of all nodes of a cluster, by the GUID of their GPT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners(BTreeMap<Uuid, String>);

impl Owners {
    /// Of these nodes.
    pub fn new<'a>(cluster: &str, nodes: impl IntoIterator<Item = &'a str>) -> Self {
        let disks = |node: &'a str| {
            let seed = Seed::node(cluster, node);
            (0..MOST_DISKS).map(move |at| (seed.disk(at), node.to_owned()))
        };
        Self(nodes.into_iter().flat_map(disks).collect())
    }

    /// The node that a disk was laid out for; none if it was not us, or another cluster.
    #[must_use]
    pub fn of(&self, disk: &Found) -> Option<&str> {
        let guid = disk.table.as_ref()?.guid()?;
        self.0.get(&guid).map(String::as_str)
    }
}
