use installer::units::{Bytes, SectorSize};
use uuid::{Uuid, uuid};

use super::{Form, State, Table, guid, plain};
use crate::inspect::checksum::crc32;

const DISK: Uuid = uuid!("11111111-2222-3333-4444-555555555555");
const RAID: Uuid = uuid!("a19d880f-05fc-4d3b-a006-743f0f84911e");

/// A disk of 1 MiB with a GPT of four entries, as the specification has it: not by the writer that images are made with.
struct Disk {
    sector: usize,
    bytes: Vec<u8>,
}

impl Disk {
    fn new(sector: usize, partitions: &[(u64, u64)]) -> Self {
        let mut disk = Self { sector, bytes: vec![0; 1 << 20] };
        disk.bytes[446..462]
            .copy_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 7, 0, 0]);
        disk.bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        let last = disk.last();
        let mut entries = vec![0; 512];
        for (index, (first, last)) in partitions.iter().enumerate() {
            let entry = &mut entries[index * 128..];
            entry[..16].copy_from_slice(&RAID.to_bytes_le());
            entry[16] = 1;
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&last.to_le_bytes());
        }
        disk.put(1, last, 2, &entries);
        disk.put(last, 1, last - 1, &entries);
        disk
    }

    fn last(&self) -> u64 {
        (self.bytes.len() / self.sector) as u64 - 1
    }

    fn put(&mut self, at: u64, other: u64, entries_at: u64, entries: &[u8]) {
        let mut header = vec![0; 92];
        header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5c\0\0\0");
        for (field, value) in [(24, at), (32, other), (40, 3), (48, self.last() - 2), (72, entries_at)] {
            header[field..field + 8].copy_from_slice(&value.to_le_bytes());
        }
        header[56..72].copy_from_slice(&DISK.to_bytes_le());
        for (field, value) in [(80, 4), (84, 128), (88, crc32(entries))] {
            header[field..field + 4].copy_from_slice(&value.to_le_bytes());
        }
        let sum = crc32(&header);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        self.overwrite(at, &header);
        self.overwrite(entries_at, entries);
    }

    fn overwrite(&mut self, sector: u64, bytes: &[u8]) {
        let start = sector as usize * self.sector;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn read(&self) -> Table {
        guid(&self.bytes, None).unwrap()
    }

    fn states(&self) -> (State, State) {
        match self.read().form {
            Form::Gpt { primary, backup, .. } => (primary, backup),
            form => panic!("{form:?}"),
        }
    }

    fn damage(&self) -> Vec<String> {
        self.read().damage.lines().to_vec()
    }
}

#[test]
fn both_sector_sizes_are_found() {
    for sector in [512, 4096] {
        let table = Disk::new(sector, &[(8, 15), (16, 16)]).read();
        let unit = sector as u64;
        assert_eq!(table.sector_size, Bytes(unit));
        let form =
            Form::Gpt { guid: DISK, primary: State::Whole, backup: State::Whole, backup_away_from_end: None };
        assert_eq!((table.form, table.damage.lines()), (form, &[][..]));
        let places: Vec<_> =
            table.partitions.iter().map(|one| (one.number, one.start.0, one.size.0)).collect();
        assert_eq!(places, [(1, 8 * unit, 8 * unit), (2, 16 * unit, unit)]);
    }
}

#[test]
fn a_copy_that_is_damaged_is_said_and_the_other_one_counts() {
    let disk = || Disk::new(512, &[(8, 15)]);
    let last = disk().last();
    let break_at = |sector: u64, at: usize| {
        let mut disk = disk();
        disk.bytes[sector as usize * 512 + at] ^= 1;
        assert_eq!(disk.read().partitions.len(), 1, "sector {sector}, byte {at}");
        (disk.states(), disk.damage())
    };
    let line = |text: &str| vec![text.to_owned()];
    assert_eq!(
        break_at(1, 60),
        (
            (State::HeaderDamaged, State::Whole),
            line("the primary GPT in sector 1 is damaged: the checksum of its header is wrong")
        )
    );
    assert_eq!(
        break_at(2, 200),
        (
            (State::EntriesDamaged, State::Whole),
            line("the primary GPT in sector 1 is damaged: the checksum of its entries is wrong")
        )
    );
    assert_eq!(
        break_at(1, 0),
        ((State::Missing, State::Whole), line("the primary GPT is missing from sector 1"))
    );
    assert_eq!(
        break_at(last, 0),
        ((State::Whole, State::Missing), line(&format!("the backup GPT is missing from sector {last}")))
    );
    assert_eq!(
        break_at(last, 88),
        (
            (State::Whole, State::HeaderDamaged),
            line(&format!("the backup GPT in sector {last} is damaged: the checksum of its header is wrong"))
        )
    );
}

#[test]
fn when_no_copy_is_whole_that_is_said_too() {
    let mut disk = Disk::new(512, &[(8, 15)]);
    let last = disk.last();
    disk.overwrite(last, &[0; 512]);
    disk.bytes[1024 + 32] ^= 1;
    assert_eq!(disk.states(), (State::EntriesDamaged, State::Missing));
    assert_eq!(disk.damage().last().unwrap(), "no copy of the GPT is whole: what it says may be wrong");
}

