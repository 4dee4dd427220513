//! Whose boot code a disk carries.

/// The partition table of an MBR begins here; the code lies before it.
const CODE: usize = 446;
/// The message that GRUB's `boot.img` begins when it fails.
const GRUB: &[u8] = b"GRUB ";

/// Whether a disk's first sector has GRUB's boot code, which is what we install.
#[must_use]
pub fn is_grub(sector: &[u8]) -> bool {
    sector[..sector.len().min(CODE)].windows(GRUB.len()).any(|text| text == GRUB)
}

#[cfg(test)]
mod tests {
    use super::is_grub;

    #[test]
    fn grub_is_known_by_its_message() {
        let mut sector = [0; 512];
        sector[0x180..0x185].copy_from_slice(b"GRUB ");
        assert!(is_grub(&sector));
        let mut behind = [0; 512];
        behind[446..451].copy_from_slice(b"GRUB ");
        assert!(!is_grub(&behind));
        assert!(!is_grub(&[]));
    }
}
