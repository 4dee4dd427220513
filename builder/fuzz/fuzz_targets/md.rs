//! A member of an array: superblock, bitmap, bad block log; and the array that is put together from it alone.
#![no_main]

use std::rc::Rc;

use fuzz::inspect::array::{Found, assemble};
use fuzz::inspect::device::{Scope, probe};
use fuzz::inspect::member::Member;
use fuzz::inspect::source::Shared;
use fuzz::inspect::words;
use installer::units::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|member: Vec<u8>| {
    let source: Shared = Rc::new(member);
    let device = probe("member".to_owned(), source, Scope::Whole(None));
    drop((words::what(&device), words::notes(&device)));
    // As if it were not refused: no guess gets past the checksum.
    let found = Found::of(&device)
        .map(|found| Found { member: Member { is_refused: false, ..found.member }, ..found });
    for (_, source) in assemble(found.as_slice()) {
        drop(source.map(|source| source.read(Bytes::ZERO, 1 << 16)));
    }
});
