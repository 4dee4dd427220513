//! Copying between files without filling their holes.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use installer::units::Bytes;
use rustix::fs::{SeekFrom, copy_file_range, seek};
use rustix::io::Errno;

/// What a hole is made of on every file system that we meet.
const BLOCK: usize = 4096;
/// Compared as memory, which is much faster than byte by byte.
const ZEROS: [u8; BLOCK] = [0; BLOCK];
/// Read at once.
const WINDOW: Bytes = Bytes::MIB;

/// The parts of a range that hold data, as offset and length; the rest are holes. Moves the file's own position.
pub fn data_ranges(file: &File, at: Bytes, length: Bytes) -> impl Iterator<Item = Result<(Bytes, Bytes)>> {
    let end = (at + length).0;
    let mut next = at.0;
    std::iter::from_fn(move || {
        let range = data_range(file, next, end).context("looking for holes").transpose()?;
        next = range.as_ref().map_or(end, |(_, stop)| *stop);
        Some(range.map(|(start, stop)| (Bytes(start), Bytes(stop - start))))
    })
}

/// Start and end of the first data in `from..end`.
fn data_range(file: &File, from: u64, end: u64) -> Result<Option<(u64, u64)>> {
    if from >= end {
        return Ok(None);
    }
    let start = match seek(file, SeekFrom::Data(from)) {
        Ok(start) if start < end => start,
        // NXIO: nothing but a hole up to the end of the file.
        Ok(_) | Err(Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some((start, seek(file, SeekFrom::Hole(start))?.min(end))))
}

/// Copies a range to each target at its offset. Holes and blocks of zeros are left out, so the targets must read as
/// zeros there.
///
/// # Errors
/// An I/O error.
pub fn copy(source: &File, from: Bytes, length: Bytes, targets: &[(&File, Bytes)]) -> Result<()> {
    let mut buffer = vec![0; WINDOW.min(length).0 as usize];
    for range in data_ranges(source, from, length) {
        let (mut at, length) = range?;
        let end = at + length;
        while at < end {
            let window = &mut buffer[..WINDOW.min(end - at).0 as usize];
            source.read_exact_at(window, at.0).context("reading")?;
            copy_window(source, at, window, from, targets)?;
            at = at + Bytes(window.len() as u64);
        }
    }
    Ok(())
}

fn copy_window(
    source: &File,
    at: Bytes,
    window: &[u8],
    from: Bytes,
    targets: &[(&File, Bytes)],
) -> Result<()> {
    for (start, part) in non_zero_parts(window) {
        let at = at + Bytes(start as u64);
        for (target, to) in targets {
            put(source, at, part, target, *to + (at - from)).context("writing")?;
        }
    }
    Ok(())
}

/// Neighbouring blocks with content, as one part.
fn non_zero_parts(window: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let block = |at: usize| &window[at..window.len().min(at + BLOCK)];
    let is_zero = move |at: usize| block(at) == &ZEROS[..block(at).len()];
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = (next..window.len()).step_by(BLOCK).find(|at| !is_zero(*at))?;
        let end = (start..window.len()).step_by(BLOCK).find(|at| is_zero(*at)).unwrap_or(window.len());
        next = end;
        Some((start, &window[start..end]))
    })
}

/// Lets the file system share or copy the blocks; the bytes that were read are for those that cannot.
fn put(source: &File, at: Bytes, bytes: &[u8], target: &File, to: Bytes) -> Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let (mut from, mut into) = (at.0 + done as u64, to.0 + done as u64);
        match copy_file_range(source, Some(&mut from), target, Some(&mut into), bytes.len() - done) {
            Ok(count) if count > 0 => done += count,
            _ => return Ok(target.write_all_at(&bytes[done..], into)?),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "sparse_tests.rs"]
mod tests;
