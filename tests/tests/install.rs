//! Bare machines become nodes: from a stick and over the network, by BIOS and by UEFI. Then they start without a medium.

use builder::vm::Firmware;
use tests::bare::{Bare, Medium};
use tests::disks::layout;
use tests::guest::{Answers, Guest};
use tests::xbuild::{Images, image};

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
    assert_eq!(layout(&machine.images), layout(&made), "what lies on the disks");
    let installed = examine(machine, &machine.images);
    let imaged = examine(machine, &made);
    for name in SAME {
        assert_eq!(installed.good(name), imaged.good(name), "{name}");
    }
    made.remove();
    machine.images.remove();
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
    let first = layout(&machine.images);
    let replicated = noise(100 << 20);
    machine.write(1, DRBD, &replicated);
    let console = machine.install(&Medium::usb("reinstall"));
    assert!(console.contains("installed pair1 in "), "{console}");
    assert!(machine.read(1, DRBD, replicated.len()) == replicated, "what DRBD has is not what it was");
    assert_eq!(layout(&machine.images), first);
    examine(&machine, &machine.images);
    machine.images.remove();
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
