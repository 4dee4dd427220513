//! Boot code for BIOS: what lies in sector 0, and where GRUB's core is (GRUB 2.12 `include/grub/i386/pc/boot.h`,
//! `grub-core/boot/i386/pc/boot.S`, `diskboot.S`).

use serde::Serialize;

use super::fields::Fields;

/// What comes behind the code belongs to the partition table.
const CODE: usize = 440;
const KERNEL_SECTOR: usize = 0x5c;
/// The first entry of the block list; further ones lie before it.
const BLOCK_LIST: usize = 0x1f4;
const ENTRY: usize = 12;
/// `int 0x18; 1: hlt; jmp 1b` (BIOS Boot Specification 1.01, D.2).
const NEXT_DEVICE: [u8; 5] = [0xcd, 0x18, 0xf4, 0xeb, 0xfd];
/// The list has no room for more before the code begins.
const MOST_ENTRIES: usize = 8;

/// The code in sector 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Code {
    /// GRUB's `boot.img`.
    Grub {
        /// The sector that it loads first.
        core: u64,
    },
    /// It does nothing but give the next device its turn.
    Next,
    /// Something else.
    Other,
}

impl Code {
    /// Reads sector 0; nothing if there are only zeros.
    #[must_use]
    pub fn read(sector: &[u8]) -> Option<Self> {
        let code = sector.get(..CODE).unwrap_or(sector);
        if code.iter().all(|byte| *byte == 0) {
            return None;
        }
        if code.starts_with(&NEXT_DEVICE) && code[NEXT_DEVICE.len()..].iter().all(|byte| *byte == 0) {
            return Some(Self::Next);
        }
        // What it prints when it fails.
        let is_grub = contains(code, b"GRUB \0") && contains(code, b"Geom\0");
        let core = Fields(sector).u64(KERNEL_SECTOR).filter(|_| is_grub);
        Some(core.map_or(Self::Other, |core| Self::Grub { core }))
    }
}

/// The first sector of GRUB's core, which loads the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Core {
    /// Where the rest starts.
    #[serde(skip)]
    pub next: u64,
    /// Sectors in all.
    pub sectors: u64,
}

impl Core {
    /// Reads a sector; nothing if it is not the start of a core.
    #[must_use]
    pub fn read(sector: &[u8]) -> Option<Self> {
        let sector = sector.get(..512)?;
        if !contains(sector, b"loading\0") || !contains(sector, b"Geom\0") {
            return None;
        }
        let fields = Fields(sector);
        let places = (0..MOST_ENTRIES).map(|index| BLOCK_LIST - index * ENTRY);
        let lengths = places.map_while(|at| fields.u16(at + 8).filter(|length| *length != 0));
        let rest: u64 = lengths.map(u64::from).sum();
        Some(Self { next: fields.u64(BLOCK_LIST)?, sectors: rest + 1 })
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Code, Core};

    fn boot() -> Vec<u8> {
        let mut sector = vec![0; 512];
        sector[0x5c..0x64].copy_from_slice(&2048_u64.to_le_bytes());
        sector[0x180..0x196].copy_from_slice(b"GRUB \0Geom\0Hard Disk\0R");
        sector
    }

    fn core() -> Vec<u8> {
        let mut sector = vec![0; 512];
        sector[0x11b..0x12d].copy_from_slice(b"loading\0.\0\r\n\0Geom\0");
        sector[0x1f4..].copy_from_slice(&[1, 8, 0, 0, 0, 0, 0, 0, 200, 0, 0x20, 8]);
        sector
    }

    #[test]
    fn grub_says_where_its_core_is() {
        assert_eq!(Code::read(&boot()), Some(Code::Grub { core: 2048 }));
        assert_eq!(Core::read(&core()), Some(Core { next: 2049, sectors: 201 }));
    }

    #[test]
    fn code_that_only_gives_up_is_known() {
        let mut sector = [0; 512];
        sector[..5].copy_from_slice(&[0xcd, 0x18, 0xf4, 0xeb, 0xfd]);
        sector[440..].fill(0x55);
        assert_eq!(Code::read(&sector), Some(Code::Next));
        sector[439] = 1;
        assert_eq!(Code::read(&sector), Some(Code::Other));
    }

    #[test]
    fn other_code_is_not_grub() {
        assert_eq!(Code::read(&[0; 512]), None);
        assert_eq!(Code::read(&[]), None);
        assert_eq!(Code::read(&[0xeb; 512]), Some(Code::Other));
        assert_eq!(Core::read(&boot()), None);
        assert_eq!(Core::read(&core()[..511]), None);
    }
}
