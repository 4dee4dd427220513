//! `xbuild`: bootable Debian node images for Xen clusters, from signed packages.

pub mod cache;
pub mod compose;
pub mod debian;
pub mod failure;
pub mod kernel;
pub mod lock;
pub mod privilege;
pub mod repository;
pub mod rootfs;
pub mod sandbox;
pub mod stage;
pub mod tools;
