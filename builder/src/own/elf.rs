//! What of an ELF program is loaded (System V ABI, gABI 4.1, chapters 4 and 5): its segments. Symbols, debug information and
//! the table of sections lie behind them, and most of the file is that.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Result, ensure};

/// Magic, 64 bits, little endian.
const IDENT: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];
const HEADER: usize = 64;
/// Of the header: where the segments are listed, how long an entry is, how many there are.
const SEGMENTS: usize = 0x20;
const ENTRY_SIZE: usize = 0x36;
const COUNT: usize = 0x38;
/// Of the header: where sections are listed; how many there are, and which one has their names.
const SECTIONS: std::ops::Range<usize> = 0x28..0x30;
const SECTION_NUMBERS: std::ops::Range<usize> = 0x3c..0x40;
/// Of an entry: where the segment lies in the file, and how long it is there.
const OFFSET: usize = 8;
const FILE_SIZE: usize = 32;

/// The program at `path` up to the end of its last segment, without a table of sections.
///
/// # Errors
/// When it cannot be read, or is no ELF program of 64 bits.
pub(super) fn loaded(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path)?;
    let read = |at: u64, length: usize| {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at).map(|()| bytes)
    };
    let header = read(0, HEADER)?;
    ensure!(header.starts_with(&IDENT), "it is no ELF program of 64 bits");
    let [size, count] =
        [ENTRY_SIZE, COUNT].map(|at| usize::from(u16::from_le_bytes([header[at], header[at + 1]])));
    ensure!(size >= FILE_SIZE + 8, "its list of segments is damaged");
    let table = read(number(&header, SEGMENTS), size * count)?;
    let end = |entry: &[u8]| number(entry, OFFSET).saturating_add(number(entry, FILE_SIZE));
    let end = table.chunks_exact(size).map(end).max().unwrap_or(0);
    ensure!(end >= HEADER as u64 && end <= file.metadata()?.len(), "its segments are not in it");
    let mut program = read(0, end as usize)?;
    program[SECTIONS].fill(0);
    program[SECTION_NUMBERS].fill(0);
    Ok(program)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::loaded;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    /// This test itself, without what a debugger wants.
    #[test]
    fn what_is_left_of_a_program_runs() {
        let own = std::env::current_exe().unwrap();
        let program = loaded(&own).unwrap();
        assert!((program.len() as u64) < own.metadata().unwrap().len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test");
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let listed = Command::new(path).args(["--list", "own::elf"]).output().unwrap();
        assert!(String::from_utf8_lossy(&listed.stdout).contains("what_is_left_of_a_program_runs"));
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [b'#'; 100]).unwrap();
        assert_eq!(loaded(file.path()).unwrap_err().to_string(), "it is no ELF program of 64 bits");
    }
}
