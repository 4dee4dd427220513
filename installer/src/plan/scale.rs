//! A disk as a line to scale: `│1│root      │pv              ░│`.

use super::{Disk, Partition};
use crate::units::Bytes;

/// Columns of the largest disk.
const WIDTH: u64 = 72;

/// The line of `disk` among disks of which the largest has `largest` bytes. Every piece has at least one column, so
/// small pieces look larger than they are.
pub(super) fn line(disk: &Disk, largest: Bytes) -> String {
    let pieces = pieces(disk);
    let columns = scaled(disk.size, largest, WIDTH).max(pieces.len() as u64);
    let widths = widths(&pieces, columns);
    let cells = pieces.iter().zip(widths).map(|((name, _), width)| cell(name, width));
    format!("│{}│", cells.collect::<Vec<_>>().join("│"))
}

/// Names and sizes from the start of the disk to its end; space between partitions has no name.
fn pieces(disk: &Disk) -> Vec<(&str, Bytes)> {
    let end = |partition: &Partition| partition.start + partition.size;
    let mut pieces: Vec<_> =
        disk.partitions.iter().map(|partition| (partition.name.as_str(), partition.size)).collect();
    let used = disk.partitions.last().map_or(Bytes::ZERO, end);
    let rest = disk.size.saturating_sub(used);
    // The backup GPT and what alignment leaves is not worth a column.
    if rest > Bytes::mib(2) {
        pieces.push(("", rest));
    }
    pieces
}

/// One column each, the rest by size; what rounding leaves goes to the largest.
fn widths(pieces: &[(&str, Bytes)], columns: u64) -> Vec<u64> {
    let spare = columns.saturating_sub(pieces.len() as u64);
    let whole: u64 = pieces.iter().map(|(_, size)| size.0).fold(0, u64::saturating_add);
    let mut widths: Vec<u64> =
        pieces.iter().map(|(_, size)| 1 + scaled(*size, Bytes(whole), spare)).collect();
    let given: u64 = widths.iter().sum();
    let largest = pieces.iter().enumerate().max_by_key(|(_, (_, size))| size.0).map(|(at, _)| at);
    if let Some(width) = largest.and_then(|at| widths.get_mut(at)) {
        *width += columns.saturating_sub(given);
    }
    widths
}

fn scaled(size: Bytes, whole: Bytes, columns: u64) -> u64 {
    let share = u128::from(size.0) * u128::from(columns) / u128::from(whole.0.max(1));
    u64::try_from(share).unwrap_or(columns)
}

fn cell(name: &str, width: u64) -> String {
    let width = usize::try_from(width).unwrap_or(0);
    let fill = if name.is_empty() { "░" } else { " " };
    let shown: String = name.chars().take(width).collect();
    let rest = width - shown.chars().count();
    shown + &fill.repeat(rest)
}
