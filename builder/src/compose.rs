//! The file target: a plan's disks as sparse files, without root, loop devices or the kernel's md and dm.
//!
//! The formats themselves are [`installer::format`]'s, but for `md`: on a machine the kernel writes its superblocks. `volume`
//! says where the bytes of a file system lie on the disks, `sparse` copies without filling holes, and `disk` puts it
//! together.

pub mod disk;
#[cfg(test)]
#[path = "../../installer/src/format/fixture.rs"]
pub(crate) mod fixture;
pub mod md;
pub mod sparse;
pub mod volume;
