//! Zeros, noise, disks that were cut off, and a flipped bit in each structure: what is said, and never a panic.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::bench::{Bench, Said};
use crate::foreign;

const SECTOR: u64 = 512;
const MIB: u64 = 1 << 20;

/// Bytes in which there is no order; the same ones in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// It ended by itself, and said what there is: no panic, no signal.
fn assert_calm(said: &Said, context: &str) {
    assert!(matches!(said.status, Some(0 | 1)) && said.error.is_empty(), "{context}: {said:?}");
    assert_eq!(
        said.status == Some(0),
        said.text.ends_with("\nnothing is damaged\n"),
        "{context}: {}",
        said.text
    );
}

#[test]
fn zeros_are_blank() {
    let bench = Bench::new();
    for (name, size) in [("empty", 0), ("sector", 512), ("small", 10_000), ("large.img", 1 << 40)] {
        bench.blank(name, size);
        let said = bench.inspect(&[name]);
        assert_calm(&said, name);
        assert_eq!(said.status, Some(0));
        assert!(said.text.contains("  looks blank\n"), "{}", said.text);
    }
    assert_eq!(
        bench.inspect(&["large.img"]).text,
        "1 disk\n\nlarge  1T  looks blank\n\nnothing is damaged\n"
    );
}

#[test]
fn noise_is_unknown() {
    let bench = Bench::new();
    for (seed, length) in [(1, 1), (2, 511), (3, 4096), (4, 100_000), (5, 4 << 20)] {
        fs::write(bench.path().join("noise"), noise(seed, length)).unwrap();
        let said = bench.inspect(&["noise"]);
        assert_calm(&said, "noise");
        assert_eq!(said.status, Some(0));
        assert!(said.text.contains("  unknown content\n"), "{}", said.text);
    }
}

/// Beginnings that are right, and noise behind them.
#[test]
fn noise_behind_a_magic_number_is_survived() {
    let superblock = [0xfc, 0x4e, 0x2b, 0xa9, 1, 0, 0, 0];
    let magics: [(usize, &[u8]); 9] = [
        (512, b"EFI PART"),
        (4096, b"EFI PART"),
        (0, &superblock),
        (4096, &superblock),
        (512, b"LABELONE"),
        (4100, b" LVM2 x[5A%r0N*>"),
        (1024 + 56, &[0x53, 0xef]),
        (4086, b"SWAPSPACE2"),
        (510, &[0x55, 0xaa]),
    ];
    let bench = Bench::new();
    for seed in 0..20 {
        for (at, magic) in magics {
            let mut disk = noise(seed, 300_000);
            disk[at..at + magic.len()].copy_from_slice(magic);
            if magic == b"LABELONE" {
                disk[512 + 24..512 + 32].copy_from_slice(b"LVM2 001");
            }
            fs::write(bench.path().join("noise"), disk).unwrap();
            assert_calm(&bench.inspect(&["noise"]), &format!("{magic:?} at {at}, seed {seed}"));
        }
    }
}

#[test]
fn disks_that_were_cut_off_are_said() {
    for mib in [0, 1, 2, 20, 60, 95] {
        let bench = Bench::new();
        foreign::unpack(bench.path());
        let names: Vec<String> = (0..8).map(|index| format!("disk{index}.img")).collect();
        for name in &names {
            let file = File::options().write(true).open(bench.path().join(name)).unwrap();
            let size = file.metadata().unwrap().len();
            file.set_len(size.min(mib * MIB + 300)).unwrap();
        }
        let said = bench.inspect(&["."]);
        assert_calm(&said, &format!("{mib} MiB"));
        assert_eq!(said.status, Some(i32::from(mib > 0)), "{mib}: {}", said.text);
        if mib > 0 {
            let line = "disk0    the disk ends before its backup GPT in sector 196607: it is cut off, or copied from a larger one";
            let is_there = said
                .text
                .lines()
                .any(|found| found.split_whitespace().eq(["├─"].into_iter().chain(line.split_whitespace())));
            assert!(is_there, "{}", said.text);
        }
    }
}

/// Where partitions start on the recorded disks.
const BOOT: u64 = 2048 * SECTOR;
const TEN: u64 = 34816 * SECTOR;
const LATE: u64 = 141_312 * SECTOR;
const GUESTS: u64 = 2048 * SECTOR;
const ESP: u64 = 256 * 4096;
const FILES: u64 = ESP + 40 * MIB;
const SWAP: u64 = FILES + 12 * MIB;