#[test]
fn a_disk_that_was_cut_off_or_grew_is_known() {
    let mut disk = Disk::new(512, &[(8, 1900)]);
    let last = disk.last();
    disk.bytes.resize(2 << 20, 0);
    let away = Form::Gpt {
        guid: DISK,
        primary: State::Whole,
        backup: State::Whole,
        backup_away_from_end: Some(last),
    };
    assert_eq!((disk.read().form, disk.damage()), (away, vec![]));
    disk.bytes.truncate(1 << 19);
    assert_eq!(
        disk.damage(),
        [
            format!(
                "the disk ends before its backup GPT in sector {last}: it is cut off, or copied from a larger one"
            ),
            "partition 1 ends behind the end of the disk".to_owned()
        ]
    );
}

#[test]
fn copies_that_differ_are_said() {
    let mut disk = Disk::new(512, &[(8, 15)]);
    let last = disk.last();
    disk.put(last, 1, last - 1, &[0; 512]);
    assert_eq!(disk.damage(), ["primary and backup GPT differ; the primary counts"]);
    assert_eq!(disk.read().partitions.len(), 1);
}

#[test]
fn partitions_that_cannot_be_right_are_said() {
    let damage = |partitions: &[(u64, u64)]| Disk::new(512, partitions).damage();
    assert_eq!(damage(&[(8, 15), (15, 20)]), ["partitions 1 and 2 overlap"]);
    assert_eq!(
        damage(&[(8, 100), (20, 30), (50, 60)]),
        ["partitions 1 and 2 overlap", "partitions 1 and 3 overlap"]
    );
    assert_eq!(damage(&[(2, 7)]), ["partition 1 lies outside of what the GPT may use"]);
    assert_eq!(damage(&[(20, 10)]), ["partition 1 ends before it starts"]);
    assert_eq!(
        damage(&[(8, u64::MAX)]),
        ["partition 1 lies outside of what the GPT may use", "partition 1 ends behind the end of the disk"]
    );
}

#[test]
fn a_gpt_needs_its_protective_mbr() {
    let mut disk = Disk::new(512, &[]);
    disk.bytes[450] = 0x83;
    assert_eq!(disk.damage(), ["the protective MBR is missing"]);
}

#[test]
fn a_table_for_other_sectors_is_said() {
    let disk = Disk::new(512, &[]);
    let table = guid(&disk.bytes, Some(SectorSize::B4096)).unwrap();
    assert_eq!(table.damage.lines(), ["the GPT is written for sectors of 512 bytes, and the disk has 4096"]);
}

#[test]
fn a_gpt_that_is_gone_leaves_its_mbr() {
    let mut disk = Disk::new(512, &[(8, 15)]);
    let last = disk.last();
    disk.overwrite(1, &[0; 512]);
    disk.overwrite(last, &[0; 512]);
    assert_eq!(disk.read().form, Form::LostGpt);
    assert_eq!(
        disk.damage(),
        ["the MBR says that there is a GPT, and there is none at either end of the disk"]
    );
    disk.bytes.fill(0);
    assert_eq!(guid(&disk.bytes, None), None);
}

/// Sectors: an MBR with a primary and an extended partition, which holds the given records.
fn chained(records: &[(usize, [[u32; 3]; 2])]) -> Vec<u8> {
    let mut disk = vec![0; 1 << 20];
    let first = (0, [[0x83, 8, 8], [5, 100, 1000]]);
    for (sector, entries) in [first].iter().chain(records) {
        let record = &mut disk[sector * 512..][..512];
        for (index, [kind, first, sectors]) in entries.iter().enumerate() {
            let entry = &mut record[446 + 16 * index..];
            entry[4] = *kind as u8;
            entry[8..12].copy_from_slice(&first.to_le_bytes());
            entry[12..16].copy_from_slice(&sectors.to_le_bytes());
        }
        record[510..].copy_from_slice(&[0x55, 0xaa]);
    }
    disk
}

#[test]
fn logical_partitions_follow_their_chain() {
    let records = [(100, [[0x82, 8, 20], [5, 50, 60]]), (150, [[0x8e, 4, 30], [0, 0, 0]])];
    let table = plain(&chained(&records), None).unwrap();
    let found: Vec<_> =
        table.partitions.iter().map(|one| (one.number, one.kind.as_str(), one.start.0 / 512)).collect();
    assert_eq!(found, [(1, "Linux", 8), (5, "Linux swap", 108), (6, "Linux LVM", 154)]);
    assert!(table.damage.is_none());
}

#[test]
fn a_chain_without_end_has_one() {
    let table = plain(&chained(&[(100, [[0x83, 8, 1], [5, 0, 1]])]), None).unwrap();
    assert!(table.damage.lines().contains(&"the chain of logical partitions has no end".to_owned()));
    assert_eq!(table.partitions.len(), 65);
    let broken = plain(&chained(&[(100, [[0x83, 8, 20], [5, 700, 1]])]), None).unwrap();
    assert_eq!(broken.damage.lines(), ["the chain of logical partitions breaks off at sector 800"]);
    assert_eq!(broken.partitions.len(), 2);
}
