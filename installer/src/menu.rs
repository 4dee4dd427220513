//! The boot menu: the role's, with blanks where a node's own values go.
//!
//! It is made once for a role, where there are no disks yet; ids and arguments are filled in for each node.

use anyhow::{Context as _, Result};

use crate::context::BootArguments;
use crate::plan::{Device, Filesystem, Plan};

/// Blanks for a node's arguments; neither of them occurs in GRUB's own text.
pub mod blank {
    /// Hypervisor arguments.
    pub const XEN: &str = "xbuild-xen-arguments";
    /// Kernel arguments.
    pub const KERNEL: &str = "xbuild-kernel-arguments";
}

/// Blanks for the ids of a device. None of them occurs in GRUB's own text.
#[derive(Clone, Copy, Debug)]
pub struct Blanks {
    /// Its path.
    pub device: &'static str,
    /// The file system's UUID.
    pub uuid: &'static str,
    /// The partition's, where it is one.
    pub partuuid: &'static str,
    /// The array's, where it is one.
    pub array: &'static str,
}

/// The device that `/` lies on.
pub const ROOT: Blanks = Blanks {
    device: "/dev/xbuild-root",
    uuid: "xbuild-root-uuid",
    partuuid: "xbuild-root-partuuid",
    array: "xbuild-root-array",
};

/// The device that `/boot` lies on, where it is a file system of its own.
pub const BOOT: Blanks = Blanks {
    device: "/dev/xbuild-boot",
    uuid: "xbuild-boot-uuid",
    partuuid: "xbuild-boot-partuuid",
    array: "xbuild-boot-array",
};

/// The menu with a plan's ids and a node's arguments in its blanks.
///
/// # Errors
/// When the plan has no `/`.
pub fn fill(menu: &str, plan: &Plan, arguments: &BootArguments) -> Result<String> {
    let root = plan.filesystem_at("/").context("BUG: a plan without a root file system")?;
    let menu = fill_place(menu, ROOT, plan, root);
    let menu = fill_place(&menu, BOOT, plan, filesystem(plan)?);
    Ok(menu.replace(blank::XEN, &arguments.xen).replace(blank::KERNEL, &arguments.kernel))
}

/// The file system with the menu: `/boot`, or `/` where that is not one of its own.
///
/// # Errors
/// When the plan has no `/`.
pub fn filesystem(plan: &Plan) -> Result<&Filesystem> {
    let found = plan.filesystem_at("/boot").or_else(|| plan.filesystem_at("/"));
    found.context("BUG: a plan without a root file system")
}

/// The folder of GRUB's files, from the root of the file system that it is on.
#[must_use]
pub fn folder(plan: &Plan) -> &'static str {
    if plan.filesystem_at("/boot").is_some() { "/grub" } else { "/boot/grub" }
}

fn fill_place(menu: &str, blanks: Blanks, plan: &Plan, filesystem: &Filesystem) -> String {
    let partuuid = match &filesystem.on {
        Device::Partition(at) => plan.partition(*at).map(|partition| partition.guid.to_string()),
        Device::Array(_) | Device::Volume { .. } => None,
    };
    let array = match &filesystem.on {
        Device::Array(name) => plan.array(name).map(|array| array.uuid.simple().to_string()),
        Device::Partition(_) | Device::Volume { .. } => None,
    };
    menu.replace(blanks.uuid, &filesystem.uuid.to_string())
        .replace(blanks.partuuid, &partuuid.unwrap_or_default())
        .replace(blanks.array, &array.unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{fill, folder};
    use crate::context::BootArguments;
    use crate::format::fixture;

    #[test]
    fn a_nodes_values_go_into_the_blanks() {
        let arguments = BootArguments { xen: "dom0_mem=1G".to_owned(), kernel: "quiet".to_owned() };
        let menu = "mduuid/xbuild-root-array xbuild-boot-uuid xbuild-xen-arguments xbuild-kernel-arguments";
        assert_eq!(
            fill(menu, &fixture::raid1(), &arguments).unwrap(),
            "mduuid/00000000000040008000000000000201 00000000-0000-4000-8000-000000000501 dom0_mem=1G quiet"
        );
    }

    #[test]
    fn grub_lies_below_the_root_of_its_own_file_system() {
        let mut plan = fixture::raid1();
        assert_eq!(folder(&plan), "/boot/grub");
        plan.filesystems[2].mount = Some("/boot".to_owned());
        assert_eq!(folder(&plan), "/grub");
    }
}
