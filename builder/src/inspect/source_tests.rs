use std::rc::Rc;

use installer::units::Bytes;

use super::{Chain, Dealt, MOST, Mirror, Shared, Source as _, Window};

fn bytes(bytes: &[u8]) -> Shared {
    Rc::new(bytes.to_vec())
}

#[test]
fn reads_end_where_the_source_ends() {
    let disk = b"0123456789".to_vec();
    assert_eq!(disk.read(Bytes(8), 4), b"89");
    assert_eq!(disk.read(Bytes(10), 1), b"");
    assert_eq!(disk.read(Bytes(u64::MAX), usize::MAX), b"");
    let window = Window::new(&bytes(b"0123456789"), Bytes(4), Bytes(u64::MAX));
    assert_eq!((window.size(), window.read(Bytes(1), 99)), (Bytes(6), b"56789".to_vec()));
    let nothing = Window::new(&bytes(b"0123"), Bytes(u64::MAX), Bytes(1));
    assert_eq!((nothing.size(), nothing.read(Bytes(0), 1)), (Bytes(0), vec![]));
}

#[test]
fn nothing_is_read_beyond_the_most() {
    assert_eq!(vec![0; MOST + 1].read(Bytes(0), usize::MAX).len(), MOST);
}

#[test]
fn a_mirror_reads_the_copy_that_can_be_read() {
    let mirror = Mirror::new(vec![bytes(b"ab"), bytes(b"abcd")], Bytes(4));
    assert_eq!(mirror.read(Bytes(0), 2), b"ab");
    assert_eq!(mirror.read(Bytes(1), 9), b"bcd");
}

#[test]
fn a_chain_reads_over_its_seams() {
    let mut chain = Chain::default();
    [&b"abc"[..], b"", b"d", b"efg"].into_iter().for_each(|part| chain.push(bytes(part)));
    assert_eq!(chain.read(Bytes(0), 99), b"abcdefg");
    assert_eq!(chain.read(Bytes(2), 3), b"cde");
    assert_eq!(chain.read(Bytes(7), 1), b"");
}

/// Chunks 0 to 4 of 512 bytes in two copies on three members: 0 0 1 / 1 2 2 / 3 3 4 / 4.
#[test]
fn near_copies_lie_on_neighbours() {
    let member = |chunks: &[u8]| bytes(&chunks.iter().flat_map(|chunk| [*chunk; 512]).collect::<Vec<_>>());
    let members = [&[0, 1, 3, 4][..], &[0, 2, 3], &[1, 2, 4]].map(|chunks| Some(member(chunks)));
    let whole: Vec<u8> = (0..5).flat_map(|chunk| [chunk; 512]).collect();
    let dealt = |members: &[Option<Shared>]| Dealt::new(members.to_vec(), Bytes(512), 2, Bytes(5 * 512));
    for without in 0..3 {
        let mut members = members.to_vec();
        members[without] = None;
        assert_eq!(dealt(&members).map(|dealt| dealt.read(Bytes(0), 9999)), Some(whole.clone()));
    }
    let two_gone = dealt(&[None, None, members[2].clone()]).map(|dealt| dealt.read(Bytes(512), 9999));
    assert_eq!(two_gone.map(|bytes| bytes.len()), Some(1024));
}

#[test]
fn numbers_that_make_no_sense_make_no_source() {
    let member = || Some(bytes(b"x"));
    assert!(Dealt::new(vec![member()], Bytes(0), 1, Bytes(9)).is_none());
    assert!(Dealt::new(vec![member()], Bytes(512), 2, Bytes(9)).is_none());
    assert!(Dealt::new(vec![], Bytes(512), 0, Bytes(9)).is_none());
}
