//! Disks made by foreign tools on the spot: what each of them writes today is read.

use serde_json::Value;

use crate::bench::{Bench, all};
use crate::foreign;

const UUID: &str = "11111111-2222-3333-4444-555555555555";

/// What is found on a disk that a script has made in the file `disk`.
fn made(script: &str) -> (Bench, Value) {
    let bench = Bench::new();
    bench.sh(script);
    let said = bench.inspect(&["disk"]);
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""), "{script}: {}", said.text);
    let data = bench.json(&["disk"]);
    (bench, data["disks"][0].clone())
}

fn content(script: &str) -> Value {
    made(script).1["content"].clone()
}

#[test]
fn mke2fs_makes_each_version() {
    for (options, version) in [
        ("-t ext2", "ext2"),
        ("-t ext3", "ext3"),
        ("-t ext4", "ext4"),
        ("-t ext4 -O ^has_journal -b 1024", "ext4"),
        ("-t ext4 -b 65536 -F", "ext4"),
        ("-O journal_dev", "journal of ext4"),
    ] {
        let ext =
            content(&format!("truncate -s 64M disk && mke2fs -q {options} -L name -U {UUID} disk 2>&1"));
        assert_eq!(
            (&ext["version"], &ext["label"], &ext["uuid"]),
            (&version.into(), &"name".into(), &UUID.into())
        );
        assert_eq!(ext["size"], 64 << 20);
    }
}

/// Behind the first 128 MiB lies the first copy of the superblock.
#[test]
fn a_lost_superblock_is_found_by_its_copy() {
    for (block, copy) in [(4096, 32768), (2048, 16384), (1024, 8193)] {
        let bench = Bench::new();
        bench.sh(&format!("truncate -s 200M disk && mke2fs -q -t ext4 -b {block} -L gone disk"));
        // Blocks of 1024 bytes have the group descriptors right behind it.
        bench.overwrite("disk", 1024, &[0; 1024]);
        let said = bench.inspect(&["disk"]);
        assert_eq!(said.status, Some(1));
        let line = format!("the superblock of ext4 `gone` is gone, and its copy in block {copy} is there");
        assert!(said.text.contains(&line), "{}", said.text);
        bench.sh(&format!("e2fsck -fy -b {copy} -B {block} disk || [ $? = 1 ]"));
        assert_eq!(bench.inspect(&["disk"]).status, Some(0));
    }
}

#[test]
fn mkswap_and_mkfs_vfat_are_read() {
    let swap = content(&format!("truncate -s 8M disk && mkswap -q -L name -U {UUID} disk"));
    assert_eq!(
        (&swap["label"], &swap["uuid"], &swap["size"]),
        (&"name".into(), &UUID.into(), &(8 << 20).into())
    );
    for (options, size, version) in [
        ("-F 12", "2M", "FAT12"),
        ("-F 16", "32M", "FAT16"),
        ("-F 32", "64M", "FAT32"),
        ("-F 32 -S 4096", "512M", "FAT32"),
    ] {
        let fat =
            content(&format!("truncate -s {size} disk && mkfs.vfat {options} -n NAME -i 1234abcd disk"));
        assert_eq!(
            (&fat["version"], &fat["label"], &fat["serial"]),
            (&version.into(), &"NAME".into(), &"1234-ABCD".into())
        );
    }
}

#[test]
fn applications_are_found_in_every_fat() {
    for (options, size) in [("-F 12", "2M"), ("-F 16", "32M"), ("-F 32", "64M")] {
        let fat = content(&format!(
            "truncate -s {size} disk && mkfs.vfat {options} disk && printf MZ >app && head -c 5000 /dev/zero >>app && \
             mmd -i disk ::/EFI ::/EFI/BOOT '::/EFI/a longer name' && mcopy -i disk app ::/EFI/BOOT/BOOTX64.EFI && \
             mcopy -i disk app '::/EFI/a longer name/Any thing.efi'"
        ));
        let files: Vec<_> = fat["applications"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["path"].as_str().unwrap(), one["size"].as_u64().unwrap()))
            .collect();
        assert_eq!(files, [("/EFI/BOOT/BOOTX64.EFI", 5002), ("/EFI/a longer name/Any thing.efi", 5002)]);
    }
}

