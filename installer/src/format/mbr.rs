//! The boot code of a disk that BIOS is not to start: it gives the next device its turn.
//!
//! Zeros would not do. A protective MBR ends like every boot sector, so a BIOS jumps into its code, whatever that is; zeros
//! are instructions too, and what comes behind them is the partition table. The machine would hang there, and start neither
//! a stick nor the network, from which an install that was interrupted is done again.
//!
//! Source: BIOS Boot Specification 1.01, 6.2 and D.2: boot code that cannot go on calls interrupt 0x18.

use crate::units::Bytes;

use super::Piece;

/// What comes behind it is the disk's signature and the table.
pub const BOOT_CODE: Bytes = Bytes(440);
/// `int 0x18`, and for a BIOS that comes back from it `1: hlt; jmp 1b`.
const NEXT_DEVICE: [u8; 5] = [0xcd, 0x18, 0xf4, 0xeb, 0xfd];

/// Boot code that boots nothing.
#[must_use]
pub fn no_boot_code() -> Piece {
    let mut bytes = NEXT_DEVICE.to_vec();
    bytes.resize(BOOT_CODE.0 as usize, 0);
    Piece { at: Bytes::ZERO, bytes }
}

#[cfg(test)]
mod tests {
    use super::no_boot_code;

    #[test]
    fn it_calls_the_next_device_and_leaves_the_table_alone() {
        let piece = no_boot_code();
        assert_eq!((piece.at.0, piece.bytes.len()), (0, 440));
        assert_eq!(piece.bytes[..2], [0xcd, 0x18], "int 0x18");
        assert_eq!(piece.bytes[2..5], [0xf4, 0xeb, 0xfd], "hlt, and three bytes back");
        assert!(piece.bytes[5..].iter().all(|byte| *byte == 0));
    }
}
