use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use crate::plan::{Disk, PartitionKind};
use crate::units::{Bytes, SectorSize};
use gpt::disk::LogicalBlockSize;
use gpt::partition_types::LINUX_FS;
use tempfile::tempfile;

use super::write;
use crate::format::fixture;

fn blank(disk: &Disk) -> std::fs::File {
    let file = tempfile().unwrap();
    file.set_len(disk.size.0).unwrap();
    file
}

fn block_size(disk: &Disk) -> LogicalBlockSize {
    match disk.sector_size {
        SectorSize::B512 => LogicalBlockSize::Lb512,
        SectorSize::B4096 => LogicalBlockSize::Lb4096,
    }
}

/// Why this room uses `gptman`. Once this fails, `gpt` will do.
#[test]
fn the_gpt_crate_renumbers_sparse_partitions() {
    let file = tempfile().unwrap();
    file.set_len(64 << 20).unwrap();
    let mut table = gpt::GptConfig::new().writable(true).create_from_device(&file, None).unwrap();
    for number in [1, 14, 15] {
        let start = u64::from(number) * 2048;
        table.add_partition_at("piece", number, start, 2048, LINUX_FS, 0).unwrap();
    }
    table.write_inplace().unwrap();
    let read = gpt::GptConfig::new().open_from_device(&file).unwrap();
    assert_eq!(read.partitions().keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn another_reader_finds_what_the_plan_says() {
    for plan in [fixture::raid1(), fixture::single_4k()] {
        for disk in &plan.disks {
            let file = blank(disk);
            write(disk, &file).unwrap();
            let config = gpt::GptConfig::new().logical_block_size(block_size(disk));
            let read = config.open_from_device(&file).unwrap();
            assert_eq!(read.guid().as_bytes(), disk.guid.as_bytes());
            let sector = disk.sector_size.bytes().0;
            let planned: BTreeMap<_, _> = (disk.partitions.iter())
                .map(|p| (p.number, (p.name.clone(), p.guid.to_string(), p.start.0, p.size.0)))
                .collect();
            let found: BTreeMap<_, _> = (read.partitions().iter())
                .map(|(number, p)| {
                    let size = (p.last_lba - p.first_lba + 1) * sector;
                    (*number, (p.name.clone(), p.part_guid.to_string(), p.first_lba * sector, size))
                })
                .collect();
            assert_eq!(found, planned);
        }
    }
}

#[test]
fn the_usable_range_is_the_conventional_one() {
    for (plan, first) in [(fixture::raid1(), 34), (fixture::single_4k(), 6)] {
        let disk = &plan.disks[0];
        let mut file = blank(disk);
        write(disk, &file).unwrap();
        let header = gptman::GPT::read_from(&mut file, disk.sector_size.into()).unwrap().header;
        let sectors = disk.size.0 / u64::from(disk.sector_size);
        assert_eq!((header.first_usable_lba, header.last_usable_lba), (first, sectors - first));
    }
}

#[test]
fn the_protective_mbr_covers_the_disk_and_leaves_boot_code_alone() {
    let disk = &fixture::raid1().disks[0];
    let file = blank(disk);
    file.write_all_at(&[0xaa; 440], 0).unwrap();
    write(disk, &file).unwrap();
    let mut sector = [0; 512];
    file.read_exact_at(&mut sector, 0).unwrap();
    assert_eq!(sector[..440], [0xaa; 440]);
    assert_eq!(sector[440..446], [0; 6]);
    assert_eq!(sector[446..458], [0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
    assert_eq!(sector[458..462], (256_u32 * 2048 - 1).to_le_bytes());
    assert_eq!(sector[462..510], [0; 48]);
    assert_eq!(sector[510..], [0x55, 0xaa]);
}

#[test]
fn what_was_there_before_does_not_show() {
    for disk in fixture::raid1().disks.iter().chain(&fixture::single_4k().disks) {
        let [clean, used] = [0, 0xaa].map(|byte| {
            let file = blank(disk);
            let end = disk.size.0 - (64 << 10);
            for at in [0, end] {
                file.write_all_at(&vec![byte; 64 << 10], at).unwrap();
            }
            write(disk, &file).unwrap();
            let sector = disk.sector_size.bytes().0;
            let tables = [sector..sector + (16 << 10), disk.size.0 - sector - (16 << 10)..disk.size.0];
            tables.map(|range| {
                let mut found = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut found, range.start).unwrap();
                found
            })
        });
        assert!(clean == used);
    }
}

#[test]
fn a_table_that_cannot_be_is_refused() {
    type Break = fn(&mut Disk);
    let breaks: [Break; 5] = [
        |disk| disk.partitions[1].start = disk.partitions[0].start,
        |disk| disk.partitions[1].number = disk.partitions[0].number,
        |disk| disk.partitions[1].number = 129,
        |disk| disk.partitions[3].size = disk.size,
        |disk| disk.size = disk.size - Bytes(1),
    ];
    for break_it in breaks {
        let mut disk = fixture::raid1().disks.remove(0);
        break_it(&mut disk);
        assert!(write(&disk, &blank(&disk)).is_err());
    }
}

#[test]
fn drbd_has_a_type_that_nothing_probes() {
    assert_eq!(PartitionKind::Drbd.type_guid().to_string(), "8da63339-0007-60c0-c436-083ac8230908");
}
