//! md arrays, made by mdadm(8) with every number from the plan.
//!
//! They resync in the background: what is on the disks is not zeros, as it is in an image, hence not equal. Read in mdadm
//! 4.4: sizes and offsets are taken in KiB (`parse_size`); a name gets `homehost:` in front (`init_super1`); members get
//! random UUIDs (`write_init_super1`), which nothing can set; without udev, mdadm makes `/dev/md/NAME` itself
//! (`create_mddev`).

use super::device;
use super::signatures::forget;
use super::step::{Action, Step};
use crate::context::mdadm_uuid;
use crate::host::Command;
use crate::model::storage::RaidLevel;
use crate::plan::{Array, Device, Plan};
use crate::units::Bytes;

pub(super) fn create(plan: &Plan) -> Vec<Step> {
    plan.arrays.iter().flat_map(|array| create_one(plan, array)).collect()
}

fn create_one(plan: &Plan, array: &Array) -> [Step; 4] {
    let device = Device::Array(array.name.clone());
    let (node, disks) = (device::node(plan, &device), device::disks(plan, &device));
    let create = Step::run(format!("creating the array {}", array.name), mdadm_create(plan, array));
    let wait = Action::Wait { device: node.clone(), size: array.size };
    // What an earlier life had at the very place where the array's data now starts or ends.
    let [wipe, clear] = forget(&node, array.size).map(|step| step.on(&disks));
    [
        create.on(&disks).undone_by(Action::Run(mdadm_stop(&array.name))),
        Step::new(format!("waiting for {node}"), wait),
        wipe,
        clear,
    ]
}

pub(super) fn stop(plan: &Plan) -> Vec<Step> {
    plan.arrays.iter().rev().map(|array| stop_one(plan, array)).collect()
}

fn stop_one(plan: &Plan, array: &Array) -> Step {
    let disks = device::disks(plan, &Device::Array(array.name.clone()));
    let stop = Step::run(format!("stopping the array {}", array.name), mdadm_stop(&array.name));
    stop.on(disks).settling_itself()
}

fn mdadm_create(plan: &Plan, array: &Array) -> Command {
    let mut argv = vec![
        "mdadm".to_owned(),
        "--create".to_owned(),
        format!("/dev/md/{}", array.name),
        "--run".to_owned(),
        "--metadata=1.2".to_owned(),
        "--homehost=any".to_owned(),
        format!("--name={}", array.name),
        format!("--uuid={}", mdadm_uuid(array.uuid)),
    ];
    argv.extend(level(array));
    argv.extend([
        format!("--data-offset={}", kib(array.data_offset)),
        format!("--size={}", kib(array.member_size)),
        "--bitmap=internal".to_owned(),
        format!("--bitmap-chunk={}", kib(array.bitmap_chunk)),
        format!("--raid-devices={}", array.members.len()),
    ]);
    argv.extend(array.members.iter().map(|member| device::partition_of(plan, member.partition)));
    without_udev(Command::new(argv))
}

fn level(array: &Array) -> Vec<String> {
    match array.level {
        RaidLevel::Raid1 => vec!["--level=1".to_owned()],
        RaidLevel::Raid10 => {
            vec!["--level=10".to_owned(), "--layout=n2".to_owned(), format!("--chunk={}", kib(array.chunk))]
        }
    }
}

fn mdadm_stop(name: &str) -> Command {
    without_udev(Command::new(["mdadm".to_owned(), "--stop".to_owned(), format!("/dev/md/{name}")]))
}

fn without_udev(command: Command) -> Command {
    command.env("MDADM_NO_UDEV", "1")
}

/// All of them are whole KiB: members are cut in 64 KiB and chunks, offsets in MiB.
fn kib(size: Bytes) -> String {
    format!("{}K", size.0 / Bytes::KIB.0)
}
