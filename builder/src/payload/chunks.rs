//! The chunks of a payload, as files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use installer::payload::Sha256Sum;
use installer::payload::manifest::Chunk;
use installer::units::Bytes;
use tempfile::NamedTempFile;

/// The folder of a payload, as the place of its chunks.
pub(super) struct Chunks {
    folder: PathBuf,
    level: i32,
}

impl Chunks {
    pub(super) fn new(folder: &Path, level: i32) -> Result<Self> {
        fs::create_dir_all(folder.join("chunks"))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), level })
    }

    /// Compresses a piece of a stream to a chunk. Its file is left alone if it is there with the right size.
    pub(super) fn keep(&self, piece: &[u8]) -> Result<Chunk> {
        let packed = zstd::bulk::compress(piece, self.level).context("cannot compress")?;
        let chunk = Chunk { sha256: Sha256Sum::of(&packed), size: Bytes(packed.len() as u64) };
        let path = self.folder.join(chunk.file());
        let there = fs::metadata(&path).is_ok_and(|there| there.is_file() && there.len() == chunk.size.0);
        if !there {
            let cannot = || format!("cannot write {}", path.display());
            let parent = path.parent().with_context(cannot)?;
            fs::create_dir_all(parent).with_context(cannot)?;
            new_file(&self.folder, &packed)?.persist(&path).with_context(cannot)?;
        }
        Ok(chunk)
    }
}

/// A file without a name of its own yet, which a web server of another user may read once it has one.
pub(super) fn new_file(folder: &Path, content: &[u8]) -> Result<NamedTempFile> {
    let cannot = || format!("cannot write to {}", folder.display());
    let mut file = tempfile::Builder::new()
        .prefix("part-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(cannot)?;
    file.write_all(content).with_context(cannot)?;
    Ok(file)
}
