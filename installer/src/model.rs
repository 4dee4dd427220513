//! What may be said: profiles and the cluster file, read into plain values, every problem with its place.

pub mod node;
pub mod storage;
