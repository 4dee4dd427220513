//! What a node should be, what is there, and the plan between the two.

// The fixture calls this crate by its name: other crates include it by its path.
#[cfg(test)]
extern crate self as installer;

pub mod apply;
#[cfg(feature = "install")]
pub mod arguments;
pub mod check;
#[cfg(feature = "install")]
pub mod cli;
#[cfg(feature = "install")]
pub mod console;
pub mod content;
pub mod context;
pub mod facts;
#[cfg(feature = "install")]
pub mod finished;
#[cfg(feature = "install")]
pub mod firstboot;
pub mod format;
pub mod host;
pub mod identity;
pub mod import;
#[cfg(feature = "install")]
pub mod init;
pub mod initrd;
#[cfg(feature = "install")]
pub mod install;
pub mod kept;
#[cfg(feature = "install")]
pub mod medium;
pub mod menu;
pub mod model;
#[cfg(feature = "install")]
pub mod network;
pub mod notify;
pub mod overlay;
pub mod own_cluster;
pub mod own_plan;
#[cfg(feature = "install")]
pub mod payload;
pub mod plan;
#[cfg(feature = "install")]
pub mod replace;
#[cfg(feature = "install")]
pub mod report;
pub mod role;
pub mod secrets;
#[cfg(feature = "install")]
pub mod status;
pub mod units;
pub mod wipe;
