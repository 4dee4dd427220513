//! Which secrets the tables of a cluster file call for.

use std::collections::BTreeSet;

use super::Cluster;
use crate::model::secret::{Kind, Secret};

impl Cluster {
    /// All secrets of this cluster, each with the nodes that get it.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let mut secrets = self.drbd_secrets();
        let members = self.members();
        if !members.is_empty() {
            secrets.push(Secret::new(Kind::Corosync, members));
        }
        secrets
    }

    fn drbd_secrets(&self) -> Vec<Secret> {
        let secret = |device: &super::Drbd| {
            let nodes = device.nodes.iter().map(|node| node.value.to_string());
            Secret::new(Kind::Drbd(device.name.to_string()), nodes.collect())
        };
        self.drbd.iter().map(secret).collect()
    }

    /// Nodes that Corosync is going to join, in the order of the file: those that replicate anything.
    fn members(&self) -> Vec<String> {
        let named = self.drbd.iter().flat_map(|device| &device.nodes);
        let named: BTreeSet<&str> = named.map(|node| node.value.as_str()).collect();
        self.nodes().filter(|node| named.contains(node)).map(str::to_owned).collect()
    }
}
