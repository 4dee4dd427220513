//! A physical volume, and the group that is put together from it alone. The first byte says what the rest is: the volume,
//! or the text of its metadata.
#![no_main]

use std::rc::Rc;

use fuzz::inspect::device::{Scope, probe};
use fuzz::inspect::group::{Found, assemble};
use fuzz::inspect::source::Shared;
use fuzz::volume::with_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let volume = if kind % 2 == 0 { rest.to_vec() } else { with_text(rest) };
    let source: Shared = Rc::new(volume);
    let device = probe("volume".to_owned(), source, Scope::Whole(None));
    drop(assemble(Found::of(&device).as_slice()));
});
