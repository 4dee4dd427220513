//! Layouts and disks in, plans or refusals out.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod golden;
mod layouts;
mod properties;
mod refusals;
mod table;
