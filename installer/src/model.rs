//! What may be said: profiles and the cluster file, read into plain values, every problem with its place.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod cluster;
pub mod document;
mod drbd;
pub mod install;
mod layout;
pub mod link;
mod names;
pub mod network;
pub mod node;
pub mod problem;
pub mod profile;
pub mod resolve;
pub mod secret;
mod setting;
mod ssh_key;
pub mod storage;
pub(crate) mod suggest;
pub mod value;
pub mod words;
