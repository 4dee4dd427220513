//! GRUB's images, made by the node's own GRUB in the node's own root, and put where nothing starts them yet.

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
    let config = grub::early_config(menu::filesystem(plan)?.uuid, menu::folder(plan));
    let put = Action::Put { path: format!("{WORK}/{CONFIG}"), bytes: config.into_bytes() };
    let mut steps = vec![Step::new("configuring GRUB", put)];
    steps.extend(open_work());
    steps.extend(Platform::of(plan.firmware).map(|platform| image(plan, platform)));
    if plan.firmware.has_bios() {
        steps.push(keep_sector());
    }
    steps.push(close_work());
    for disk in plan.disks.iter().filter(|disk| disk.boot) {
        steps.extend(place(plan, disk, epoch)?);
    }
    Ok(steps)
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

fn image(plan: &Plan, platform: Platform) -> Step {
    let [config, core] = [CONFIG, core_name(platform)].map(|name| format!("{INSIDE}/{name}"));
    let call = grub::mkimage(platform, &config, menu::folder(plan), &core);
    Step::run(format!("making GRUB's image for {}", platform.name()), in_root(call.argv))
}

const fn core_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Pc => "core.img",
        Platform::Efi => "grub.efi",
    }
}

/// It is read after the node's file systems are gone.
fn keep_sector() -> Step {
    let [from, to] = [Platform::Pc.modules(), INSIDE.to_owned()].map(|folder| format!("{folder}/{SECTOR}"));
    Step::run("keeping GRUB's boot sector", in_root(["cp", &from, &to]))
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
