//! xbuild: from signed packages to bootable disk images of Xen cluster nodes.

pub mod compose;
