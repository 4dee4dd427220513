use std::rc::Rc;

use installer::units::Bytes;

use super::{Array, Found, Slot, Verdict, assemble};
use crate::inspect::damage::Damage;
use crate::inspect::md::level::Level;
use crate::inspect::md::{Role, Superblock};
use crate::inspect::member::Member;
use crate::inspect::recorded::{MD, pieces};
use crate::inspect::source::Shared;

/// A member of an array of four with a chunk of 512 bytes and two chunks on each; its data are its role.
fn found(role: u16, change: impl Fn(&mut Superblock)) -> Found {
    let mut superblock = Superblock::read(&pieces(MD, 512)).unwrap();
    superblock.slots = 4;
    superblock.roles = (0..4).map(Role::Active).collect();
    superblock.role = Role::Active(role);
    (superblock.data_offset, superblock.data_size) = (Bytes(512), Bytes(1024));
    (superblock.member_size, superblock.chunk) = (Bytes(1024), Bytes(512));
    change(&mut superblock);
    let member = Member {
        metadata: "1.2",
        superblock,
        bitmap: None,
        is_refused: false,
        bad_blocks: None,
        damage: Damage::none(),
    };
    let source: Shared = Rc::new([vec![0xff; 512], vec![role as u8; 1024]].concat());
    Found { device: format!("sd{role}"), member, source }
}

fn raid10(superblock: &mut Superblock) {
    (superblock.level, superblock.layout) = (Level::Raid10, 0x102);
}

fn one(found: &[Found]) -> (Array, Option<Shared>) {
    let mut arrays = assemble(found);
    assert_eq!(arrays.len(), 1);
    arrays.remove(0)
}

fn present(role: u16) -> Slot {
    Slot::Present { device: format!("sd{role}") }
}

#[test]
fn a_mirror_is_read_from_what_is_there() {
    let (array, source) = one(&[found(2, |_| {}), found(1, |_| {})]);
    assert_eq!((array.name.as_str(), array.full_name.as_str()), ("late", "elsewhere:late"));
    assert_eq!(array.slots, [Slot::Missing, present(1), present(2), Slot::Missing]);
    assert_eq!((array.verdict, array.damage.lines()), (Verdict::Degraded, &[][..]));
    assert_eq!(source.unwrap().read(Bytes(0), 9999), vec![1; 1024]);
}

#[test]
fn striped_mirrors_need_one_of_each_pair() {
    let of = |roles: &[u16]| one(&roles.iter().map(|role| found(*role, raid10)).collect::<Vec<_>>());
    let (array, source) = of(&[0, 1, 2, 3]);
    assert_eq!((array.verdict, array.layout.as_deref()), (Verdict::Whole, Some("near 2")));
    let bytes = |chunks: [u8; 4]| chunks.map(|chunk| [chunk; 512]).concat();
    assert_eq!(source.unwrap().read(Bytes(0), 9999), bytes([0, 2, 0, 2]));
    let (array, source) = of(&[1, 3]);
    assert_eq!(array.verdict, Verdict::Degraded);
    assert_eq!(source.unwrap().read(Bytes(0), 9999), bytes([1, 3, 1, 3]));
    let (array, source) = of(&[0, 1]);
    assert_eq!((array.verdict, source.is_none()), (Verdict::CannotStart, true));
}

#[test]
fn stripes_need_all_and_of_equal_size() {
    let striped = |role| found(role, |superblock| (superblock.level, superblock.slots) = (Level::Raid0, 2));
    let (array, source) = one(&[striped(0), striped(1)]);
    assert_eq!(array.verdict, Verdict::Whole);
    assert_eq!(source.unwrap().read(Bytes(0), 9999).len(), 2048);
    assert_eq!(one(&[striped(0)]).0.verdict, Verdict::CannotStart);
    let mut small = striped(1);
    small.member.superblock.data_size = Bytes(512);
    assert!(one(&[striped(0), small]).1.is_none());
}

