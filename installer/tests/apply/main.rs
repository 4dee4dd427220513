//! Plans in, steps out; steps done on a machine that only remembers.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod failures;
mod golden;
#[path = "../plan/layouts.rs"]
mod layouts;
mod order;
mod plans;
mod refusals;
mod replacement;
