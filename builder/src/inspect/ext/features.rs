//! Features of ext file systems, called as `dumpe2fs` calls them (e2fsprogs `lib/e2p/feature.c`).

use serde::{Serialize, Serializer};

use crate::inspect::fields::Fields;

const COMPATIBLE: [(u32, &str); 12] = [
    (0, "dir_prealloc"),
    (1, "imagic_inodes"),
    (2, "has_journal"),
    (3, "ext_attr"),
    (4, "resize_inode"),
    (5, "dir_index"),
    (6, "lazy_bg"),
    (8, "snapshot_bitmap"),
    (9, "sparse_super2"),
    (10, "fast_commit"),
    (11, "stable_inodes"),
    (12, "orphan_file"),
];
const INCOMPATIBLE: [(u32, &str); 16] = [
    (0, "compression"),
    (1, "filetype"),
    (2, "needs_recovery"),
    (3, "journal_dev"),
    (4, "meta_bg"),
    (6, "extent"),
    (7, "64bit"),
    (8, "mmp"),
    (9, "flex_bg"),
    (10, "ea_inode"),
    (12, "dirdata"),
    (13, "metadata_csum_seed"),
    (14, "large_dir"),
    (15, "inline_data"),
    (16, "encrypt"),
    (17, "casefold"),
];
const READ_ONLY: [(u32, &str); 16] = [
    (0, "sparse_super"),
    (1, "large_file"),
    (3, "huge_file"),
    (4, "uninit_bg"),
    (5, "dir_nlink"),
    (6, "extra_isize"),
    (7, "has_snapshot"),
    (8, "quota"),
    (9, "bigalloc"),
    (10, "metadata_csum"),
    (11, "replica"),
    (12, "read-only"),
    (13, "project"),
    (14, "shared_blocks"),
    (15, "verity"),
    (16, "orphan_present"),
];
/// What ext3 can read (libblkid's `superblocks/ext.c`): everything else makes it ext4.
const EXT3_INCOMPATIBLE: u32 = 0x2 | 0x4 | 0x10;
const EXT3_READ_ONLY: u32 = 0x1 | 0x2 | 0x4;

/// Three sets of features: those that may be ignored, those that may not, and those that forbid to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    compatible: u32,
    incompatible: u32,
    read_only: u32,
}

impl Features {
    pub(super) fn read(fields: Fields<'_>) -> Option<Self> {
        Some(Self { compatible: fields.u32(92)?, incompatible: fields.u32(96)?, read_only: fields.u32(100)? })
    }

    const fn has_journal(&self) -> bool {
        self.compatible >> 2 & 1 == 1
    }

    pub(super) const fn needs_recovery(&self) -> bool {
        self.incompatible >> 2 & 1 == 1
    }

    pub(super) const fn is_64bit(&self) -> bool {
        self.incompatible >> 7 & 1 == 1
    }

    pub(super) const fn has_checksums(&self) -> bool {
        self.read_only >> 10 & 1 == 1
    }

    pub(super) const fn version(&self) -> &'static str {
        let is_new = self.incompatible & !EXT3_INCOMPATIBLE != 0 || self.read_only & !EXT3_READ_ONLY != 0;
        match (self.incompatible >> 3 & 1, is_new, self.has_journal()) {
            (1, ..) => "journal of ext4",
            (_, true, _) => "ext4",
            (_, false, true) => "ext3",
            (_, false, false) => "ext2",
        }
    }

    /// Their names, in the order of `dumpe2fs -h`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let sets = [
            (self.compatible, &COMPATIBLE[..], 'C'),
            (self.incompatible, &INCOMPATIBLE[..], 'I'),
            (self.read_only, &READ_ONLY[..], 'R'),
        ];
        sets.into_iter().flat_map(|(bits, names, set)| named(bits, names, set)).collect()
    }
}

fn named(bits: u32, names: &[(u32, &str)], set: char) -> Vec<String> {
    let name = |bit: u32| {
        let known = names.iter().find(|(known, _)| *known == bit);
        known.map_or_else(|| format!("FEATURE_{set}{bit}"), |(_, name)| (*name).to_owned())
    };
    (0..32).filter(|bit| bits >> bit & 1 == 1).map(name).collect()
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Features;

    #[test]
    fn unknown_features_are_called_as_dumpe2fs_calls_them() {
        let features = Features { compatible: 1 << 2 | 1 << 30, incompatible: 1 << 6, read_only: 1 << 31 };
        assert_eq!(features.names(), ["has_journal", "FEATURE_C30", "extent", "FEATURE_R31"]);
    }

    #[test]
    fn features_make_the_version() {
        for (compatible, incompatible, read_only, version) in [
            (0, 2, 3, "ext2"),
            (4, 2 | 4, 3, "ext3"),
            (4, 0x42, 3, "ext4"),
            (0, 0x40, 0, "ext4"),
            (0, 8, 0, "journal of ext4"),
        ] {
            assert_eq!(Features { compatible, incompatible, read_only }.version(), version);
        }
    }
}
