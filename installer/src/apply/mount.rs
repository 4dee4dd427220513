//! The node's file systems below [`TARGET`](super::TARGET), each after the one that it lies in.

use super::step::{Action, Step};
use super::{TARGET, device};
use crate::host::Command;
use crate::plan::{Filesystem, Plan};

pub(super) fn mount(plan: &Plan) -> Vec<Step> {
    mounted(plan).into_iter().flat_map(|(filesystem, mount)| mount_one(plan, filesystem, mount)).collect()
}

pub(super) fn unmount(plan: &Plan) -> Vec<Step> {
    mounted(plan).into_iter().rev().map(|(filesystem, mount)| unmount_one(plan, filesystem, mount)).collect()
}

/// What has a mount point, by its depth.
fn mounted(plan: &Plan) -> Vec<(&Filesystem, &str)> {
    let mut mounted: Vec<_> = (plan.filesystems.iter())
        .filter_map(|filesystem| Some((filesystem, filesystem.mount.as_deref()?)))
        .collect();
    mounted.sort_by_key(|(_, mount)| mount.trim_end_matches('/').matches('/').count());
    mounted
}

fn folder(mount: &str) -> String {
    format!("{TARGET}{}", mount.trim_end_matches('/'))
}

fn mount_one(plan: &Plan, filesystem: &Filesystem, mount: &str) -> [Step; 2] {
    let (node, folder) = (device::node(plan, &filesystem.on), folder(mount));
    let options = filesystem.options.join(",");
    let mut argv = vec!["mount", "-t", "ext4"];
    if !options.is_empty() {
        argv.extend(["-o", &options]);
    }
    argv.extend([node.as_str(), &folder]);
    let what = format!("mounting {mount} on {folder}");
    [
        Step::run(format!("making the mount point of {mount}"), Command::new(["mkdir", "-p", &folder])),
        Step::run(what, Command::new(argv))
            .on(device::disks(plan, &filesystem.on))
            .undone_by(Action::Run(umount(&folder))),
    ]
}

fn unmount_one(plan: &Plan, filesystem: &Filesystem, mount: &str) -> Step {
    let unmount = Step::run(format!("unmounting {mount}"), umount(&folder(mount)));
    unmount.on(device::disks(plan, &filesystem.on)).settling_itself()
}

pub(super) fn umount(folder: &str) -> Command {
    Command::new(["umount", folder])
}
