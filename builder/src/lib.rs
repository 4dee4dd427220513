//! `xbuild`: bootable Debian node images for Xen clusters, from signed packages.

pub mod cache;
pub mod debian;
pub mod failure;
pub mod lock;
pub mod privilege;
pub mod repository;
pub mod sandbox;
pub mod stage;
pub mod tools;
