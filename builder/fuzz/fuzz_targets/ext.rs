//! File systems: ext's superblock and its features, FAT with its folders, swap, and what is known by its magic number.
#![no_main]

use std::rc::Rc;

use fuzz::inspect::device::{Scope, probe};
use fuzz::inspect::ext::Ext;
use fuzz::inspect::source::Shared;
use fuzz::inspect::words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|filesystem: Vec<u8>| {
    drop(Ext::read(&filesystem).map(|ext| ext.features.names()));
    let source: Shared = Rc::new(filesystem);
    let device = probe("device".to_owned(), source, Scope::Whole(None));
    drop((words::what(&device), words::notes(&device)));
});
