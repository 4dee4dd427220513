//! Bare machines become nodes: from a stick and over the network, by BIOS and by UEFI. Then they start without a medium.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use builder::vm::Firmware;
use installer::facts::parse_disks;
use installer::model::resolve::load_profiles;
use installer::plan::{Seed, plan};
use serde_json::Value;
use tests::bare::{Bare, Medium};
use tests::disks::layout;
use tests::guest::{Answers, Guest};
use tests::xbuild::{Images, checkout, image};

const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed failed
record hostname cat /proc/sys/kernel/hostname
record mounts findmnt --noheadings --list --output TARGET,FSTYPE,UUID --types ext4
record swaps sh -c 'swapon --noheadings --show=UUID,LABEL'
record arrays sh -c 'mdadm --detail --scan | sort'
record volumes lvs --noheadings --separator ' ' -o lv_full_name,lv_size,lv_uuid
record drbd cat /proc/drbd
record keys sh -c 'ls /etc/ssh/ssh_host_*_key | wc -l'
record packages sh -c 'dpkg --verify; dpkg --audit'
record capabilities getcap -r /usr/bin
record apt apt-get update
"#;

/// What is asked of a node that was installed, and of its image: the answers have to be the same.
const SAME: [&str; 7] = ["hostname", "mounts", "swaps", "arrays", "volumes", "packages", "capabilities"];

/// Installs `machine` from `medium`, and compares it with the image of the same node.
fn installs(machine: &Bare, medium: &Medium, node: &'static str, disks: &str) {
    let console = machine.install(medium);
    assert!(console.contains(&format!("installed {node} in ")), "{console}");
    println!("{node}: {:?}", timing(&console));
    let imaged = imaged(machine, node, disks);
    assert_eq!(layout(&machine.images), imaged.layout, "what lies on the disks");
    let installed = examine(machine, &machine.images);
    for name in SAME {
        assert_eq!(installed.good(name), imaged.answers.good(name), "{name}");
    }
    machine.images.remove();
}

/// What a node's image is.
#[derive(Clone)]
struct Imaged {
    layout: Value,
    answers: Answers,
}

/// Each image is made and started once: neither medium nor firmware makes a difference to it.
fn imaged(machine: &Bare, node: &'static str, disks: &str) -> Imaged {
    static IMAGED: Mutex<BTreeMap<&str, Imaged>> = Mutex::new(BTreeMap::new());
    let mut known = IMAGED.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || {
        let cluster = ["--cluster", "tests/clusters/install.toml", "--node", node, "--disks", disks];
        let made = image(&format!("{node}-made"), &cluster);
        let imaged = Imaged { layout: layout(&made), answers: examine(machine, &made) };
        made.remove();
        imaged
    };
    known.entry(node).or_insert_with(make).clone()
}

fn examine(machine: &Bare, images: &Images) -> Answers {
    let answers = Guest { firmware: machine.firmware, ..Guest::new(images, CHECK) }.examine();
    assert_eq!(answers.good("failed"), "");
    assert_eq!(answers.good("keys"), "3");
    answers.good("apt");
    answers
}

/// Seconds from the kernel's start to the installer's first word, and what the install took.
fn timing(console: &str) -> Vec<&str> {
    console.lines().filter(|line| line.starts_with("xinstall ") || line.starts_with("installed ")).collect()
}

fn storage(firmware: Firmware) -> Bare {
    Bare::new("bare-storage", &[8, 8, 4], "S-STORAGE1", "52:54:00:00:03:01", firmware)
}

fn mesh(firmware: Firmware) -> Bare {
    Bare::new("bare-mesh", &[6, 6, 6, 6], "S-MESH1", "52:54:00:00:03:02", firmware)
}

fn pair(firmware: Firmware) -> Bare {
    Bare::new("bare-pair", &[8, 4], "S-PAIR1", "52:54:00:00:03:03", firmware)
}

#[test]
fn stick_bios_storage() {
    installs(&storage(Firmware::Bios), &Medium::usb("install"), "storage1", "2x8G,4G");
}

/// The others, each a test of its own, so that one can be run alone.
macro_rules! installs {
    ($($name:ident: $medium:ident $firmware:ident $machine:ident $node:literal $disks:literal,)*) => {$(
        #[test]
        #[ignore = "minutes of emulation"]
        fn $name() {
            installs(&$machine(Firmware::$firmware), &Medium::$medium("install"), $node, $disks);
        }
    )*};
}

