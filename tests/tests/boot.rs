//! Nodes boot: Xen and dom0 from md RAID1, whole and with a disk missing.

use std::collections::BTreeSet;

use builder::vm::Firmware;
use tests::check::{ARRAYS, REINSTALL, assert_arrays_sound, assert_boot_code_renewed, menu_entries};
use tests::guest::{Answers, Entry, Guest};
use tests::xbuild::{checkout, compute, image, storage, storage1};

/// What every node is asked.
const COMMON: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed failed
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

fn examine(guest: &Guest) -> Answers {
    let answers = guest.examine();
    assert_eq!(answers.good("failed"), "", "units failed");
    assert!(answers.good("shadow").starts_with("root:*:"), "root is not locked: {}", answers.get("shadow"));
    assert_eq!(answers.good("machine_id").len(), 32);
    assert_eq!(answers.good("host_keys"), "3");
    assert_eq!(answers.good("hostname"), "node-525400123456");
    answers
}

fn mounts(answers: &Answers) -> Vec<&str> {
    answers.good("findmnt").lines().filter_map(|line| line.split_whitespace().next()).collect()
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

/// The longest one; its name lets it start first, so that it does not run alone at the end.
#[test]
fn a_storage_node_boots_xen_and_dom0_from_raid1() {
    let check = [COMMON, XEN, STORAGE].concat();
    let answers = examine(&Guest::new(storage(), &check));

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
    assert_eq!(mounts(&answers), ["/", "/var"]);
    assert_eq!(answers.good("swaps").lines().count(), 2);

    answers.good("update_grub");
    assert_eq!(
        menu_entries(answers.good("menu")),
        menu_entries(answers.good("menu_updated")),
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
    let answers = examine(&Guest { entry, ..Guest::new(storage(), &[COMMON, ARRAYS].concat()) });
    assert_arrays_sound(&answers, 2, 1);
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
    let degraded = Guest { without: &[disk], entry: Entry::PlainLinux, ..Guest::new(storage(), COMMON) };
    let answers = examine(&degraded);
    assert_eq!(arrays(answers.good("mdstat")), [state, state]);
    assert_eq!(mounts(&answers), ["/", "/var"]);
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
    let answers = examine(&Guest::new(compute(), &[COMMON, XEN].concat()));
    assert!(answers.good("xl_info").contains("xen_version            : 4.20"), "{}", answers.get("xl_info"));
    assert_eq!(arrays(answers.good("mdstat")), ["[UU]", "[UU]"]);
    assert_eq!(answers.good("findmnt").lines().count(), 1);
}

/// The layout of the old pair: no RAID, `/boot` of its own, and a kernel that finds its root by itself.
#[test]
fn pair_boots_xen_by_uefi_without_an_initrd() {
    let images = image("pair", &["--profile", "pair"]);
    let check = [COMMON, XEN, "record boot ls /boot\nrecord efi ls /sys/firmware/efi\n"].concat();
    let answers = examine(&Guest { firmware: Firmware::Uefi, ..Guest::new(&images, &check) });
    answers.good("efi");
    assert!(answers.good("xl_list").contains("Domain-0"));
    assert!(!answers.good("boot").contains("initrd"), "{}", answers.get("boot"));
    assert!(answers.good("cmdline").contains("root=PARTUUID="), "{}", answers.get("cmdline"));
    assert_eq!(mounts(&answers), ["/", "/boot"]);
}

/// Of four disks two are gone, one of each mirrored pair; `/usr` and `/var` lie on striped mirrors.
#[test]
fn mesh_boots_by_uefi_with_half_of_its_disks() {
    let images = image("mesh", &["--profile", "mesh"]);
    let guest = Guest { firmware: Firmware::Uefi, entry: Entry::PlainLinux, ..Guest::new(&images, COMMON) };
    let answers = examine(&Guest { without: &[0, 3], ..guest });
    let mut states = arrays(answers.good("mdstat"));
    states.sort_unstable();
    assert_eq!(states, ["[_UU_]", "[_UU_]", "[_UU_]", "[_UU_]"]);
    assert_eq!(mounts(&answers), ["/", "/usr", "/var"]);
}

/// Disks of another node are there: what lies on them is not ours to assemble, in the initramfs or later.
#[test]
fn what_lies_on_foreign_disks_is_left_alone() {
    const SEEN: &str = "record uuids sh -c 'mdadm --detail --scan'\nrecord own cat /etc/mdadm/mdadm.conf\n\
        record groups vgs --noheadings -o vg_uuid\nrecord found sh -c 'blkid -o value -s TYPE | sort | uniq -c'\n";
    let check = [COMMON, SEEN].concat();
    let guest =
        Guest { entry: Entry::PlainLinux, foreign: &storage1().disks, ..Guest::new(storage(), &check) };
    let answers = examine(&guest);
    assert!(answers.good("found").contains("8 linux_raid_member"), "{}", answers.get("found"));
    assert_eq!(arrays(answers.good("mdstat")), ["[UU]", "[UU]"]);
    let uuids = answers.good("uuids").split_whitespace().filter(|word| word.starts_with("UUID="));
    assert!(uuids.clone().count() == 2 && uuids.into_iter().all(|uuid| answers.good("own").contains(uuid)));
    assert_eq!(answers.good("groups").lines().count(), 1);
}

/// The packages that boot the node are installed again; every disk has fresh boot code then, and boots alone.
#[test]
fn boot_code_is_renewed_on_every_disk() {
    let kept = storage().copy("reinstalled");
    let check = [COMMON, REINSTALL].concat();
    let answers = examine(&Guest { keep: true, entry: Entry::PlainLinux, ..Guest::new(&kept, &check) });
    assert_boot_code_renewed(&answers, 2);
    for (firmware, gone) in [(Firmware::Bios, 0), (Firmware::Uefi, 1)] {
        let guest =
            Guest { firmware, without: &[gone], entry: Entry::PlainLinux, ..Guest::new(&kept, COMMON) };
        assert_eq!(mounts(&examine(&guest)), ["/", "/var"]);
    }
}
