//! What several tests ask a node, and what it must answer.

use std::collections::BTreeSet;

use crate::guest::Answers;
use crate::judge;

/// The pair of the old howto, made today: its properties with today's names.
pub const PAIR_PROPERTIES: [(&str, &str); 7] = [
    ("stonith-enabled", "true"),
    ("stonith-action", "reboot"),
    ("symmetric-cluster", "true"),
    ("no-quorum-policy", "stop"),
    ("stop-orphan-resources", "true"),
    ("stop-orphan-actions", "true"),
    ("resource-stickiness", "1000000"),
];

/// Arrays read through and compared by the kernel; every member's bitmap; LVM.
pub const ARRAYS: &str = r#"
arrays=$(ls -d /sys/block/md*/md)
for md in $arrays; do
    echo 4000000 >$md/sync_speed_max
    echo check >$md/sync_action
done
for md in $arrays; do
    while [ "$(cat $md/sync_action)" != idle ]; do sleep 1; done
done
states() {
    for md in $arrays; do
        echo $(cat $md/raid_disks $md/array_state $md/degraded $md/last_sync_action $md/mismatch_cnt)
    done
}
bitmaps() {
    for md in $arrays; do
        for member in ${md%/md}/slaves/*; do mdadm --examine-bitmap /dev/${member##*/}; done
    done
}
record checked states
record bitmaps bitmaps
record groups vgs --noheadings -o vg_name
record vgck vgck --verbose
"#;

/// What [`ARRAYS`] must find: that many arrays and groups, whole, and the same on every member.
pub fn assert_arrays_sound(answers: &Answers, arrays: usize, groups: usize) {
    let checked: Vec<&str> = answers.good("checked").lines().collect();
    assert_eq!(checked.len(), arrays, "{checked:?}");
    let members: usize = checked.iter().map(|array| members_of_sound_array(array)).sum();
    let bitmaps = answers.get("bitmaps");
    assert_eq!(bitmaps.matches("State : OK").count(), members, "{bitmaps}");
    assert_eq!(answers.good("groups").lines().count(), groups);
    answers.good("vgck");
}

fn members_of_sound_array(array: &str) -> usize {
    let words: Vec<&str> = array.split(' ').collect();
    let [members, state, "0", "check", "0"] = words[..] else {
        panic!("members, state, degraded, last action, mismatches: {array}")
    };
    assert!(["clean", "active", "active-idle", "write-pending"].contains(&state), "{array}");
    members.parse().expect("the kernel counts members")
}

/// Each ext4 file system read by e2fsck while it is frozen: all of it is on its disk then, counts and journal too.
/// Through a loop device, because e2fsck tries to write to a root that it knows to be mounted, and would wait for ever.
pub const FILESYSTEMS: &str = r#"
e2fsck_frozen() {
    fsfreeze --freeze "$1"
    loop=$(losetup --find --show --read-only "$2")
    timeout 300 e2fsck -fn "$loop"
    status=$?
    losetup --detach "$loop"
    fsfreeze --unfreeze "$1"
    return $status
}
for mount in $(findmnt --noheadings --list --output TARGET --types ext4); do
    set -- $(findmnt --noheadings --output LABEL,SOURCE $mount)
    record e2fsck_$1 e2fsck_frozen $mount $2
done
"#;

/// What [`FILESYSTEMS`] must find.
pub fn assert_filesystems_clean(answers: &Answers, count: usize) {
    let names: Vec<&str> = answers.names().filter(|name| name.starts_with("e2fsck_")).collect();
    assert_eq!(names.len(), count, "{names:?}");
    for name in names {
        answers.accept(name, &judge::e2fsck(name));
        let said = answers.get(name);
        assert!(!said.contains("journal recovery"), "it was not frozen:\n{said}");
    }
}

/// The packages that boot the node are installed again.
pub const REINSTALL: &str = r#"
boot_partitions() {
    for type in bios esp; do
        for partition in $(blkid -o device -t PARTLABEL=$type); do sha256sum $partition; done
    done
}
record before boot_partitions
record reinstall sh -c 'apt-get update && apt-get install -y --reinstall xen-hypervisor-4.20-amd64 linux-image-$(uname -r) grub-pc-bin grub-efi-amd64-bin grub2-common'
record menu cat /boot/grub/grub.cfg
record update_grub update-grub
record menu_updated cat /boot/grub/grub.cfg
record after boot_partitions
"#;

/// What [`REINSTALL`] must do: fresh boot code on that many disks, in both partitions of each, and the same menu.
pub fn assert_boot_code_renewed(answers: &Answers, disks: usize) {
    let said = answers.good("reinstall");
    let renewed: BTreeSet<&str> =
        said.lines().filter(|line| line.starts_with("boot code on /dev/")).collect();
    assert_eq!(renewed.len(), disks, "{said}");
    let before = answers.good("before");
    assert_eq!(before.lines().count(), 2 * disks);
    let same = before.lines().filter(|line| answers.good("after").contains(line));
    assert_eq!(same.collect::<Vec<_>>(), Vec::<&str>::new(), "partitions that were not written");
    answers.good("update_grub");
    assert_eq!(menu_entries(answers.good("menu")), menu_entries(answers.good("menu_updated")));
}

/// Titles, and the arguments of hypervisor and kernel: what a boot depends on.
#[must_use]
pub fn menu_entries(menu: &str) -> Vec<&str> {
    let loads = ["menuentry ", "multiboot2", "module2", "linux", "initrd"];
    menu.lines().map(str::trim).filter(|line| loads.iter().any(|load| line.starts_with(load))).collect()
}
