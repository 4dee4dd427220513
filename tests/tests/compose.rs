//! The file target, judged by the tools that know its formats.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../../installer/src/format/fixture.rs"]
mod fixture;
#[path = "compose/images.rs"]
mod images;
#[path = "compose/tools.rs"]
mod tools;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use installer::format::esp::esps;
use installer::model::storage::FilesystemKind;
use installer::plan::{Device, Plan};
use tests::judge::{self, Judge};

use images::{add, build, content, flip, overwrite};
use tools::run;

fn accept(judge: Judge) {
    judge.judge(&run).unwrap_or_else(|fault| panic!("{fault}"));
}

/// The judge accepts the file, and no longer does once it is broken.
fn rejects(judge: fn(&str) -> Judge, file: &str, break_it: impl Fn(&str)) {
    accept(judge(file));
    break_it(file);
    assert!(judge(file).judge(&run).is_err(), "accepted by `{}`", judge(file).call.argv.join(" "));
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
                assert!(content(&file) == content(&built.source(&filesystem.label)), "{}", filesystem.label);
                if filesystem.kind == FilesystemKind::Ext4 {
                    accept(judge::e2fsck(&file));
                }
            }
        }
        for (at, _) in esps(&plan) {
            accept(judge::fsck_vfat(&built.extract(&Device::Partition(at), 0)));
        }
    }
}

#[test]
fn two_builds_are_bit_identical_and_sparse() {
    for plan in plans() {
        let (one, other) = (build(&plan), build(&plan));
        for (one, other) in one.paths.iter().zip(&other.paths) {
            assert!(content(one) == content(other), "{one} and {other} differ");
            assert!(allocated(one) < 24 << 20, "{one} has {} bytes allocated", allocated(one));
        }
    }
}

fn allocated(path: &str) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn a_zeroed_backup_table_is_rejected() {
    let plan = fixture::raid1();
    let built = build(&plan);
    let backup = plan.disks[0].size.0 - 512;
    rejects(judge::sgdisk, &built.paths[0], |disk| overwrite(disk, backup, &[0; 512]));
    rejects(|disk| judge::sfdisk(disk, 512), &built.paths[1], |disk| overwrite(disk, backup, &[0; 512]));
}

#[test]
fn broken_md_metadata_is_rejected() {
    let built = build(&fixture::raid1());
    let member = || built.extract(&Device::Partition(built.plan.arrays[0].members[0].partition), 0);
    let superblock = 4096;
    rejects(judge::mdadm_superblock, &member(), |file| flip(file, superblock + 80)); // the size
    rejects(judge::mdadm_superblock, &member(), |file| flip(file, superblock + 208)); // no longer clean
    // Feature 8 says that the log has entries, and the checksum follows.
    rejects(judge::mdadm_bad_blocks, &member(), |file| {
        add(file, superblock + 8, 8);
        add(file, superblock + 216, 8);
        accept(judge::mdadm_superblock(file));
        overwrite(file, superblock + 8192, &[1, 0, 0, 0, 0, 0, 0, 0]);
    });
}

#[test]
fn broken_lvm_metadata_is_rejected() {
    let built = build(&fixture::raid1());
    let device = || built.extract(&built.plan.volume_groups[0].on, 0);
    rejects(judge::pvck_headers, &device(), |file| flip(file, 512 + 64)); // the device size
    rejects(judge::pvck_headers, &device(), |file| flip(file, 4096 + 40)); // where the text is
    rejects(judge::pvck_metadata, &device(), |file| flip(file, 4096 + 56)); // its checksum
    rejects(judge::pvck_metadata, &device(), |file| flip(file, 4608 + 40)); // the text
    rejects(judge::pvck_headers, &device(), |file| overwrite(file, 0, &[0; 65536]));
    rejects(judge::pvck_metadata, &device(), |file| overwrite(file, 0, &[0; 65536]));
}

#[test]
fn broken_file_systems_are_rejected() {
    let built = build(&fixture::raid1());
    let root = || built.extract(&built.plan.filesystems[0].on, 0);
    rejects(judge::e2fsck, &root(), |file| flip(file, 1024 + 12)); // the count of free blocks
    rejects(judge::e2fsck, &root(), |file| flip(file, images::root_inode(file)));
    let (esp, _) = esps(&built.plan).next().unwrap();
    let first_fat = 32 * 512;
    // Cluster 5 is taken in one FAT, and free in the other.
    rejects(judge::fsck_vfat, &built.extract(&Device::Partition(esp), 0), |file| {
        overwrite(file, first_fat + 5 * 4, &[0xff, 0xff, 0xff, 0x0f]);
    });
}

/// Why the ESP is made by `mkfs.vfat`. When this fails, fatfs has been released with its fixes, and may take over.
#[test]
fn what_fatfs_writes_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esp");
    let mut file = fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    file.set_len(40 << 20).unwrap();
    let options = fatfs::FormatVolumeOptions::new().fat_type(fatfs::FatType::Fat32).bytes_per_cluster(512);
    fatfs::format_volume(&mut file, options).unwrap();
    let filesystem = fatfs::FileSystem::new(file, fatfs::FsOptions::new()).unwrap();
    filesystem.root_dir().create_dir("EFI").unwrap().create_dir("BOOT").unwrap();
    filesystem.unmount().unwrap();
    assert!(judge::fsck_vfat(path.to_str().unwrap()).judge(&run).is_err());
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