#[test]
fn parity_is_judged_and_not_read() {
    let parity = |role| found(role, |superblock| (superblock.level, superblock.layout) = (Level::Raid5, 2));
    let (array, source) = one(&[parity(0), parity(1), parity(3)]);
    assert_eq!((array.verdict, source.is_none()), (Verdict::Degraded, true));
    assert_eq!(one(&[parity(0), parity(1)]).0.verdict, Verdict::CannotStart);
}

#[test]
fn members_that_do_not_count_are_left_out_with_the_reason() {
    let old = found(1, |superblock| superblock.events = 19);
    let spare = found(3, |superblock| superblock.role = Role::Spare);
    let faulty = found(2, |superblock| superblock.role = Role::Faulty);
    let (array, _) = one(&[found(0, |_| {}), old, spare, faulty]);
    assert_eq!(array.slots, [present(0), Slot::Missing, Slot::Missing, Slot::Missing]);
    let others: Vec<_> = array.others.iter().map(|other| (other.device.as_str(), other.what)).collect();
    assert_eq!(others, [("sd1", "out of date"), ("sd3", "spare"), ("sd2", "faulty")]);
    assert_eq!(array.damage.lines(), ["sd1 is out of date: it has seen 19 events, and the newest member 21"]);
    let late = found(1, |superblock| superblock.events = 20);
    assert!(one(&[found(0, |_| {}), late]).0.damage.is_none(), "md overlooks one event");
}

#[test]
fn what_md_refuses_does_not_count() {
    let mut small = found(1, |_| {});
    small.member.is_refused = true;
    let (array, source) = one(&[small]);
    assert_eq!((array.verdict, source.is_none()), (Verdict::CannotStart, true));
    assert_eq!((array.others[0].device.as_str(), array.others[0].what), ("sd1", "refused by md"));
}

#[test]
fn roles_that_two_claim_or_nobody_has_are_said() {
    let twin = Found { device: "copy".to_owned(), ..found(0, |_| {}) };
    let (array, _) = one(&[found(0, |_| {}), twin, found(9, |_| {})]);
    assert_eq!(
        array.damage.lines(),
        ["copy claims to be member 0, and so does another one", "sd9 claims to be member 9 of 4"]
    );
}

#[test]
fn a_member_that_is_rebuilt_is_not_read() {
    let (array, source) = one(&[found(0, |superblock| superblock.rebuilt = Some(Bytes::MIB))]);
    assert_eq!(array.slots[0], Slot::Rebuilding { device: "sd0".to_owned(), done: Bytes::MIB });
    assert_eq!((array.verdict, source.is_none()), (Verdict::CannotStart, true));
}

#[test]
fn an_array_knows_what_it_does_without() {
    let (array, _) = one(&[found(0, |superblock| {
        superblock.roles = vec![Role::Active(0), Role::Faulty, Role::Active(2)]
    })]);
    assert_eq!(array.slots, [present(0), Slot::Empty, Slot::Missing, Slot::Empty]);
}

#[test]
fn a_superblock_that_is_whole_is_believed_before_a_newer_one() {
    let torn = found(1, |superblock| {
        (superblock.is_whole, superblock.events, superblock.slots) = (false, u64::MAX, 1)
    });
    let (array, _) = one(&[torn, found(0, |_| {})]);
    assert_eq!((array.slots.len(), array.events), (4, 21));
}

#[test]
fn numbers_of_any_size_are_survived() {
    for (slots, level, layout) in
        [(u32::MAX, Level::Raid10, u32::MAX), (0, Level::Raid10, 0x102), (0, Level::Raid1, 0)]
    {
        let change = |superblock: &mut Superblock| {
            (superblock.slots, superblock.level, superblock.layout) = (slots, level, layout);
            (superblock.chunk, superblock.member_size) = (Bytes(u64::MAX), Bytes(u64::MAX));
        };
        let (array, _) = one(&[found(0, change)]);
        assert!(array.slots.len() <= 1920 && array.verdict == Verdict::CannotStart);
    }
}
