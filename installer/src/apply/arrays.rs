//! md arrays, made by mdadm(8) with every number from the plan.
//!
//! A member that is lost is made anew by the node's own mdadm, udev and all.
//!
//! They resync in the background: what is on the disks is not zeros, as it is in an image, hence not equal. While the node
//! is unpacked that would only slow it down, and the node's own kernel goes on with it. Read in mdadm
//! 4.4: sizes and offsets are taken in KiB (`parse_size`); a name gets `homehost:` in front (`init_super1`); members get
//! random UUIDs (`write_init_super1`), which nothing can set; without udev, mdadm makes `/dev/md/NAME` itself
//! (`create_mddev`).

use super::device;
use super::removal::Removal;
use super::signatures::forget;
use super::step::{Action, Step};
use crate::context::mdadm_uuid;
use crate::host::Command;
use crate::model::storage::RaidLevel;
use crate::plan::{Array, Device, Plan};
use crate::units::Bytes;

pub(super) fn create(plan: &Plan, removal: &Removal) -> Vec<Step> {
    let one = |array: &Array| match removal.keeps_array(&array.name) {
        true => start(plan, array).to_vec(),
        false => create_one(plan, array).to_vec(),
    };
    let hold = (!plan.arrays.is_empty()).then(hold_resync);
    hold.into_iter().chain(plan.arrays.iter().flat_map(one)).collect()
}

/// To 1 MB/s, what the kernel grants it beside any load (`speed_limit_min`); below that `md_do_sync` limits nothing.
fn hold_resync() -> Step {
    let slow = Command::new(["sysctl", "-q", "-w", "dev.raid.speed_limit_max=1000"]);
    Step::run("holding back resyncs until the node runs", slow)
}

/// An array that stays: what is on it is not touched. Its superblocks know everything that the plan says, which was compared.
fn start(plan: &Plan, array: &Array) -> [Step; 2] {
    let device = Device::Array(array.name.clone());
    let (node, disks) = (device::node(plan, &device), device::disks(plan, &device));
    let start = Step::run(format!("starting the array {}", array.name), mdadm_assemble(plan, array, false));
    let wait = Action::Wait { device: node.clone(), size: array.size };
    [
        start.on(&disks).undone_by(Action::Run(mdadm_stop(&array.name))),
        Step::new(format!("waiting for {node}"), wait),
    ]
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

/// A new member in the place of one that is lost: what md still has of the lost one goes first.
///
/// `detached` are members whose device is gone, `failed` those that md has given up; where there are none, mdadm does
/// nothing (`Manage_subdevs`). Where the data starts on the new one, mdadm takes from the others.
pub(super) fn renew(array: &Array, member: &str) -> [Step; 2] {
    let Array { name, .. } = array;
    let forget = manage(name, &["--fail", "detached", "--remove", "detached", "--remove", "failed"]);
    let add = Step::run(format!("adding {member} to the array {name}"), manage(name, &["--add", member]));
    let take_out = manage(name, &["--fail", member, "--remove", member]);
    [
        Step::run(format!("removing what is left of lost members of the array {name}"), forget),
        add.undone_by(Action::Run(take_out)),
    ]
}

/// Until then GRUB, which does not know that the kernel is still copying, may read from it what is not there yet.
pub(super) fn wait_for_copy(array: &Array, member: &str) -> Step {
    let name = &array.name;
    let what =
        format!("waiting until the array {name} is copied to {member} (/proc/mdstat shows how far it is)");
    Step::new(what, Action::Copied { array: path(name), member: member.to_owned() })
}

fn manage(name: &str, arguments: &[&str]) -> Command {
    let path = path(name);
    Command::new(["mdadm", "--manage", &path].into_iter().chain(arguments.iter().copied()))
}

fn path(name: &str) -> String {
    format!("/dev/md/{name}")
}

fn mdadm_create(plan: &Plan, array: &Array) -> Command {
    let mut argv = vec![
        "mdadm".to_owned(),
        "--create".to_owned(),
        path(&array.name),
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

/// From its members alone; without `--run` mdadm does not start an array that lacks one which it had the last time.
pub(super) fn mdadm_assemble(plan: &Plan, array: &Array, read_only: bool) -> Command {
    let mut argv = vec![
        "mdadm".to_owned(),
        "--assemble".to_owned(),
        path(&array.name),
        format!("--uuid={}", mdadm_uuid(array.uuid)),
    ];
    argv.extend(read_only.then(|| "--readonly".to_owned()));
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

pub(super) fn mdadm_stop(name: &str) -> Command {
    without_udev(Command::new(["mdadm".to_owned(), "--stop".to_owned(), path(name)]))
}

fn without_udev(command: Command) -> Command {
    command.env("MDADM_NO_UDEV", "1")
}

/// All of them are whole KiB: members are cut in 64 KiB and chunks, offsets in MiB.
fn kib(size: Bytes) -> String {
    format!("{}K", size.0 / Bytes::KIB.0)
}
