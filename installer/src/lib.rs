//! What a node should be, what is there, and the plan between the two.

pub mod context;
pub mod facts;
pub mod host;
pub mod identity;
pub mod model;
pub mod overlay;
#[cfg(feature = "payload")]
pub mod payload;
pub mod plan;
pub mod units;
