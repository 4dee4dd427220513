//! `xbuild`: bootable Debian node images for Xen clusters, from signed packages.

pub mod bootfiles;
pub mod cache;
pub mod cli;
pub mod compose;
pub mod debian;
pub mod failure;
pub mod image;
pub mod inspect;
pub mod kernel;
pub mod lock;
pub mod manifest;
pub mod package;
pub mod privilege;
pub mod publish;
pub mod repository;
pub mod reproducible;
pub mod rootfs;
pub mod run;
pub mod sandbox;
pub mod session;
pub mod signing;
pub mod stage;
pub mod tools;
pub mod vm;
