//! Bad input: what is said, to the letter, and that nothing broken is left behind.

#[path = "refusals/archives.rs"]
mod archives;
#[path = "refusals/files.rs"]
mod files;
#[path = "refusals/host.rs"]
mod host;
#[path = "refusals/locked.rs"]
mod locked;
