//! Bare machines become nodes: from a stick and over the network, by BIOS and by UEFI. Then they start without a medium.

use builder::vm::Firmware;
use installer::facts::parse_disks;
use installer::model::resolve::load_profiles;
use installer::plan::{Seed, plan};
use serde_json::Value;
use tests::bare::{Bare, Medium};
use tests::guest::{Answers, Guest};
use tests::xbuild::{checkout, image, inspect};

const CHECK: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed systemctl --failed --no-legend --plain
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
fn installs(machine: &Bare, medium: &Medium, node: &str, disks: &str) {
    let console = machine.install(medium);
    assert!(console.contains(&format!("installed {node} in ")), "{console}");
    println!("{node}: {:?}", timing(&console));
    let cluster = ["--cluster", "tests/clusters/install.toml", "--node", node, "--disks", disks];
    let made = image(&format!("{node}-made"), &cluster);
    assert_eq!(layout(&inspect(&machine.images)), layout(&inspect(&made)), "what lies on the disks");
    let installed = examine(machine, &machine.images);
    let imaged = examine(machine, &made);
    for name in SAME {
        assert_eq!(installed.good(name), imaged.good(name), "{name}");
    }
    made.remove();
    machine.images.remove();
}

fn examine(machine: &Bare, images: &tests::xbuild::Images) -> Answers {
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

/// What `xbuild inspect` says, without what is random or changes by itself: ids of md's members, counts of events, what is
/// free, when and where it was mounted, and whether an array is in sync yet.
fn layout(report: &Value) -> Value {
    assert_eq!(report["damaged"], Value::Array(Vec::new()), "{report:#}");
    without_chance(report)
}

const VARYING: [&str; 10] =
    ["path", "member", "events", "updated", "dirty", "clean", "free", "sectors", "last_mounted", "mounted"];

fn without_chance(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| !VARYING.contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), without_chance(value))).collect()
        }
        Value::Array(values) => values.iter().map(without_chance).collect(),
        other => other.clone(),
    }
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
fn a_storage_node_is_installed_from_a_stick() {
    installs(&storage(Firmware::Bios), &Medium::usb("install"), "storage1", "2x8G,4G");
}

#[test]
#[ignore = "many minutes of emulation"]
fn nodes_are_installed_from_a_stick() {
    let stick = Medium::usb("install");
    installs(&storage(Firmware::Uefi), &stick, "storage1", "2x8G,4G");
    for firmware in [Firmware::Bios, Firmware::Uefi] {
        installs(&mesh(firmware), &stick, "mesh1", "4x6G");
        installs(&pair(firmware), &stick, "pair1", "8G,4G");
    }
}

#[test]
#[ignore = "many minutes of emulation"]
fn nodes_are_installed_over_the_network() {
    let folder = Medium::pxe("install");
    for firmware in [Firmware::Bios, Firmware::Uefi] {
        installs(&storage(firmware), &folder, "storage1", "2x8G,4G");
        installs(&mesh(firmware), &folder, "mesh1", "4x6G");
        installs(&pair(firmware), &folder, "pair1", "8G,4G");
    }
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
    let first = layout(&inspect(&machine.images));
    let replicated = noise(100 << 20);
    machine.write(1, DRBD, &replicated);
    let console = machine.install(&Medium::usb("reinstall"));
    assert!(console.contains("installed pair1 in "), "{console}");
    assert!(machine.read(1, DRBD, replicated.len()) == replicated, "what DRBD has is not what it was");
    assert_eq!(layout(&inspect(&machine.images)), first);
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
    let first = layout(&inspect(&machine.images));
    let (place, replicated) = (volume("2x6G,2x2G"), noise(100 << 20));
    [2, 3].iter().for_each(|disk| machine.write(*disk, place, &replicated));
    let console = machine.install(&Medium::usb("volume-again"));
    assert!(console.contains("installed storage3 in "), "{console}");
    assert!(console.contains("starting the array pv"), "{console}");
    for disk in [2, 3] {
        assert!(machine.read(disk, place, replicated.len()) == replicated, "disk {disk} is not what it was");
    }
    assert_eq!(layout(&inspect(&machine.images)), first);
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