/// Disk, byte, and what is said of it. Nothing else is damaged then, but for what is on purpose.
const FLIPS: [(&str, u64, &str, &str); 22] = [
    ("disk0.img", 512, "disk0", "the primary GPT is missing from sector 1"),
    (
        "disk0.img",
        512 + 56,
        "disk0",
        "the primary GPT in sector 1 is damaged: the checksum of its header is wrong",
    ),
    (
        "disk0.img",
        1024 + 40,
        "disk0",
        "the primary GPT in sector 1 is damaged: the checksum of its entries is wrong",
    ),
    (
        "disk0.img",
        96 * MIB - 512 + 20,
        "disk0",
        "the backup GPT in sector 196607 is damaged: the checksum of its header is wrong",
    ),
    (
        "disk0.img",
        96 * MIB - 33 * 512,
        "disk0",
        "the backup GPT in sector 196607 is damaged: the checksum of its entries is wrong",
    ),
    ("disk0.img", 511, "disk0", "the protective MBR is missing"),
    (
        "disk6.img",
        4096 + 56,
        "disk6",
        "the primary GPT in sector 1 is damaged: the checksum of its header is wrong",
    ),
    // md: 1.0 at the end, 1.2 behind the start; superblock, magic number, bitmap.
    ("disk0.img", BOOT + 16 * MIB - 8192 + 80, "disk0p1", "the checksum of the md superblock is wrong"),
    ("disk0.img", TEN + 4096 + 200, "disk0p2", "the checksum of the md superblock is wrong"),
    (
        "disk0.img",
        TEN + 4096,
        "disk0p2",
        "its type asks for an md superblock, and there is none, though it is not blank",
    ),
    ("disk2.img", LATE + 8192, "disk2p4", "its write-intent bitmap is missing"),
    ("disk2.img", LATE + 8192 + 8, "disk2p4", "its write-intent bitmap belongs to another array"),
    // LVM: label, header and text of both areas.
    ("disk4.img", GUESTS + 512 + 60, "disk4p1", "the checksum of the LVM label is wrong"),
    ("disk4.img", GUESTS + 512, "disk4p1", "there are LVM metadata, and no label: LVM does not see it"),
    ("disk4.img", GUESTS + 4096 + 2, "disk4p1", "the checksum of the LVM metadata area at 4K is wrong"),
    ("disk4.img", GUESTS + 4096 + 4, "disk4p1", "the LVM metadata area at 4K has no header"),
    (
        "disk4.img",
        GUESTS + 4096 + 13312 + 99,
        "disk4p1",
        "the LVM metadata in the area at 4K are damaged: their checksum is wrong",
    ),
    // File systems on partitions.
    ("disk6.img", ESP + 510, "disk6p1", "its type asks for a FAT, and there is none, though it is not blank"),
    ("disk6.img", FILES + 1024 + 104, "disk6p2", "the checksum of the superblock is wrong"),
    (
        "disk6.img",
        SWAP + 4090,
        "disk6p3",
        "its type asks for a swap header, and there is none, though it is not blank",
    ),
    ("disk6.img", SWAP + 1024, "disk6p3", "the swap header has version 0"),
    // The chain of logical partitions.
    (
        "disk4.img",
        116_736 * SECTOR + 510,
        "disk4",
        "the chain of logical partitions breaks off at sector 116736",
    ),
];

#[test]
fn each_flipped_bit_is_said_where_it_is() {
    let bench = Bench::new();
    foreign::unpack(bench.path());
    let damaged = |bench: &Bench| -> Vec<(String, String)> {
        let data = bench.json(&["."]);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        data["damaged"].as_array().unwrap().iter().map(|one| (text(&one["at"]), text(&one["what"]))).collect()
    };
    let on_purpose = damaged(&bench);
    assert_eq!(on_purpose.len(), 2);
    for (disk, at, place, line) in FLIPS {
        bench.flip(disk, at);
        let said = bench.inspect(&["."]);
        assert_calm(&said, line);
        assert_eq!(said.status, Some(1));
        let new: Vec<_> = damaged(&bench).into_iter().filter(|one| !on_purpose.contains(one)).collect();
        assert!(new.contains(&(place.to_owned(), line.to_owned())), "{disk} {at}: {new:?}");
        assert!(said.text.contains(&format!("DAMAGED: {line}")), "{}", said.text);
        bench.flip(disk, at);
    }
    assert_eq!(damaged(&bench), on_purpose);
}

/// Every byte of what the readers look at, flipped or set, one file system and table after the other.
#[test]
fn any_byte_may_be_anything() {
    let bench = Bench::new();
    foreign::unpack(bench.path());
    let places = [
        ("disk0.img", 440, 1200),
        ("disk0.img", TEN + 4096, 512),
        ("disk2.img", LATE + 8192, 300),
        ("disk5.img", 512, 200),
        ("disk5.img", 4096, 600),
        ("disk6.img", ESP, 512),
        ("disk6.img", FILES + 1024, 400),
    ];
    for (disk, start, length) in places {
        for (index, bytes) in noise(start, 64 * 4).chunks(4).enumerate() {
            let at = start + index as u64 * length / 64;
            let file = bench.path().join(disk);
            let before = read(&file, at, bytes.len());
            bench.overwrite(disk, at, bytes);
            assert_calm(&bench.inspect(&["."]), &format!("{disk} {at}"));
            bench.overwrite(disk, at, &before);
        }
    }
}

fn read(path: &std::path::Path, at: u64, length: usize) -> Vec<u8> {
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).unwrap();
    bytes
}

/// A FAT that gives up after so many bytes.
struct Patient {
    bytes: io::Cursor<Vec<u8>>,
    left: usize,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.left = self.left.checked_sub(count).ok_or_else(|| io::Error::other("out of patience"))?;
        Ok(count)
    }
}

impl Write for Patient {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Patient {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// Why FATs are read by hand. When this fails, fatfs has learnt to leave a ring, and may take over.
#[test]
fn fatfs_never_leaves_a_folder_whose_clusters_are_a_ring() {
    let bench = Bench::new();
    bench.sh("truncate -s 34M fat && mkfs.vfat -F 32 -s 1 fat && mmd -i fat ::/EFI");
    // Cluster 3 is the folder. It is followed by itself, and all its entries are deleted.
    let (table, data) = (32 * SECTOR, (32 + 2 * 536) * SECTOR);
    bench.overwrite("fat", table + 3 * 4, &[3, 0, 0, 0]);
    bench.overwrite("fat", data + SECTOR, &[0xe5; 512]);
    let bytes = fs::read(bench.path().join("fat")).unwrap();
    let disk = Patient { bytes: io::Cursor::new(bytes), left: 64 << 20 };
    let filesystem = fatfs::FileSystem::new(disk, fatfs::FsOptions::new()).unwrap();
    let root = filesystem.root_dir();
    let first = root.open_dir("EFI").unwrap().iter().next().unwrap();
    assert_eq!(first.err().unwrap().to_string(), "out of patience");
    assert_calm(&bench.inspect(&["fat"]), "a ring");
}
