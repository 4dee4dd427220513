//! Nodes boot: Xen and dom0 from md RAID1, whole and with a disk missing.

use std::collections::BTreeSet;
use std::time::Duration;

use tests::guest::{Answers, Entry, Guest};
use tests::xbuild::{Images, checkout, compute, storage};

/// Under emulation a boot takes a minute or two; a machine that is busy takes longer.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// What every node is asked.
const COMMON: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed systemctl --failed --no-legend --plain
record cmdline cat /proc/cmdline
record hostname cat /proc/sys/kernel/hostname
record machine_id cat /etc/machine-id
record host_keys sh -c 'ls /etc/ssh/ssh_host_*_key | wc -l'
record shadow sh -c 'grep ^root: /etc/shadow'
record mdstat cat /proc/mdstat
record findmnt findmnt --noheadings --list --output TARGET,SOURCE,FSTYPE --types ext4
record swaps cat /proc/swaps
"#;

const XEN: &str = r#"
record xl_info xl info
record xl_list xl list
record config zcat /proc/config.gz
record filesystems cat /proc/filesystems
"#;

/// Arrays read through and compared by the kernel; every member's bitmap; LVM.
const ARRAYS: &str = r#"
for md in /sys/block/md*/md; do
    echo 4000000 >$md/sync_speed_max
    echo check >$md/sync_action
done
for md in /sys/block/md*/md; do
    while [ "$(cat $md/sync_action)" != idle ]; do sleep 1; done
done
record array_state sh -c 'cat /sys/block/md*/md/array_state'
record mismatch_cnt sh -c 'cat /sys/block/md*/md/mismatch_cnt'
record mdstat_checked cat /proc/mdstat
record bitmaps sh -c 'for m in /sys/block/md*/slaves/*; do mdadm -X /dev/${m##*/}; done'
record vgck vgck vg0
"#;

/// DRBD, LVM, the boot menu, apt.
const STORAGE: &str = r#"
record drbd cat /proc/drbd
record lvs lvs --noheadings --units m --nosuffix -o vg_name,lv_name,lv_attr
record pvs pvs --noheadings -o pv_name,vg_name
record menu cat /boot/grub/grub.cfg
record update_grub update-grub
record menu_updated cat /boot/grub/grub.cfg
record modprobe modprobe dlm
record initrd sh -c 'lsinitramfs /boot/initrd.img-$(uname -r)'
record apt_update apt-get update
record apt_reinstall apt-get install -y --reinstall hostname
record apt_install apt-get install -y hello
record hello hello
"#;

fn examine(images: &Images, without: Option<usize>, entry: Entry, check: &str) -> Answers {
    let answers = Guest { images, without, entry, check, deadline: DEADLINE }.examine();
    assert_eq!(answers.good("failed"), "", "units failed");
    assert!(answers.good("shadow").starts_with("root:*:"), "root is not locked: {}", answers.get("shadow"));
    assert_eq!(answers.good("machine_id").len(), 32);
    assert_eq!(answers.good("host_keys"), "3");
    assert_eq!(answers.good("hostname"), "node-525400123456");
    answers
}

/// `root: 2 members [UU]` for each array, in the order of their names.
fn arrays(mdstat: &str) -> Vec<&str> {
    mdstat
        .lines()
        .filter_map(|line| {
            line.split_whitespace().find(|word| word.starts_with("[U") || word.starts_with("[_"))
        })
        .collect()
}

fn required_options() -> Vec<String> {
    builder::kernel::required_options(&checkout().join("builder/kernel")).expect("the list can be read")
}

/// Titles, and the arguments of hypervisor and kernel: what a boot depends on.
fn entries(menu: &str) -> Vec<&str> {
    let loads = ["menuentry ", "multiboot2", "module2", "linux", "initrd"];
    menu.lines().map(str::trim).filter(|line| loads.iter().any(|load| line.starts_with(load))).collect()
}

