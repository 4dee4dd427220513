//! What is there: the disks that a plan may use.

use serde::Serialize;

use crate::units::{Bytes, SectorSize};

/// One disk of a machine, or of an image that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskFacts {
    /// How messages call it: `disk0` for an image, a device path on a machine.
    pub name: String,
    /// Its whole size.
    pub size: Bytes,
    /// Its logical sector size.
    pub sector_size: SectorSize,
}
