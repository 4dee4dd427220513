//! Whether a copy holds nothing but zeros.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::units::Bytes;

const CHUNK: usize = 1 << 20;
/// What direct I/O wants of addresses in memory: the largest sector.
const ALIGNMENT: usize = 4096;

/// Reads the first `size` bytes of `device`; whether they are all zero and were read within `patience`. A disk that takes
/// longer is synced meanwhile, not read.
///
/// # Errors
/// When it cannot be read.
pub fn only(device: &Path, size: Bytes, patience: Duration) -> io::Result<bool> {
    // Past the page cache: DRBD writes below it.
    let direct = OFlags::DIRECT.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(direct).open(device)?;
    let deadline = Instant::now() + patience;
    all_zero(file, size, || Instant::now() < deadline)
}

fn all_zero(mut file: File, size: Bytes, mut go_on: impl FnMut() -> bool) -> io::Result<bool> {
    let mut memory = vec![0; CHUNK + ALIGNMENT];
    let start = memory.as_ptr().align_offset(ALIGNMENT);
    let buffer = &mut memory[start..start + CHUNK];
    let mut left = size.0;
    while left > 0 {
        let wanted = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let read = file.read(&mut buffer[..wanted])?;
        if read == 0 || buffer[..read].iter().any(|byte| *byte != 0) || !go_on() {
            return Ok(false);
        }
        left -= read as u64;
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::all_zero;
    use crate::units::Bytes;
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn only_zeros_that_were_read_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let size = Bytes((3 << 20) + 4096);
        fs::write(&path, vec![0; size.0 as usize + 512]).unwrap();
        let disk = File::options().write(true).open(&path).unwrap();
        let zeros = |patient: bool| all_zero(File::open(&path).unwrap(), size, || patient).unwrap();
        assert!(zeros(true));
        assert!(!zeros(false), "nobody waited for it");
        disk.write_all_at(b"x", size.0).unwrap();
        assert!(zeros(true), "what lies behind is DRBD's own");
        disk.write_all_at(b"x", size.0 - 1).unwrap();
        assert!(!zeros(true));
        disk.write_all_at(b"\0", size.0 - 1).unwrap();
        disk.set_len(4096).unwrap();
        assert!(!zeros(true), "it is too short");
    }
}
