//! The file target, judged by the tools that know its formats. Needs them: see [`tools::run`].

#[path = "../../builder/src/compose/fixture.rs"]
mod fixture;
#[path = "compose/images.rs"]
mod images;
#[path = "compose/tools.rs"]
mod tools;

use std::fs;
use std::path::Path;

use installer::model::storage::FilesystemKind;
use installer::plan::{Device, Plan};
use tests::judge::{self, Judge};

use images::{Built, build};
use tools::run;

fn accept(judge: Judge) {
    judge.judge(&run).unwrap_or_else(|fault| panic!("{fault}"));
}

fn reject(judge: Judge) {
    judge.judge(&run).expect_err(&judge.call.argv.join(" "));
}

fn plans() -> [Plan; 3] {
    [fixture::raid1(), fixture::raid10(), fixture::single_4k()]
}

#[test]
fn both_partition_tables_are_accepted_and_golden() {
    for plan in plans() {
        let built = build(&plan);
        for (disk, path) in plan.disks.iter().zip(&built.paths) {
            let sector: u64 = disk.sector_size.into();
            accept(judge::sfdisk(path, sector));
            if sector == 512 {
                accept(judge::sgdisk(path));
            }
            let said = run(&judge::sfdisk_json(path, sector));
            let table = judge::normalized_table(&String::from_utf8_lossy(&said.stdout)).unwrap();
            golden(&format!("{}-{}.json", plan.layout, disk.name), &table);
        }
    }
}

#[test]
fn md_metadata_is_accepted_on_every_member() {
    for plan in plans() {
        let built = build(&plan);
        for member in plan.arrays.iter().flat_map(|array| &array.members) {
            let file = built.extract(&Device::Partition(member.partition), 0);
            accept(judge::mdadm_superblock(&file));
            accept(judge::mdadm_bitmap(&file));
            accept(judge::mdadm_bad_blocks(&file));
        }
    }
}

#[test]
fn physical_volumes_are_accepted_on_every_mirror() {
    for plan in plans() {
        let built = build(&plan);
        for group in &plan.volume_groups {
            for copy in 0..built.copies(&group.on) {
                let file = built.extract(&group.on, copy);
                accept(judge::pvck_headers(&file));
                accept(judge::pvck_metadata(&file));
            }
        }
    }
}

#[test]
fn file_systems_are_accepted_and_whole_on_every_mirror() {
    for plan in plans() {
        let built = build(&plan);
        for filesystem in &plan.filesystems {
            for copy in 0..built.copies(&filesystem.on) {
                let file = built.extract(&filesystem.on, copy);
                assert!(fs::read(&file).unwrap() == fs::read(built.source(&filesystem.label)).unwrap());
                if filesystem.kind == FilesystemKind::Ext4 {
                    accept(judge::e2fsck(&file));
                }
            }
        }
        for (at, _) in builder::compose::disk::esps(&plan) {
            accept(judge::fsck_vfat(&built.extract(&Device::Partition(at), 0)));
        }
    }
}

#[test]
fn two_builds_are_bit_identical_and_sparse() {
    for plan in plans() {
        let (one, other) = (build(&plan), build(&plan));
        for (one, other) in one.paths.iter().zip(&other.paths) {
            assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{one} and {other} differ");
            assert!(allocated(one) < 24 << 20, "{one} has {} bytes allocated", allocated(one));
        }
    }
}

fn allocated(path: &str) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn the_judges_reject_what_is_broken() {
    let plan = fixture::raid1();
    let built = build(&plan);
    let disk = &built.paths[0];
    let size = plan.disks[0].size.0;
    images::overwrite(disk, size - 512, &[0; 512]);
    reject(judge::sgdisk(disk));
    reject(judge::sfdisk(disk, 512));
    broken_md(&built);
    broken_lvm(&built);
    broken_filesystems(&built);
}

fn broken_md(built: &Built) {
    let member = Device::Partition(built.plan.arrays[0].members[0].partition);
    for (at, judge) in [
        (4096 + 80, judge::mdadm_superblock as fn(&str) -> Judge), // the size
        (4096 + 208, judge::mdadm_superblock),                     // resync_offset: no longer clean
        (8192, judge::mdadm_bitmap),                               // the magic
        (8192 + 256, judge::mdadm_bitmap),                         // the first bit
    ] {
        let file = built.extract(&member, 0);
        images::flip(&file, at);
        reject(judge(&file));
    }
    // The log is read only if the superblock says that there are entries: feature 8, and its checksum follows.
    let file = built.extract(&member, 0);
    images::flip_bits(&file, 4096 + 8, 8);
    images::add(&file, 4096 + 216, 8);
    images::overwrite(&file, 4096 + 8192, &[1, 0, 0, 0, 0, 0, 0, 0]);
    accept(judge::mdadm_superblock(&file));
    reject(judge::mdadm_bad_blocks(&file));
}

fn broken_lvm(built: &Built) {
    for (at, judge) in [
        (512 + 64, judge::pvck_headers as fn(&str) -> Judge), // the device size
        (4096 + 40, judge::pvck_headers),                     // where the text is
        (4608 + 40, judge::pvck_metadata),                    // the text
        (4096 + 56, judge::pvck_metadata),                    // its checksum
    ] {
        let file = built.extract(&built.plan.volume_groups[0].on, 0);
        images::flip(&file, at);
        reject(judge(&file));
    }
    let file = built.extract(&built.plan.volume_groups[0].on, 0);
    images::overwrite(&file, 0, &[0; 65536]);
    reject(judge::pvck_headers(&file));
    reject(judge::pvck_metadata(&file));
}

fn broken_filesystems(built: &Built) {
    // The superblock's free blocks count; an inode of the first group; a block bitmap's worth of zeros.
    for at in [1024 + 12, 1024 + 0x60] {
        let file = built.extract(&built.plan.filesystems[0].on, 0);
        images::flip(&file, at);
        reject(judge::e2fsck(&file));
    }
    let (at, _) = builder::compose::disk::esps(&built.plan).next().unwrap();
    let file = built.extract(&Device::Partition(at), 0);
    // The first FAT's entry for cluster 5: allocated in one FAT, free in the other.
    images::overwrite(&file, 32 * 512 + 20, &[0xff, 0xff, 0xff, 0x0f]);
    reject(judge::fsck_vfat(&file));
}

/// Compares with the recorded text; `UPDATE_GOLDEN=1` records it anew.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, recorded, "{name} differs from what was recorded");
}
