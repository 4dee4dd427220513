//! Which secrets the tables of a cluster file call for.

use std::collections::BTreeSet;

use super::Cluster;
use crate::model::drbd::Drbd;
use crate::model::fencing::FenceAgent;
use crate::model::secret::{Kind, Secret};

impl Cluster {
    /// All secrets of this cluster, each with the nodes that get it.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let drbd = |device: &Drbd| {
            let nodes = device.nodes.iter().map(|node| node.value.to_string());
            Secret::new(Kind::Drbd(device.name.to_string()), nodes.collect())
        };
        let mut secrets: Vec<Secret> = self.drbd.iter().map(drbd).collect();
        if self.high_availability.corosync.is_some() {
            let all = || self.nodes().map(str::to_owned).collect();
            secrets.extend(self.member_secrets().into_iter().map(|kind| Secret::new(kind, all())));
        }
        secrets
    }

    /// What every member has: any of them may have to fence any other one.
    fn member_secrets(&self) -> Vec<Kind> {
        let devices = self.membership().fencing;
        let passwords: BTreeSet<&String> =
            devices.iter().filter_map(|device| device.secret.as_ref()).collect();
        let virt = devices.iter().any(|device| device.agent == FenceAgent::Virt).then_some(Kind::FenceVirt);
        let passwords = passwords.into_iter().map(|name| Kind::Password(name.clone()));
        [Kind::Corosync].into_iter().chain(virt).chain(passwords).collect()
    }
}