#[test]
fn storage_boots_xen_and_dom0_from_raid1() {
    let check = [COMMON, XEN, STORAGE].concat();
    let answers = examine(storage(), None, Entry::Xen, &check);

    assert!(answers.good("xl_info").contains("xen_version            : 4.20"), "{}", answers.get("xl_info"));
    assert!(answers.good("xl_list").contains("Domain-0"));
    assert!(answers.good("drbd").contains("built-in"), "{}", answers.get("drbd"));
    let config: BTreeSet<_> = answers.good("config").lines().collect();
    let missing: Vec<_> = required_options()
        .into_iter()
        .filter(|option| !config.contains(format!("{option}=y").as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "options that are not built in");
    assert!(answers.good("filesystems").contains("ocfs2") && answers.get("filesystems").contains("gfs2"));

    assert_eq!(arrays(answers.good("mdstat")), ["[UU]", "[UU]"]);
    let volumes: Vec<Vec<_>> =
        answers.good("lvs").lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(volumes, [["vg0", "swap", "-wi-ao----"], ["vg0", "var", "-wi-ao----"]]);
    assert_eq!(answers.good("pvs").split_whitespace().last(), Some("vg0"));
    let mounts: Vec<_> =
        answers.good("findmnt").lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(mounts, ["/", "/var"]);
    assert_eq!(answers.good("swaps").lines().count(), 2);

    answers.good("update_grub");
    assert_eq!(
        entries(answers.good("menu")),
        entries(answers.good("menu_updated")),
        "update-grub changes the boot menu"
    );
    answers.good("apt_update");
    answers.good("apt_reinstall");
    answers.good("apt_install");
    assert_eq!(answers.good("hello"), "Hello, world!");
    answers.good("modprobe");
    for processor in ["AuthenticAMD", "GenuineIntel"] {
        let microcode = format!("kernel/x86/microcode/{processor}.bin");
        assert!(answers.good("initrd").lines().any(|file| file == microcode), "no {microcode} in the initrd");
    }
}

fn storage_arrays_survive_a_check(entry: Entry) {
    let answers = examine(storage(), None, entry, &[COMMON, ARRAYS].concat());
    assert_eq!(arrays(answers.good("mdstat_checked")), ["[UU]", "[UU]"]);
    let calm = ["clean", "active", "active-idle"];
    assert!(
        answers.good("array_state").lines().all(|state| calm.contains(&state)),
        "{}",
        answers.get("array_state")
    );
    assert_eq!(answers.good("mismatch_cnt"), "0\n0");
    assert_eq!(answers.good("bitmaps").matches("State : OK").count(), 4, "{}", answers.get("bitmaps"));
    answers.good("vgck");
}

#[test]
fn arrays_of_storage_survive_a_check() {
    storage_arrays_survive_a_check(Entry::PlainLinux);
}

#[test]
#[ignore = "under an emulated Xen the check takes three times as long"]
fn arrays_of_storage_survive_a_check_under_xen() {
    storage_arrays_survive_a_check(Entry::Xen);
}

fn storage_boots_without(disk: usize, state: &str) {
    let answers = examine(storage(), Some(disk), Entry::PlainLinux, COMMON);
    assert_eq!(arrays(answers.good("mdstat")), [state, state]);
    let mounts: Vec<_> =
        answers.good("findmnt").lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(mounts, ["/", "/var"]);
}

#[test]
fn storage_boots_without_disk_0() {
    storage_boots_without(0, "[_U]");
}

#[test]
fn storage_boots_without_disk_1() {
    storage_boots_without(1, "[U_]");
}

#[test]
fn compute_boots_xen_and_dom0_from_raid1() {
    let answers = examine(compute(), None, Entry::Xen, &[COMMON, XEN].concat());
    assert!(answers.good("xl_info").contains("xen_version            : 4.20"), "{}", answers.get("xl_info"));
    assert_eq!(arrays(answers.good("mdstat")), ["[UU]", "[UU]"]);
    assert_eq!(answers.good("findmnt").lines().count(), 1);
}
