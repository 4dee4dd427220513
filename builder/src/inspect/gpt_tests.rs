use std::io::Cursor;

use uuid::uuid;

use super::{Entry, Header, entries};
use crate::inspect::checksum::crc32;
use crate::inspect::recorded::{flipped, hex};

/// `sgdisk -U 11111111-… -n 3:2048:3071 -c 3:data -t 3:fd00 -u 3:aaaaaaaa-…` on a file of 2 MiB: sector 1.
const HEADER: &str = "4546492050415254000001005c0000007631867f000000000100000000000000ff0f000000000000
    2200000000000000de0f000000000000111111112222333344445555555555550200000000000000
    8000000080000000c9964587";
/// The third of its entries.
const ENTRY: &str =
    "0f889da1fc053b4da006743f0f84911eaaaaaaaabbbbccccddddeeeeeeeeeeee0008000000000000ff0b000000000000
    00000000000000006400610074006100";

#[test]
fn what_sgdisk_wrote_is_read() {
    let header = Header::read(&hex(HEADER, 512)).unwrap();
    assert!(header.is_whole);
    assert_eq!((header.own, header.other, header.entries), (1, 4095, 2));
    assert_eq!((header.first_usable, header.last_usable), (34, 4062));
    assert_eq!((header.count, header.entry_size, header.entries_length()), (128, 128, Some(16384)));
    assert_eq!(header.guid, uuid!("11111111-2222-3333-4444-555555555555"));
    let mut table = vec![0; 256];
    table.extend(hex(ENTRY, 16384 - 256));
    assert_eq!(header.entries_checksum, crc32(&table));
    let entry = Entry {
        number: 3,
        kind: uuid!("a19d880f-05fc-4d3b-a006-743f0f84911e"),
        guid: uuid!("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
        first: 2048,
        last: 3071,
        attributes: 0,
        name: "data".to_owned(),
    };
    assert_eq!(entries(&table, 128), [entry]);
}

/// Bytes 16 to 19 are the checksum itself; without the first eight it is no header.
#[test]
fn every_flipped_bit_of_a_header_is_found() {
    let sector = hex(HEADER, 512);
    for at in 0..92 {
        let read = Header::read(&flipped(&sector, at));
        assert_eq!(read.map(|header| header.is_whole), (at >= 8).then_some(false), "byte {at}");
    }
}

#[test]
fn counts_that_nobody_writes_are_not_believed() {
    let header = Header::read(&hex(HEADER, 512)).unwrap();
    for (count, entry_size) in
        [(u32::MAX, 128), (128, u32::MAX), (128, 0), (128, 64), (128, 129), (8193, 128)]
    {
        assert_eq!(
            Header { count, entry_size, ..header.clone() }.entries_length(),
            None,
            "{count} x {entry_size}"
        );
    }
}

#[test]
fn what_is_short_is_no_header() {
    assert_eq!(Header::read(b"EFI PART"), None);
    assert_eq!(Header::read(&[]), None);
    assert_eq!(entries(&[1; 127], 128), []);
    assert_eq!(entries(&[1; 127], 0), []);
}

/// One reason why the table is not read with gptman; the other one would end the test: it allocates by a count of up to
/// four thousand millions. When this fails, look at both again.
#[test]
#[should_panic(expected = "left == right")]
fn gptman_panics_over_large_entries() {
    let mut sector = hex(HEADER, 512);
    sector[80..88].copy_from_slice(&[4, 0, 0, 0, 0, 1, 0, 0]);
    sector[16..20].fill(0);
    let sum = crc32(&sector[..92]);
    sector[16..20].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(Header::read(&sector).unwrap().entries_length(), Some(1024));
    let mut disk = Cursor::new([vec![0; 512], sector, vec![0; 1 << 20]].concat());
    disk.set_position(512);
    let header = gptman::GPTHeader::read_from(&mut disk).unwrap();
    drop(header.read_partitions(&mut disk, 512));
}
