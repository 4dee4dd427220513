//! What a node should be, what is there, and the plan between the two.

// The fixture calls this crate by its name: other crates include it by its path.
#[cfg(test)]
extern crate self as installer;

pub mod apply;
pub mod content;
pub mod context;
pub mod facts;
pub mod format;
pub mod host;
pub mod identity;
pub mod initrd;
pub mod menu;
pub mod model;
pub mod overlay;
pub mod plan;
pub mod units;
pub mod wipe;
