//! What the end-to-end tests share: the program under test, nodes in QEMU, and foreign tools as judges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod guest;
pub mod judge;
pub mod xbuild;
