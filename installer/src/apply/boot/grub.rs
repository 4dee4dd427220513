//! GRUB's images, made by the node's own GRUB in the node's own root, and put where nothing starts them yet. The root is
//! that of a node in the making, or the one that we run in.

use anyhow::Result;

use super::{boots_by_bios, only};
use crate::apply::finish::sync_device;
use crate::apply::step::{Action, Step};
use crate::apply::{TARGET, WORK, device, mount};
use crate::format::grub::{self, Platform};
use crate::format::{Epoch, esp};
use crate::host::Command;
use crate::menu;
use crate::plan::{Disk, PartitionKind, Plan};

/// `boot.img` among the installer's own files.
pub(in crate::apply) const SECTOR: &str = "boot.img";
const CONFIG: &str = "early.cfg";
/// Where the node's root sees the installer's own files.
const INSIDE: &str = "/run";

pub(in crate::apply) fn prepare(plan: &Plan, epoch: Epoch) -> Result<Vec<Step>> {
    let mut steps = vec![configure(plan)?];
    steps.extend(open_work());
    steps.extend(images(plan, INSIDE).into_iter().map(|(what, argv)| Step::run(what, in_root(argv))));
    steps.push(close_work());
    for disk in plan.disks.iter().filter(|disk| disk.boot) {
        steps.extend(place(plan, disk, epoch)?);
    }
    Ok(steps)
}

/// The same for one disk of the node that we run on.
pub(in crate::apply) fn prepare_here(plan: &Plan, disk: &Disk, epoch: Epoch) -> Result<Vec<Step>> {
    let mut steps = vec![configure(plan)?];
    steps.extend(images(plan, WORK).into_iter().map(|(what, argv)| Step::run(what, Command::new(argv))));
    steps.extend(place(plan, disk, epoch)?);
    Ok(steps)
}

fn configure(plan: &Plan) -> Result<Step> {
    let config = grub::early_config(menu::filesystem(plan)?.uuid, menu::folder(plan));
    let put = Action::Put { path: format!("{WORK}/{CONFIG}"), bytes: config.into_bytes() };
    Ok(Step::new("configuring GRUB", put))
}

/// `/run` is empty on a node that is off: what is made there leaves no trace.
fn open_work() -> [Step; 2] {
    let seen = format!("{TARGET}{INSIDE}");
    let bind = Step::run("binding the work folder", Command::new(["mount", "--bind", WORK, &seen]));
    [
        Step::run("making its mount point", Command::new(["mkdir", "-p", &seen])),
        bind.undone_by(Action::Run(mount::umount(&seen))),
    ]
}

fn close_work() -> Step {
    Step::run("unbinding the work folder", mount::umount(&format!("{TARGET}{INSIDE}"))).settling_itself()
}

/// What makes the images in `work`, in words and as command lines; the boot sector is read after the node's file systems are
/// gone, so it is kept.
fn images(plan: &Plan, work: &str) -> Vec<(String, Vec<String>)> {
    let mut images: Vec<_> =
        Platform::of(plan.firmware).map(|platform| image(plan, platform, work)).collect();
    if plan.firmware.has_bios() {
        let (from, to) = (format!("{}/{SECTOR}", Platform::Pc.modules()), format!("{work}/{SECTOR}"));
        images.push(("keeping GRUB's boot sector".to_owned(), vec!["cp".to_owned(), from, to]));
    }
    images
}

fn image(plan: &Plan, platform: Platform, work: &str) -> (String, Vec<String>) {
    let [config, core] = [CONFIG, core_name(platform)].map(|name| format!("{work}/{name}"));
    let call = grub::mkimage(platform, &config, menu::folder(plan), &core);
    (format!("making GRUB's image for {}", platform.name()), call.argv)
}

const fn core_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Pc => "core.img",
        Platform::Efi => "grub.efi",
    }
}

fn in_root<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Command {
    Command::new(["chroot".to_owned(), TARGET.to_owned()].into_iter().chain(argv.into_iter().map(Into::into)))
}

/// The cores of one disk.
fn place(plan: &Plan, disk: &Disk, epoch: Epoch) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    if boots_by_bios(plan, disk) {
        steps.push(place_core(disk)?);
    }
    if plan.firmware.has_uefi() {
        let node = device::partition(&disk.name, only(disk, PartitionKind::Esp)?.number);
        let core = format!("{WORK}/{}", core_name(Platform::Efi));
        let what = format!("filling the EFI system partition {node}");
        let fill = esp::withhold(&node, &core, epoch).map(|call| Step::run(what.clone(), call));
        steps.extend(fill.into_iter().chain([sync_device(&node)]).map(|step| step.on([&disk.name])));
    }
    Ok(steps)
}

fn place_core(disk: &Disk) -> Result<Step> {
    let partition = only(disk, PartitionKind::BiosBoot)?;
    let from = format!("{WORK}/{}", core_name(Platform::Pc));
    let write = Action::Core { from, disk: disk.name.clone(), start: partition.start, size: partition.size };
    Ok(Step::new(format!("writing GRUB's core to {}", disk.name), write).on([&disk.name]))
}
