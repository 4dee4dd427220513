//! What the end-to-end tests share: the program under test, a Debian archive to lead it astray with, nodes in QEMU, and
//! foreign tools as judges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod archive;
pub mod bare;
pub mod check;
pub mod disks;
pub mod guest;
pub mod judge;
pub mod layout;
pub mod power_cut;
pub mod power_on;
pub mod rack;
pub mod recording;
pub mod rehearsal;
pub mod running;
pub mod table;
pub mod trial;
pub mod world;
pub mod write_log;
pub mod writer;
pub mod xbuild;
