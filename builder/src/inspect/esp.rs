//! Finding a FAT on a device, and the applications in it that firmware can start.

use std::collections::VecDeque;

use installer::units::Bytes;
use serde::Serialize;

use super::damage::Damage;
use super::fat::folder::{Entry, entries};
use super::fat::{Fat, Geometry, Width, is_copy, is_info};
use super::source::Source;

/// What firmware starts when it has no entry (UEFI specification 2.10, 3.5.1.1).
const FOLDER: &str = "EFI";
const ENDING: &str = ".EFI";
/// Folders that are looked into, and applications that are listed.
const MOST_FOLDERS: usize = 64;
const MOST_APPLICATIONS: usize = 64;
/// Of one folder.
const MOST_CLUSTERS: usize = 64;
const MOST_BYTES: usize = 256 << 10;

/// A FAT with what can be started from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Boots {
    /// The file system.
    #[serde(flatten)]
    pub fat: Fat,
    /// The applications below `/EFI`.
    pub applications: Vec<Application>,
}

/// A file that ends in `.EFI`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Application {
    /// Its path.
    pub path: String,
    /// Its length.
    pub size: Bytes,
}

/// The FAT of a device.
#[must_use]
pub fn find(device: &dyn Source) -> Option<Boots> {
    let sector = device.read(Bytes::ZERO, 512);
    let mut fat = Fat::read(&sector)?;
    let read = |number: u64| device.read(Bytes(number.saturating_mul(fat.geometry.sector)), 512);
    let (info, copy) = (fat.info_sector.map(read), fat.copy_sector.map(read));
    fat.damage.unless(info.is_none_or(|info| is_info(&info)), "the FSInfo sector of the FAT is damaged");
    fat.damage.unless(
        copy.is_none_or(|copy| is_copy(&sector, &copy)),
        "the boot sector of the FAT and its copy differ",
    );
    let mut tree = Tree { device, geometry: fat.geometry.clone(), damage: Damage::none() };
    let applications = tree.applications();
    fat.damage.append(&tree.damage);
    Some(Boots { fat, applications })
}

/// Folders of a FAT.
struct Tree<'a> {
    device: &'a dyn Source,
    geometry: Geometry,
    damage: Damage,
}

impl Tree<'_> {
    fn applications(&mut self) -> Vec<Application> {
        let is_start = |entry: &Entry| entry.is_folder && entry.name.eq_ignore_ascii_case(FOLDER);
        let start = self.root().into_iter().find(is_start);
        let mut folders: VecDeque<_> =
            start.map(|entry| (format!("/{}", entry.name), entry)).into_iter().collect();
        let mut found = Vec::new();
        let mut seen = Vec::new();
        while let Some((path, folder)) = folders.pop_front() {
            if seen.contains(&folder.cluster) {
                self.damage.add(format!("the folder {path} of the FAT lies in itself"));
                continue;
            }
            if seen.len() == MOST_FOLDERS {
                self.damage.add("the FAT has more folders than any ESP");
                break;
            }
            seen.push(folder.cluster);
            for entry in entries(&self.folder(&path, folder.cluster)) {
                let path = format!("{path}/{}", entry.name);
                if entry.is_folder {
                    folders.push_back((path, entry));
                } else if entry.name.to_ascii_uppercase().ends_with(ENDING) && found.len() < MOST_APPLICATIONS
                {
                    self.check(&path, &entry);
                    found.push(Application { path, size: Bytes(entry.size.into()) });
                }
            }
        }
        found
    }

    fn root(&mut self) -> Vec<Entry> {
        if self.geometry.width == Width::Fat32 {
            return entries(&self.folder("/", self.geometry.root_cluster));
        }
        let length = self.geometry.data.saturating_sub(self.geometry.root);
        entries(
            &self.device.read(
                Bytes(self.geometry.root),
                usize::try_from(length).unwrap_or(MOST_BYTES).min(MOST_BYTES),
            ),
        )
    }

    /// The bytes of a folder, as far as its chain of clusters holds.
    fn folder(&mut self, path: &str, first: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut cluster = first;
        for _ in 0..MOST_CLUSTERS {
            let Some(at) = self.place(cluster) else {
                self.damage
                    .add(format!("the folder {path} of the FAT leads to cluster {cluster}, which is none"));
                break;
            };
            bytes.extend(self.device.read(at, usize::try_from(self.geometry.cluster).unwrap_or(0)));
            match self.next(cluster) {
                Some(next) if bytes.len() < MOST_BYTES => cluster = next,
                _ => break,
            }
        }
        bytes
    }

    /// Whether firmware would take the file for an application.
    fn check(&mut self, path: &str, entry: &Entry) {
        let start = self.place(entry.cluster).map(|at| self.device.read(at, 2)).unwrap_or_default();
        self.damage.unless(start == b"MZ", format!("{path} is no EFI application"));
    }

    /// Where a cluster lies.
    fn place(&self, cluster: u32) -> Option<Bytes> {
        let index = cluster.checked_sub(2).filter(|index| *index < self.geometry.clusters)?;
        Some(Bytes(self.geometry.data.saturating_add(u64::from(index).saturating_mul(self.geometry.cluster))))
    }

    /// The cluster behind another one; nothing at the end of the chain.
    fn next(&self, cluster: u32) -> Option<u32> {
        let (at, last) = match self.geometry.width {
            Width::Fat12 => (u64::from(cluster) * 3 / 2, 0xff7),
            Width::Fat16 => (u64::from(cluster) * 2, 0xfff7),
            Width::Fat32 => (u64::from(cluster) * 4, 0x0fff_fff7),
        };
        let at = Some(at).filter(|at| *at < self.geometry.table_length)?;
        let mut entry = self.device.read(Bytes(self.geometry.table.saturating_add(at)), 4);
        entry.resize(4, 0);
        let wide = entry.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let next = match self.geometry.width {
            Width::Fat12 if cluster % 2 == 1 => wide >> 4 & 0xfff,
            Width::Fat12 => wide & 0xfff,
            Width::Fat16 => wide & 0xffff,
            Width::Fat32 => wide & 0x0fff_ffff,
        };
        (next < last).then_some(next)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "esp_tests.rs"]
mod tests;
