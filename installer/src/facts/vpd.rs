//! What SCSI disks say of themselves: vital product data (SPC-4, SAT-3), and the ids that the kernel makes of it.

use super::attribute::text;

/// Header of a page; the text follows.
const HEADER: usize = 4;
/// Where the answer to ATA's IDENTIFY DEVICE begins in page 89h, and which command it answers (SAT-3, 12.4.2).
const IDENTIFY: usize = 60;
const COMMAND: usize = 56;
const IDENTIFY_DEVICE: u8 = 0xec;

/// The serial number of page 80h, as the file `vpd_pg80` has it.
#[must_use]
pub fn serial(page: &[u8]) -> Option<String> {
    let [_, 0x80, high, low, ..] = page else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let end = page.len().min(HEADER + length);
    Some(text(page.get(HEADER..end)?)).filter(|serial| !serial.is_empty())
}

/// The whole model of an ATA disk out of page 89h: what stands in a SCSI inquiry is cut off after 16 letters.
#[must_use]
pub fn ata_model(page: &[u8]) -> Option<String> {
    if page.get(1) != Some(&0x89) || page.get(COMMAND) != Some(&IDENTIFY_DEVICE) {
        return None;
    }
    // Words 27 to 46, the first letter in the high byte of each.
    let words = page.get(IDENTIFY + 54..IDENTIFY + 94)?.chunks_exact(2);
    let letters: Vec<u8> = words.flat_map(|word| word.iter().rev().copied()).collect();
    Some(text(&letters)).filter(|model| !model.is_empty())
}

/// The world wide name as `/dev/disk/by-id/wwn-…` and lsblk write it; none where the disk has only a text.
#[must_use]
pub fn wwn(wwid: &str) -> Option<String> {
    match wwid.split_once('.')? {
        ("naa", number) => Some(format!("0x{number}")),
        ("eui" | "nvme" | "uuid", _) => Some(wwid.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ata_model, serial, wwn};

    #[test]
    fn a_serial_number_is_as_long_as_its_page_says() {
        assert_eq!(serial(b"\0\x80\0\x08  S3Z9  and more"), Some("S3Z9".to_owned()));
        assert_eq!(serial(b"\0\x80\0\x40QM00001"), Some("QM00001".to_owned()));
        for page in [&b"\0\x83\0\x04abcd"[..], b"\0\x80\0\x04    ", b"\0\x80", b""] {
            assert_eq!(serial(page), None);
        }
    }

    #[test]
    fn ata_models_are_whole() {
        let mut page = vec![0; 572];
        (page[1], page[56]) = (0x89, 0xec);
        page[60 + 54..60 + 94].copy_from_slice(b"aSsmnu gSS D78 0VE O05G0                ");
        assert_eq!(ata_model(&page), Some("Samsung SSD 870 EVO 500G".to_owned()));
        page[56] = 0xa1;
        assert_eq!(ata_model(&page), None);
    }

    #[test]
    fn world_wide_names_are_written_as_udev_does() {
        for (wwid, name) in [
            ("naa.5000c500a1b2c3d4", Some("0x5000c500a1b2c3d4")),
            ("eui.0025385b71b00001", Some("eui.0025385b71b00001")),
            ("t10.ATA     QEMU HARDDISK                           QM00001", None),
            ("", None),
        ] {
            assert_eq!(wwn(wwid).as_deref(), name, "{wwid}");
        }
    }
}
