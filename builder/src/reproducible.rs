//! Whether two builds are the same: the first byte in which they are not.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use installer::plan::{Disk, Plan};
use installer::units::Bytes;

use crate::failure::hinted;
use crate::manifest;
use crate::vm::Format;

const BLOCK: usize = 1 << 20;

/// Compares the images of `plan` and the manifests in two folders.
///
/// # Errors
/// The first file that differs, where, and what lies there; or an I/O error.
pub fn compare(plan: &Plan, format: Format, one: &Path, other: &Path) -> Result<()> {
    for (index, disk) in plan.disks.iter().enumerate() {
        let name = format!("disk{index}.{}", format.extension());
        if let Some(at) = first_difference(&one.join(&name), &other.join(&name))? {
            let place = match format {
                Format::Raw => format!(" ({})", place(disk, Bytes(at))),
                Format::Qcow2 => String::new(),
            };
            bail!(different(one, other, &format!("{name} at byte {at}{place}")));
        }
    }
    match first_difference(&one.join(manifest::FILE), &other.join(manifest::FILE))? {
        Some(at) => bail!(different(one, other, &format!("{} at byte {at}", manifest::FILE))),
        None => Ok(()),
    }
}

fn different(one: &Path, other: &Path, what: &str) -> anyhow::Error {
    hinted(
        anyhow::anyhow!("the second build is not the same: {what}"),
        format!("both are kept, in {} and {}", one.display(), other.display()),
    )
}

/// What lies at an offset of a disk.
fn place(disk: &Disk, at: Bytes) -> String {
    let holds = |start: Bytes, size: Bytes| (start..start + size).contains(&at);
    let partition = disk.partitions.iter().find(|partition| holds(partition.start, partition.size));
    partition.map_or_else(
        || "outside of all partitions".to_owned(),
        |partition| {
            let inside = at - partition.start;
            format!("partition {} `{}`, byte {}", partition.number, partition.name, inside.0)
        },
    )
}

/// The first byte in which two files differ; the end of the shorter one if it is the start of the other.
fn first_difference(one: &Path, other: &Path) -> Result<Option<u64>> {
    let open = |path: &Path| {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok::<_, anyhow::Error>(BufReader::with_capacity(BLOCK, file))
    };
    let (mut left, mut right) = (open(one)?, open(other)?);
    let (mut a, mut b) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut at = 0;
    loop {
        let (filled, other_filled) = (fill(&mut left, &mut a)?, fill(&mut right, &mut b)?);
        let (one, other) = (&a[..filled], &b[..other_filled]);
        if one != other {
            let same = one.iter().zip(other).take_while(|(x, y)| x == y).count();
            return Ok(Some(at + same as u64));
        }
        if filled == 0 {
            return Ok(None);
        }
        at += filled as u64;
    }
}

fn fill(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt as _;

    use super::compare;
    use crate::compose::fixture;
    use crate::failure::Shown;
    use crate::vm::Format;

    #[test]
    fn the_first_difference_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let plan = fixture::raid1();
        for out in [&one, &other] {
            fs::create_dir(out).unwrap();
            for index in 0..plan.disks.len() {
                File::create(out.join(format!("disk{index}.img"))).unwrap().set_len(8 << 20).unwrap();
            }
            fs::write(out.join("manifest.json"), "{}").unwrap();
        }
        compare(&plan, Format::Raw, &one, &other).unwrap();
        let at = plan.disks[1].partitions[0].start.0 + 7;
        let disk = File::options().write(true).open(other.join("disk1.img")).unwrap();
        disk.write_all_at(&[1], at).unwrap();
        let error = compare(&plan, Format::Raw, &one, &other).unwrap_err();
        let name = &plan.disks[1].partitions[0].name;
        let number = plan.disks[1].partitions[0].number;
        assert_eq!(
            Shown(&error).to_string(),
            format!(
                "error: the second build is not the same: disk1.img at byte {at} (partition {number} `{name}`, byte 7)\n  \
                 hint: both are kept, in {} and {}",
                one.display(),
                other.display()
            )
        );
    }
}
