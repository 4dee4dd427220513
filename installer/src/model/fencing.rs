//! How a node that cannot be trusted any more is switched off: `[fencing]`, and what each node says of its own device.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::document::{Section, Table};
use super::number::BmcPort;
use super::setting::{Kind, Setting, Settings};
use super::value::{Choice, Found, Value, Wrong};
use super::words::{DeviceFile, Hostname, Name, UserName};

/// Seconds: what one fencing may take, and the head start of the node with the lowest number, so that two nodes that
/// have lost each other do not both die.
const TIMES: &[Setting] = &[
    Setting::new("timeout", Kind::Number(5, 600, "seconds"), "30"),
    Setting::new("delay", Kind::Number(0, 60, "seconds"), "5"),
];

/// What switches a node off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FenceAgent {
    /// A BMC that speaks IPMI 2.0 over the network.
    Ipmi,
    /// A BMC that speaks Redfish.
    Redfish,
    /// The host of a guest.
    Virt,
}

impl FenceAgent {
    const ALL: [Self; 3] = [Self::Ipmi, Self::Redfish, Self::Virt];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ipmi => "ipmi",
            Self::Redfish => "redfish",
            Self::Virt => "virt",
        }
    }

    /// The agent's program, which pacemaker knows as `stonith:PROGRAM`.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Ipmi => "fence_ipmilan",
            Self::Redfish => "fence_redfish",
            Self::Virt => "fence_xvm",
        }
    }
}

impl Choice for FenceAgent {
    const NAME: &'static str = "fence agent";
    const EXAMPLE: &'static str = "\"ipmi\"";

    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|agent| (agent.as_str(), agent)).to_vec()
    }
}

/// `[fencing]`.
#[derive(Clone, Debug)]
pub(super) struct Fencing {
    pub(super) agent: FenceAgent,
    pub(super) user: Option<UserName>,
    pub(super) times: Settings,
    pub(super) watchdog: Option<DeviceFile>,
}

impl Section for Fencing {
    const ABOUT: &'static str = "how a node that cannot be trusted any more is switched off";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (agent, user) = (table.required("agent"), table.optional("user"));
        let (times, watchdog) = (Settings::read(table, TIMES), table.optional("watchdog"));
        Some(Self { agent: agent?, user, times, watchdog })
    }
}

impl Fencing {
    /// Milliseconds until a node is fenced, at worst.
    pub(super) fn duration(&self) -> u64 {
        u64::from(self.times.number("timeout") + self.times.number("delay")) * 1000
    }
}

/// `[node.fencing]`: what switches this node off.
#[derive(Clone, Debug)]
pub(super) struct FenceDevice {
    pub(super) agent: Option<FenceAgent>,
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<BmcPort>,
    pub(super) user: Option<UserName>,
    /// The name of the password's file, never the password.
    pub(super) secret: Option<Name>,
    /// The guest's name on its host.
    pub(super) guest: Option<Hostname>,
}

impl Section for FenceDevice {
    const ABOUT: &'static str = "what switches this node off";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        // Nobody may write it here. No other problem may show its line.
        let _: Option<Password> = table.optional("password");
        let device = Self {
            agent: table.optional("agent"),
            address: table.optional("address"),
            port: table.optional("port"),
            user: table.optional("user"),
            secret: table.optional("secret"),
            guest: table.optional("guest"),
        };
        (!table.has("password")).then_some(device)
    }
}

/// What must never stand in a cluster file.
struct Password;

impl Value for Password {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"...\"";
    const SECRET: bool = true;

    fn read(_: &Found<'_>) -> Result<Self, Wrong> {
        let hint = "write `secret = \"bmc-NODE\"` instead, and the password into the file of that name: `xbuild secrets`";
        Err(Wrong::value("a password does not belong into a cluster file", hint))
    }
}
