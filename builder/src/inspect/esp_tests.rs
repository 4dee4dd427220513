use installer::units::Bytes;

use super::{Application, find};
use crate::inspect::recorded::{FAT12, FAT32, pieces};

fn esp() -> Vec<u8> {
    pieces(FAT12, 1 << 16)
}

/// The applications that are found after some bytes were changed, and what is wrong.
fn changed(changes: &[(usize, &[u8])]) -> (Vec<String>, Vec<String>) {
    let mut esp = esp();
    for (at, bytes) in changes {
        esp[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    let found = find(&esp).unwrap();
    let paths = found.applications.into_iter().map(|file| file.path).collect();
    (paths, found.fat.damage.lines().to_vec())
}

const BOOT: &str = "/EFI/BOOT/BOOTX64.EFI";
const OTHER: &str = "/EFI/a longer name/Read me.efi";

#[test]
fn applications_are_found_in_their_folders() {
    let file = |path: &str, size| Application { path: path.to_owned(), size: Bytes(size) };
    let found = find(&esp()).unwrap();
    assert_eq!(found.applications, [file(BOOT, 702), file(OTHER, 5)]);
    assert_eq!(found.fat.damage.lines(), [format!("{OTHER} is no EFI application")]);
}

/// Entries of the table have twelve bits: cluster 2 is `/EFI`, 3 `/EFI/BOOT`, 4 the other folder.
#[test]
fn folders_that_lead_astray_are_survived() {
    let table = 512;
    // Clusters 2 and 3: each its own successor.
    let (found, _) = changed(&[(table + 3, &[0x02, 0x30, 0x00])]);
    assert!(found.contains(&BOOT.to_owned()) && found.len() <= 64);
    // Cluster 2 is followed by 1, which is none.
    let (_, damage) = changed(&[(table + 3, &[0x01, 0xf0, 0xff])]);
    assert_eq!(damage[0], "the folder /EFI of the FAT leads to cluster 1, which is none");
    // `/EFI/BOOT` is `/EFI` again.
    let (found, damage) = changed(&[(2048 + 64 + 26, &[2])]);
    assert!(found.contains(&OTHER.to_owned()));
    assert_eq!(damage[0], "the folder /EFI/BOOT of the FAT lies in itself");
    // It starts nowhere.
    let (found, damage) = changed(&[(2048 + 64 + 26, &[0xff, 0xff])]);
    assert_eq!(found, [OTHER]);
    assert_eq!(damage[0], "the folder /EFI/BOOT of the FAT leads to cluster 65535, which is none");
}

#[test]
fn sectors_beside_the_first_are_looked_at() {
    let wide = |at: usize| {
        let mut esp = pieces(FAT32, 34 << 20);
        // The root folder's only cluster is the last one of its chain.
        esp[32 * 512 + 8..][..4].fill(0xff);
        esp[at] ^= 1;
        find(&esp).unwrap().fat.damage.lines().to_vec()
    };
    assert_eq!(wide(90), [] as [String; 0]);
    assert_eq!(wide(512), ["the FSInfo sector of the FAT is damaged"]);
    assert_eq!(wide(3072 + 40), ["the boot sector of the FAT and its copy differ"]);
}
