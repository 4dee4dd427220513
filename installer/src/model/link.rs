//! What lies between a card and a network: bonds, VLANs, the size of packets.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::schema::{self, Schema};
use super::value::{Choice, Found, Value, Wrong};

/// How the cards of a bond share the work, as the kernel calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum BondMode {
    /// One card works, the others wait for it to fail. No switch needs to know.
    #[serde(rename = "active-backup")]
    ActiveBackup,
    /// LACP: the switch bundles the same ports.
    #[serde(rename = "802.3ad")]
    Lacp,
    /// One packet to each in turn: for cables from node to node without a switch.
    #[serde(rename = "balance-rr")]
    RoundRobin,
}

impl BondMode {
    const ALL: [Self; 3] = [Self::ActiveBackup, Self::Lacp, Self::RoundRobin];

    /// As systemd and the kernel call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActiveBackup => "active-backup",
            Self::Lacp => "802.3ad",
            Self::RoundRobin => "balance-rr",
        }
    }
}

impl Choice for BondMode {
    const NAME: &'static str = "bond mode";
    const EXAMPLE: &'static str = "\"active-backup\"";

    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|mode| (mode.as_str(), mode)).to_vec()
    }
}

/// The tag of a VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanId(pub u16);

impl VlanId {
    const LIMITS: RangeInclusive<u16> = 1..=4094;
}

impl Value for VlanId {
    const WHAT: &'static str = "a whole number";
    const EXAMPLE: &'static str = "20";

    fn schema() -> Schema {
        schema::number("the id of a VLAN", Self::LIMITS)
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let number = u32::read(found)?;
        let id = u16::try_from(number).ok().filter(|id| Self::LIMITS.contains(id));
        id.map(Self).ok_or_else(|| {
            Wrong::value(format!("{number} is not the id of a VLAN"), "write a whole number from 1 to 4094")
        })
    }
}

/// Bytes of the largest packet of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtu(pub u32);

impl Mtu {
    /// What every Ethernet can.
    pub const ETHERNET: Self = Self(1500);
    /// Less would be too little for IPv6, more too much for IPv4.
    const LIMITS: RangeInclusive<u32> = 1280..=65535;
}

impl Value for Mtu {
    const WHAT: &'static str = "a whole number";
    const EXAMPLE: &'static str = "9000";

    fn schema() -> Schema {
        schema::number("bytes of the largest packet", Self::LIMITS)
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let number = u32::read(found)?;
        if Self::LIMITS.contains(&number) {
            return Ok(Self(number));
        }
        let hint = "write a whole number from 1280 to 65535: Ethernet has 1500, jumbo frames mostly 9000";
        Err(Wrong::value(format!("packets of {number} bytes do not work"), hint))
    }
}
