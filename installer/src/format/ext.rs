//! ext4, made by `mke2fs` from a tar: no root, no mount, and the same bytes everywhere.

use crate::plan::Filesystem;
use crate::units::Bytes;

use super::{Epoch, ToolCall};

const BLOCK: Bytes = Bytes(4096);

/// A superblock.
pub const SUPERBLOCK: Bytes = Bytes::KIB;
/// Where the first copy of it lies, for blocks of 1024, 2048 and 4096 bytes: at the start of the second group.
pub const COPIES: [Bytes; 3] = [Bytes(8193 << 10), Bytes(16384 << 11), Bytes(32768 << 12)];

/// The `mke2fs.conf` for [`mke2fs`]: what a file system looks like must not depend on the host's defaults.
/// Without `metadata_csum_seed` and `orphan_file`, so that older GRUB and e2fsck read it too.
pub const CONFIG: &str = "\
[defaults]
\tbase_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
\tdefault_mntopts = acl,user_xattr
\tenable_periodic_fsck = 0
\tblocksize = 4096
\tinode_size = 256
\tinode_ratio = 16384
\treserved_ratio = 5.0

[fs_types]
\text4 = {
\t\tfeatures = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
\t}
";

/// Makes a file system in `file` from `offset` on (it is taken to be all zeros there), with the content of a tar, if any:
/// a path, or `-` for standard input. `config` is a file that holds [`CONFIG`].
///
/// Needs e2fsprogs 1.47.1, and libarchive when it runs.
#[must_use]
pub fn mke2fs(
    filesystem: &Filesystem,
    tar: Option<&str>,
    (file, offset): (&str, Bytes),
    config: &str,
    epoch: Epoch,
) -> ToolCall {
    let extended = format!(
        "lazy_itable_init=0,lazy_journal_init=0,assume_storage_prezeroed=1,root_owner=0:0,offset={}",
        offset.0
    );
    let content: Vec<&str> = tar.into_iter().flat_map(|tar| ["-d", tar]).collect();
    call(filesystem, &extended, &content, file, config, epoch)
}

/// Makes the same file system, empty, on a device that may hold anything. `config` is a file that holds [`CONFIG`].
///
/// The journal is zeroed: an earlier install of the same node had the same UUID, and what it left there would be replayed.
/// The inode tables are left to the kernel, group checksums tell it which are stale (`Documentation/filesystems/ext4`).
/// The geometry of the device does not count, so that it is what [`mke2fs`] makes in a file.
#[must_use]
pub fn mke2fs_on_device(filesystem: &Filesystem, device: &str, config: &str, epoch: Epoch) -> ToolCall {
    let extended = "lazy_itable_init=1,lazy_journal_init=0,nodiscard,stride=0,stripe_width=0,root_owner=0:0";
    call(filesystem, extended, &[], device, config, epoch)
}

fn call(
    filesystem: &Filesystem,
    extended: &str,
    content: &[&str],
    file: &str,
    config: &str,
    epoch: Epoch,
) -> ToolCall {
    let Filesystem { uuid, label, hash_seed, size, .. } = filesystem;
    let uuid = uuid.to_string();
    let extended = format!("hash_seed={hash_seed},{extended}");
    let blocks = (size.0 / BLOCK.0).to_string();
    let mut argv = vec![
        "mke2fs", "-q", "-F", "-t", "ext4", "-T", "default", "-b", "4096", "-U", &uuid, "-L", label, "-E",
        &extended,
    ];
    argv.extend(content);
    argv.extend([file, &blocks]);
    ToolCall::new(argv).with_env("SOURCE_DATE_EPOCH", epoch.0).with_env("MKE2FS_CONFIG", config)
}

#[cfg(test)]
mod tests {
    use crate::units::Bytes;

    use super::{CONFIG, Epoch, mke2fs, mke2fs_on_device};
    use crate::format::fixture;

    #[test]
    fn the_command_pins_everything_that_could_differ() {
        let plan = fixture::raid1();
        let call =
            mke2fs(&plan.filesystems[0], Some("-"), ("root.img", Bytes(4096)), "mke2fs.conf", Epoch(7));
        assert_eq!(
            call.argv.join(" "),
            "mke2fs -q -F -t ext4 -T default -b 4096 -U 00000000-0000-4000-8000-000000000501 -L root -E \
             hash_seed=00000000-0000-4000-8000-000000000502,lazy_itable_init=0,lazy_journal_init=0,\
             assume_storage_prezeroed=1,root_owner=0:0,offset=4096 -d - root.img 15360"
        );
        assert_eq!(call.env, [("SOURCE_DATE_EPOCH", "7"), ("MKE2FS_CONFIG", "mke2fs.conf")].map(owned));
        let empty = mke2fs(&plan.filesystems[0], None, ("root.img", Bytes::ZERO), "mke2fs.conf", Epoch(7));
        assert!(!empty.argv.contains(&"-d".to_owned()));
    }

    #[test]
    fn a_device_is_not_taken_to_be_zeros() {
        let plan = fixture::raid1();
        let call = mke2fs_on_device(&plan.filesystems[0], "/dev/md/root", "mke2fs.conf", Epoch(7));
        assert_eq!(
            call.argv.join(" "),
            "mke2fs -q -F -t ext4 -T default -b 4096 -U 00000000-0000-4000-8000-000000000501 -L root -E \
             hash_seed=00000000-0000-4000-8000-000000000502,lazy_itable_init=1,lazy_journal_init=0,nodiscard,stride=0,\
             stripe_width=0,root_owner=0:0 /dev/md/root 15360"
        );
    }

    #[test]
    fn features_that_old_readers_lack_are_left_out() {
        assert!(!CONFIG.contains("metadata_csum_seed") && !CONFIG.contains("orphan_file"));
    }

    fn owned((name, value): (&str, &str)) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }
}
