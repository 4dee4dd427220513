//! Who belongs to the cluster, and over which networks they know it: `[corosync]`, in the words of corosync.conf(5).

use super::document::{Section, Table};
use super::setting::{Kind, Setting, Settings};
use super::value::Placed;
use super::words::NetworkName;

const TOTEM: &[Setting] = &[Setting::new("token", Kind::Number(1000, 60_000, "milliseconds"), "3000")];

/// knet has so many links at most.
const LINKS: usize = 8;

/// All nodes of the file are members.
#[derive(Clone, Debug)]
pub(super) struct Corosync {
    /// One link each, the best first.
    pub(super) networks: Vec<Placed<NetworkName>>,
    pub(super) totem: Settings,
}

impl Section for Corosync {
    const ABOUT: &'static str = "all nodes of this file are members of one cluster";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let networks: Vec<Placed<NetworkName>> = table.list("networks");
        let hint = "add a line such as `networks = [\"replication\", \"lan\"]`";
        table.must_have("networks", "missing key `networks`", hint);
        if table.has("networks") && !(1..=LINKS).contains(&networks.len()) {
            let message = format!("{} networks, and corosync takes 1 to {LINKS}", networks.len());
            let hint = "name the networks over which the nodes hear each other, the best first";
            table.problem("networks", message, hint);
        }
        Some(Self { networks, totem: Settings::read(table, TOTEM) })
    }
}

impl Corosync {
    /// Milliseconds until a node that says nothing is no member any more: the token's, and 1.2 times as long to agree.
    pub(super) fn detection(&self) -> u64 {
        u64::from(self.totem.number("token")) * 22 / 10
    }
}
