//! The rack before the rack.

pub mod agent;
pub mod bmc;
pub mod chassis;
pub mod ipmi;
pub mod keeper;
pub mod qmp;
pub mod switch;
pub mod worker;
