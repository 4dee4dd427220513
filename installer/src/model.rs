//! What may be said: profiles and the cluster file, read into plain values, every problem with its place.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod cluster;
mod corosync;
pub mod document;
mod drbd;
mod export;
pub mod fencing;
mod gfs2;
pub mod install;
mod layout;
pub mod link;
mod lvm;
pub mod membership;
mod names;
pub mod network;
pub mod node;
mod number;
mod ocfs2;
mod pacemaker;
pub mod problem;
pub mod profile;
pub mod resolve;
pub mod schema;
pub mod secret;
mod setting;
mod shared;
mod ssh_key;
pub mod storage;
pub(crate) mod suggest;
pub mod value;
pub mod words;
