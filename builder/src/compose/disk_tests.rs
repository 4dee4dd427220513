use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use installer::format::Epoch;
use installer::format::mbr::no_boot_code;
use installer::plan::PartitionKind;
use tempfile::tempdir;

use super::DiskImages;
use crate::compose::fixture;
use crate::partial::Readers;

const EPOCH: Epoch = Epoch(1_700_000_000);

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn boot_img() -> Vec<u8> {
    let mut image = vec![0x11; 512];
    image[510..].copy_from_slice(&[0x55, 0xaa]);
    image
}

#[test]
fn images_get_their_names_when_they_are_complete() {
    let (plan, dir) = (fixture::raid1(), tempdir().unwrap());
    let images = DiskImages::create(&plan, dir.path(), EPOCH).unwrap();
    images.write_metadata().unwrap();
    images.write_boot(&boot_img(), &[0x22; 2048]).unwrap();
    assert_eq!(names(dir.path()), ["disk0.img.partial", "disk1.img.partial"]);
    let (paths, ()) = images.finish(|_| Ok(())).unwrap();
    assert_eq!(paths, [dir.path().join("disk0.img"), dir.path().join("disk1.img")]);
    assert_eq!(names(dir.path()), ["disk0.img", "disk1.img"]);
    assert_eq!(fs::metadata(&paths[0]).unwrap().len(), plan.disks[0].size.0);
}

#[test]
fn unfinished_images_are_removed() {
    let (plan, dir) = (fixture::raid1(), tempdir().unwrap());
    let images = DiskImages::create(&plan, dir.path(), EPOCH).unwrap();
    images.write_metadata().unwrap();
    drop(images);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn what_an_interrupted_build_left_is_not_used() {
    let (plan, dir) = (fixture::raid1(), tempdir().unwrap());
    fs::write(dir.path().join("disk0.img.partial"), [0xaa; 4096]).unwrap();
    let images = DiskImages::create(&plan, dir.path(), EPOCH).unwrap();
    let (paths, ()) = images.finish(|_| Ok(())).unwrap();
    assert!(fs::read(&paths[0]).unwrap().iter().all(|byte| *byte == 0));
}

/// Also where an interrupted build has left one that others may read.
#[test]
fn images_with_secrets_are_their_owners_alone() {
    let (plan, dir) = (fixture::raid1(), tempdir().unwrap());
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    fs::write(dir.path().join("disk0.img.partial"), "").unwrap();
    let images = DiskImages::create_for(Readers::Owner, &plan, dir.path(), EPOCH).unwrap();
    assert_eq!(["disk0.img.partial", "disk1.img.partial"].map(mode), [0o600; 2]);
    images.finish(|_| Ok(())).unwrap();
    assert_eq!(["disk0.img", "disk1.img"].map(mode), [0o600; 2]);
}

#[test]
fn two_builds_do_not_write_the_same_images() {
    let (plan, dir) = (fixture::raid1(), tempdir().unwrap());
    let first = DiskImages::create(&plan, dir.path(), EPOCH).unwrap();
    let error = DiskImages::create(&plan, dir.path(), EPOCH).unwrap_err();
    assert!(format!("{error:#}").contains("another build is writing it"));
    assert_eq!(
        names(dir.path()),
        ["disk0.img.partial", "disk1.img.partial"],
        "the first build lost its images"
    );
    first.finish(|_| Ok(())).unwrap();
}

/// With zeros there a BIOS that comes to such a disk would hang. One has large sectors, the other is for data.
#[test]
fn disks_that_bios_must_not_start_give_the_next_device_its_turn() {
    let (plan, dir) = (fixture::single_4k(), tempdir().unwrap());
    let images = DiskImages::create(&plan, dir.path(), EPOCH).unwrap();
    images.write_metadata().unwrap();
    images.write_boot(&boot_img(), &[0x22; 2048]).unwrap();
    let (paths, ()) = images.finish(|_| Ok(())).unwrap();
    for path in &paths {
        assert_eq!(fs::read(path).unwrap()[..440], no_boot_code().bytes);
    }
}

#[test]
fn a_plan_that_breaks_its_own_rules_is_refused() {
    let (mut plan, dir) = (fixture::raid1(), tempdir().unwrap());
    plan.disks[1].partitions.retain(|partition| partition.kind != PartitionKind::BiosBoot);
    let error = DiskImages::create(&plan, dir.path(), EPOCH).unwrap_err().to_string();
    assert!(error.starts_with("BUG: disk1 lacks its boot partitions"), "{error}");
    assert!(names(dir.path()).is_empty());
}