installs! {
    stick_uefi_storage: usb Uefi storage "storage1" "2x8G,4G",
    stick_bios_mesh: usb Bios mesh "mesh1" "4x6G",
    stick_uefi_mesh: usb Uefi mesh "mesh1" "4x6G",
    stick_bios_pair: usb Bios pair "pair1" "8G,4G",
    stick_uefi_pair: usb Uefi pair "pair1" "8G,4G",
    network_bios_storage: pxe Bios storage "storage1" "2x8G,4G",
    network_uefi_storage: pxe Uefi storage "storage1" "2x8G,4G",
    network_bios_mesh: pxe Bios mesh "mesh1" "4x6G",
    network_uefi_mesh: pxe Uefi mesh "mesh1" "4x6G",
    network_bios_pair: pxe Bios pair "pair1" "8G,4G",
    network_uefi_pair: pxe Uefi pair "pair1" "8G,4G",
}

/// Swap space of somebody else: the policy is `refuse`.
#[test]
fn disks_that_carry_something_are_refused() {
    let machine = pair(Firmware::Bios);
    machine.write(1, 1024, &[1, 0, 0, 0, 7, 0, 0, 0]);
    machine.write(1, 4086, b"SWAPSPACE2");
    let before = machine.hashes();
    let console = machine.is_refused(&Medium::usb("install"));
    assert!(console.contains("error: "), "{console}");
    assert!(console.contains("/dev/vdb") && console.contains("swap"), "{console}");
    assert_eq!(machine.hashes(), before);
    machine.images.remove();
}

/// The policy allows what a node of the cluster has left, and `keep` what DRBD has.
#[test]
#[ignore = "minutes of emulation"]
fn a_second_install_keeps_what_drbd_has() {
    let machine = pair(Firmware::Bios);
    let console = machine.install(&Medium::usb("install"));
    assert!(console.contains("installed pair1 in "), "{console}");
    let replicated = noise(100 << 20);
    machine.write(1, DRBD, &replicated);
    let first = layout(&machine.images);
    let console = machine.install(&Medium::usb("reinstall"));
    assert!(console.contains("installed pair1 in "), "{console}");
    assert!(machine.read(1, DRBD, replicated.len()) == replicated, "what DRBD has is not what it was");
    assert_eq!(layout(&machine.images), first);
    examine(&machine, &machine.images);
    machine.images.remove();
}

/// The same with a logical volume on mirrored disks. The array resyncs when the second install comes.
#[test]
#[ignore = "minutes of emulation"]
fn a_second_install_keeps_volumes_of_drbd() {
    let machine = Bare::new("bare-volume", &[6, 6, 2, 2], "S-STORAGE3", "52:54:00:00:03:04", Firmware::Bios);
    let console = machine.install(&Medium::usb("volume"));
    assert!(console.contains("installed storage3 in "), "{console}");
    let (place, replicated) = (volume("2x6G,2x2G"), noise(100 << 20));
    [2, 3].iter().for_each(|disk| machine.write(*disk, place, &replicated));
    let first = layout(&machine.images);
    let console = machine.install(&Medium::usb("volume-again"));
    assert!(console.contains("installed storage3 in "), "{console}");
    assert!(console.contains("starting the array pv"), "{console}");
    for disk in [2, 3] {
        assert!(machine.read(disk, place, replicated.len()) == replicated, "disk {disk} is not what it was");
    }
    assert_eq!(layout(&machine.images), first);
    examine(&machine, &machine.images);
    machine.images.remove();
}

/// Where DRBD's volume starts on each of the mirrored disks.
fn volume(disks: &str) -> u64 {
    let profiles = load_profiles(&checkout()).expect("profiles");
    let node = profiles.resolve("storage-lvm").expect("a profile of ours");
    let disks = parse_disks(disks).expect("disks");
    let plan = plan(&node.layout, &disks, &Seed::node("lab", "storage3")).expect("room for it");
    let (group, array) = (&plan.volume_groups[0], plan.array("pv").expect("an array"));
    let member = plan.partition(array.members[0].partition).expect("its partition");
    let extent = group.extents_size(group.volume("cluster").expect("a volume").start);
    member.start.0 + array.data_offset.0 + group.pe_start.0 + extent.0
}

/// Where the one partition of a data disk starts.
const DRBD: u64 = 1 << 20;

/// Bytes that look like nothing, the same ones every time (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}
