//! A disk that begins and ends with anything: both copies of a GPT at both sector sizes, and chains of MBRs.
#![no_main]

use fuzz::inspect::table;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|disk: Vec<u8>| {
    drop(table::guid(&disk, None));
    drop(table::plain(&disk, None));
});
