//! A machine, as a probe found it.

use serde::Serialize;

use super::found::Found;
use crate::units::Bytes;

/// What an installer knows of the machine that it runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// What has started it.
    pub firmware: Firmware,
    /// Memory that the kernel has.
    pub memory: Bytes,
    /// Serial number of the machine (DMI); empty where it has none.
    pub serial: String,
    /// Network cards, by name.
    pub nics: Vec<Nic>,
    /// Disks, by the place that they are plugged in.
    pub disks: Vec<Found>,
}

/// What has started a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Firmware {
    /// BIOS, or UEFI that behaves like one.
    Bios,
    /// UEFI.
    Uefi {
        /// It starts only what somebody has signed.
        #[serde(rename = "secure-boot")]
        secure_boot: bool,
    },
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nic {
    /// How the kernel calls it.
    pub name: String,
    /// Lower case, with colons.
    pub mac: String,
    /// The driver, if one is told.
    pub driver: Option<String>,
}
