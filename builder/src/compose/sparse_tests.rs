use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

use installer::units::Bytes;
use tempfile::tempfile;

use super::{copy, data_ranges, non_zero_parts};

fn blank(length: u64) -> File {
    let file = tempfile().unwrap();
    file.set_len(length).unwrap();
    file
}

#[test]
fn blocks_of_zeros_are_left_out() {
    let mut window = vec![0; 5 * 4096 + 100];
    (window[4096], window[3 * 4096 - 1], window[5 * 4096 + 99]) = (1, 1, 1);
    let parts: Vec<_> = non_zero_parts(&window).map(|(at, part)| (at, part.len())).collect();
    assert_eq!(parts, [(4096, 8192), (5 * 4096, 100)]);
    assert_eq!(non_zero_parts(&[0; 9000]).count(), 0);
}

#[test]
fn holes_stay_holes_and_every_target_gets_the_data() {
    let source = blank(64 << 20);
    source.write_all_at(&[7; 5000], 3 << 20).unwrap();
    source.write_all_at(&vec![0; 8 << 20], 20 << 20).unwrap();
    source.write_all_at(&[8; 1], (64 << 20) - 1).unwrap();
    let (one, other) = (blank(80 << 20), blank(80 << 20));
    let targets = [(&one, Bytes::mib(1)), (&other, Bytes::mib(9))];
    copy(&source, Bytes::mib(2), Bytes::mib(62), &targets).unwrap();
    for (target, at) in targets {
        let mut found = [0; 5000];
        target.read_exact_at(&mut found, at.0 + (1 << 20)).unwrap();
        assert_eq!(found, [7; 5000]);
        target.read_exact_at(&mut found[..1], at.0 + (62 << 20) - 1).unwrap();
        assert_eq!(found[0], 8);
        assert!(target.metadata().unwrap().blocks() * 512 <= 64 << 10, "the target is not sparse");
    }
}

#[test]
fn ranges_are_cut_at_what_was_asked_for() {
    let file = blank(4 << 20);
    file.write_all_at(&[1; 8192], 1 << 20).unwrap();
    let ranges =
        |at, length| data_ranges(&file, Bytes(at), Bytes(length)).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(ranges(0, 4 << 20), [(Bytes::MIB, Bytes(8192))]);
    assert_eq!(ranges((1 << 20) + 100, 200), [(Bytes((1 << 20) + 100), Bytes(200))]);
    assert_eq!(ranges(2 << 20, 1 << 20), []);
}
