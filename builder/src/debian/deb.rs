//! The insides of a .deb: an ar archive with a control and a data tar (deb(5)).

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;
use liblzma::read::XzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

/// Hands the tar member whose name starts with `which` (`data.tar` or `control.tar`) to `read`.
fn with_tar<T>(deb: &Path, which: &str, read: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
    let file = File::open(deb).with_context(|| format!("cannot open {}", deb.display()))?;
    let mut archive = ar::Archive::new(BufReader::with_capacity(1 << 20, file));
    while let Some(member) = archive.next_entry() {
        let member = member.with_context(|| format!("{} is not a Debian package", deb.display()))?;
        let name = String::from_utf8_lossy(member.header().identifier()).into_owned();
        if let Some(compression) = name.strip_prefix(which) {
            return match compression {
                "" => read(&mut { member }),
                ".gz" => read(&mut GzDecoder::new(member)),
                ".xz" => read(&mut XzDecoder::new(member)),
                ".zst" => read(&mut ZstdDecoder::new(member)?),
                other => bail!("{}: unknown compression `{other}`", deb.display()),
            };
        }
    }
    bail!("{} has no {which}", deb.display())
}

/// When the package was made, in seconds since 1970: its source's last change, as dpkg-deb stamps it on the members.
///
/// # Errors
/// When the package is malformed.
pub fn date(deb: &Path) -> Result<i64> {
    let file = File::open(deb).with_context(|| format!("cannot open {}", deb.display()))?;
    let mut archive = ar::Archive::new(file);
    let member = archive.next_entry().with_context(|| format!("{} is empty", deb.display()))?;
    let member = member.with_context(|| format!("{} is not a Debian package", deb.display()))?;
    Ok(member.header().mtime().cast_signed())
}

/// Unpacks the package's files into `root`, with their modes; owners too if `owners` is set.
///
/// # Errors
/// When the package is malformed or the disk is full.
pub fn unpack(deb: &Path, root: &Path, owners: bool) -> Result<()> {
    with_tar(deb, "data.tar", |data| {
        let mut archive = tar::Archive::new(data);
        archive.set_preserve_permissions(true);
        archive.set_preserve_mtime(true);
        archive.set_preserve_ownerships(owners);
        archive.set_overwrite(true);
        archive.unpack(root)?;
        Ok(())
    })
    .with_context(|| format!("cannot unpack {}", deb.display()))
}

/// The package's control paragraph.
///
/// # Errors
/// When the package is malformed.
pub fn control(deb: &Path) -> Result<String> {
    let found = members(deb, "control.tar", |path| path.ends_with("control"))?;
    let text = found.into_iter().next().with_context(|| format!("{} has no control file", deb.display()))?;
    String::from_utf8(text).with_context(|| format!("the control file of {} is no text", deb.display()))
}

/// The content of the files that `wanted` picks by path.
///
/// # Errors
/// When the package is malformed.
pub fn files(deb: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<Vec<u8>>> {
    members(deb, "data.tar", wanted)
}

fn members(deb: &Path, which: &str, wanted: impl Fn(&Path) -> bool) -> Result<Vec<Vec<u8>>> {
    with_tar(deb, which, |data| {
        let mut found = Vec::new();
        for entry in tar::Archive::new(data).entries()? {
            let mut entry = entry?;
            if entry.header().entry_type().is_file() && wanted(&entry.path()?) {
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                found.push(content);
            }
        }
        Ok(found)
    })
}
