//! What the tools of Debian 13 said (mdadm's bitmaps: Debian 12), shortened, about good and broken disks.

use super::{
    Judge, e2fsck, fsck_vfat, mdadm_bad_blocks, mdadm_bitmap, mdadm_superblock, normalized_table,
    pvck_headers, pvck_metadata, sfdisk, sgdisk,
};

const GOOD_SUPERBLOCK: &str = "\
          Magic : a92b4efc
        Version : 1.2
          State : clean
       Checksum : 344df077 - correct
";
const GOOD_BITMAP: &str = "\
           Magic : 6d746962
         Version : 4
           State : OK
          Bitmap : 2 bits (chunks), 0 dirty (0.0%)
";
const GOOD_HEADERS: &str = "\
  label_header.id LABELONE
  pv_header.device_size 96468992
  mda_header_1.magic 0x204c564d3220785b35412572304e2a3e
  metadata text at 4608 crc 0xf2780635 # vgname vg0 seqno 1
";
const GOOD_METADATA: &str =
    "  metadata text at 4608 crc 0xf2780635 # vgname vg0 seqno 1\n  ---\nvg0 {\nphysical_volumes {\n";

#[test]
fn good_disks_are_accepted() {
    let small = "No problems found. 112573 free sectors (55.0 MiB) available in 2\nsegments";
    let table = "disk0.img:\nNo errors detected.\nHeader version: 1.0\nUsing 4 out of 128 partitions.\n";
    let passes = "Pass 5: Checking group summary information\nroot: 16/15360 files (0.0% non-contiguous)\n";
    for (judge, said) in [
        (sgdisk("x"), small),
        (sfdisk("x", 512), table),
        (mdadm_superblock("x"), GOOD_SUPERBLOCK),
        (mdadm_bitmap("x"), GOOD_BITMAP),
        (mdadm_bad_blocks("x"), "Bad-blocks list is empty in x\n"),
        (pvck_headers("x"), GOOD_HEADERS),
        (pvck_metadata("x"), GOOD_METADATA),
        (e2fsck("x"), passes),
        (fsck_vfat("x"), "fsck.fat 4.2 (2021-01-31)\nx: 1 files, 1/80628 clusters\n"),
    ] {
        judge.verdict(said, Some(0)).unwrap();
    }
}

/// Each of these came with exit code 0.
#[test]
fn broken_disks_are_rejected_though_the_tool_ends_well() {
    let backup =
        "Caution: invalid backup GPT header, but valid main header\nNo problems found. 112573 free sectors";
    let table = "No errors detected.\nHeader version: 1.0\nThe backup GPT table is corrupt, but the primary appears OK";
    let checksum = GOOD_SUPERBLOCK.replace("- correct", "- expected 344df078");
    let active = GOOD_SUPERBLOCK.replace("clean", "active");
    let dirty = GOOD_BITMAP.replace("0 dirty (0.0%)", "1 dirty (50.0%)");
    let magic = GOOD_BITMAP.replace("6d746962", "6d746900") + "mdadm: invalid bitmap magic 0x6d746900";
    let zeros =
        "  label_header.id ????????\n  CHECK: label_header.id expected LABELONE\n  zero metadata copies\n";
    for (judge, said) in [
        (sgdisk("x"), backup),
        (sfdisk("x", 512), table),
        (sfdisk("x", 512), "x:\nunrecognized partition table type\n"),
        (mdadm_superblock("x"), &checksum),
        (mdadm_superblock("x"), &active),
        (mdadm_bitmap("x"), &dirty),
        (mdadm_bitmap("x"), &magic),
        (mdadm_bad_blocks("x"), "Bad-blocks on x:\n                   0 for 1 sectors\n"),
        (pvck_headers("x"), zeros),
        (pvck_metadata("x"), zeros),
    ] {
        judge.verdict(said, Some(0)).unwrap_err();
    }
}

#[test]
fn a_tool_that_fails_is_believed_whatever_it_says() {
    let judge: Judge = mdadm_superblock("/dev/null");
    let fault = judge.verdict(GOOD_SUPERBLOCK, Some(1)).unwrap_err();
    assert!(fault.starts_with("`mdadm --examine /dev/null`: status Some(1)\n"), "{fault}");
    judge.verdict(GOOD_SUPERBLOCK, None).unwrap_err();
    judge.verdict("", Some(0)).unwrap_err();
}

#[test]
fn tables_are_compared_without_the_path_of_the_disk() {
    let json = r#"{"partitiontable":{"device":"/a/b.img","partitions":[{"node":"/a/b.img14"}]}}"#;
    let table = normalized_table(json).unwrap();
    assert!(table.contains("\"disk14\"") && !table.contains("/a/b"), "{table}");
    normalized_table("").unwrap_err();
}
