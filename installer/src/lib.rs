//! What a node should be, what is there, and the plan between the two.

pub mod facts;
pub mod model;
pub mod overlay;
pub mod plan;
pub mod units;
