//! `xbuild inspect` on our own disks, on disks that foreign tools have made, and on garbage. What it says is compared with
//! what the tools say that know each format best.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "inspect/bench.rs"]
mod bench;
#[path = "inspect/disks.rs"]
mod disks;
#[path = "inspect/foreign.rs"]
mod foreign;
#[path = "inspect/garbage.rs"]
mod garbage;
#[path = "inspect/judges.rs"]
mod judges;
#[path = "inspect/made.rs"]
mod made;