#[test]
fn sgdisk_and_sfdisk_write_tables_that_are_read() {
    let (_, gpt) = made(&format!(
        "truncate -s 64M disk && sgdisk -U {UUID} -n 4:0:+8M -c 4:four -n 2:0:0 -c 2:zwei disk"
    ));
    let names: Vec<_> = gpt["content"]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["number"].as_u64().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    assert_eq!(names, [(4, "four"), (2, "zwei")]);
    assert_eq!(gpt["content"]["guid"], UUID);
    let (_, small) =
        made("truncate -s 1M disk && printf 'label: gpt\\ntable-length: 4\\n,\\n' | sfdisk -q disk");
    assert_eq!(all(&small, "number", "").len(), 0);
    assert_eq!(small["content"]["partitions"][0]["number"], 1);
    let (_, large) =
        made("truncate -s 64M disk && printf 'label: gpt\\n,8M\\n' | sfdisk -q --sector-size=4096 disk");
    assert_eq!(
        (&large["content"]["sector_size"], &large["content"]["partitions"][0]["size"]),
        (&4096.into(), &(8 << 20).into())
    );
    let (_, mbr) = made("truncate -s 64M disk && printf 'label: dos\\n,8M,7,*\\n,8M,L\\n' | sfdisk -q disk");
    let partitions = &mbr["content"]["partitions"];
    assert_eq!(
        (&partitions[0]["attributes"][0], &partitions[1]["type"]),
        (&"active".into(), &"Linux".into())
    );
}

/// As `dd` of an image to a larger disk leaves it, and as `sgdisk --move-second-header` mends it.
#[test]
fn a_backup_that_is_not_at_the_end_is_said() {
    let bench = Bench::new();
    bench.sh("truncate -s 8M disk && sgdisk -n 1:0:0 disk && truncate -s 16M disk");
    let said = bench.inspect(&["disk"]);
    assert_eq!(said.status, Some(0));
    assert!(
        said.text.contains(", primary whole, backup whole in sector 16383, not at the end of the disk\n"),
        "{}",
        said.text
    );
    bench.sh("sgdisk --move-second-header disk");
    assert!(bench.inspect(&["disk"]).text.contains(", primary and backup whole\n"));
}

/// An old superblock below a new table is not what the disk is.
#[test]
fn a_table_counts_before_what_lies_below_it() {
    let (_, gpt) = made("truncate -s 64M disk && mke2fs -q -t ext4 disk && sgdisk -n 1:0:0 disk");
    assert_eq!(gpt["content"]["kind"], "table");
    let (_, mbr) = made(
        "truncate -s 64M disk && mke2fs -q -t ext4 disk && printf 'label: dos\\n,\\n' | sfdisk -q --wipe never disk",
    );
    assert_eq!(mbr["content"]["kind"], "table");
    let bench = Bench::new();
    foreign::unpack(bench.path());
    // A member with metadata 1.1; sgdisk leaves what lies where boot code would.
    bench.sh("dd if=disk0.img of=disk skip=100352 count=8 status=none && truncate -s 64M disk && sgdisk -n 1:0:0 disk");
    assert_eq!(bench.json(&["disk"])["disks"][0]["content"]["kind"], "table");
    let fat = content("truncate -s 64M disk && mkfs.vfat disk");
    assert_eq!(fat["kind"], "fat");
}

/// `mkfs` of something that is not known, over what was ext4 once.
#[test]
fn what_an_older_file_system_has_left_is_no_damage() {
    let unknown = content(
        "truncate -s 200M disk && mke2fs -q -t ext4 disk && yes | head -c 1M | dd of=disk conv=notrunc status=none",
    );
    assert_eq!(unknown, serde_json::json!({ "kind": "unknown" }));
}

/// DRBD is what replicates it, and only its primary may take what lies in it.
#[test]
fn a_physical_volume_in_drbd_is_not_put_together() {
    let bench = Bench::new();
    foreign::unpack(bench.path());
    bench.sh("dd if=disk5.img of=disk7.img bs=1k count=64 seek=1024 conv=notrunc status=none");
    let data = bench.json(&["disk7.img"]);
    assert_eq!(
        data["disks"][0]["content"]["partitions"][0]["device"]["content"]["carries"]["kind"],
        "physical-volume"
    );
    assert_eq!(data["volume_groups"], serde_json::json!([]));
}

#[test]
fn names_on_disks_do_not_reach_the_terminal() {
    let bench = Bench::new();
    bench.sh("truncate -s 8M disk && mke2fs -q -t ext4 -L \"$(printf '\\033[2J')\" disk");
    let said = bench.inspect(&["disk"]);
    assert!(said.text.contains("ext4 `\u{fffd}[2J`") && !said.text.contains('\u{1b}'), "{}", said.text);
}

#[test]
fn what_is_no_disk_is_refused() {
    let bench = Bench::new();
    let said = bench.inspect(&["gone"]);
    assert_eq!((said.status, said.text.as_str()), (Some(1), ""));
    assert_eq!(
        said.error,
        "error: cannot look at gone\n  because: No such file or directory (os error 2)\n  hint: name image files, block \
         devices, or a folder with disk0.img\n"
    );
    bench.sh("qemu-img create -q -f qcow2 disk 1M");
    assert_eq!(
        bench.inspect(&["disk"]).error,
        "error: disk is a qcow2 image, which holds the disk in a form of its own\n  hint: qemu-img convert -O raw disk \
         disk.img, and look at that\n"
    );
}
