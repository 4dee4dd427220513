//! Debian packages of our own: a folder with `DEBIAN/` in it, as dpkg-deb(1) takes it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cache::{Cache, Key};
use crate::rootfs::Deb;
use crate::stage::Stage;
use crate::tools::Tools;

/// Raise it when the way packages are packed changes.
const REVISION: u32 = 1;
/// The time of all files in packages that have no other: 2026-11-01, some time before the first of them.
const EPOCH: i64 = 1_793_491_200;
/// Where the work folder is inside the sandbox.
const WORK: &str = "/build";
const STAGING: &str = "package";
const FILE: &str = "package.deb";

/// Makes `package.deb` in the cache's entry of that key; `stage_files` fills the folder that is packed. `epoch` is the
/// time of everything in it, seconds since 1970.
///
/// # Errors
/// What `stage_files` fails with, or dpkg-deb.
pub fn pack(
    cache: &Cache,
    tools: &Tools,
    stage: &Stage,
    key: &Key,
    epoch: i64,
    stage_files: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let entry = cache.entry("package", &Key::of(&(REVISION, key, tools.cache_key()))?, |finished| {
        let scratch = cache.scratch("package")?;
        let staging = scratch.path().join(STAGING);
        fs::create_dir(&staging)?;
        stage_files(&staging)?;
        let script = format!(
            "chmod -R u=rwX,go=rX {STAGING} && find {STAGING} -exec touch -hd @{epoch} {{}} + && \
             exec dpkg-deb --root-owner-group -Zzstd --build {STAGING} {FILE}"
        );
        let run = tools.run(["sh", "-c", &script]).bind(scratch.path(), WORK).chdir(WORK).no_sync();
        stage.run(&run.env("SOURCE_DATE_EPOCH", &epoch.to_string()))?;
        fs::rename(scratch.path().join(FILE), finished.join(FILE))?;
        scratch.remove()
    })?;
    Ok(entry.join(FILE))
}

/// The package that lies as a folder in the checkout.
///
/// # Errors
/// When a file of it cannot be read, or it does not pack.
pub fn of_folder(cache: &Cache, tools: &Tools, stage: &Stage, folder: &Path) -> Result<Deb> {
    let files = read(folder)?;
    let file = pack(cache, tools, stage, &Key::of(&files)?, EPOCH, |staging| write(&files, staging))?;
    Deb::of_ours(file)
}

/// Path below the folder → mode, content.
type Files = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            // Modes are those of git: executable or not.
            let executable = fs::metadata(&path)?.permissions().mode() & 0o100 != 0;
            let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let inside = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            files.insert(inside, (if executable { 0o755 } else { 0o644 }, content));
        }
    }
    Ok(files)
}

fn write(files: &Files, staging: &Path) -> Result<()> {
    for (inside, (mode, content)) in files {
        let path = staging.join(inside);
        fs::create_dir_all(path.parent().unwrap_or(staging))?;
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
    }
    Ok(())
}
