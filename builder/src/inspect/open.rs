//! Which disks to look at: files, block devices, or a folder with images.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};

use super::fields::printable;
use super::source::Disk;
use crate::failure::with_hint;

/// A disk that is open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it is called from now on.
    pub name: String,
    /// As it was named.
    pub path: PathBuf,
    /// Its bytes.
    pub disk: Rc<Disk>,
}

/// Opens disks; a folder stands for the `disk*.img` in it.
///
/// # Errors
/// The first one that is no disk, cannot be opened, or was named twice.
pub fn open(paths: &[PathBuf]) -> Result<Vec<Opened>> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() { all.extend(images(path)?) } else { all.push(path.clone()) }
    }
    let names = names(&all);
    let mut opened: Vec<Opened> = Vec::new();
    for (path, name) in all.into_iter().zip(names) {
        let disk = Rc::new(Disk::open(&path)?);
        let twin = opened.iter().find(|known| known.disk.identity() == disk.identity());
        if let Some(twin) = twin {
            let (one, other) = (twin.path.display(), path.display());
            return Err(with_hint(format!("{one} and {other} are the same disk"), "name each disk once"));
        }
        opened.push(Opened { name, path, disk });
    }
    Ok(opened)
}

/// The images in a folder, in the order of their numbers.
fn images(folder: &Path) -> Result<Vec<PathBuf>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into {shown}"))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot look into {shown}"))?.path();
        found.extend(number(&path).map(|number| (number, path)));
    }
    ensure!(
        !found.is_empty(),
        with_hint(
            format!("{shown} has no disk0.img"),
            "name the folder that `xbuild image` has written, or the disks themselves"
        )
    );
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The number of `disk7.img`; of `disk7.qcow2` too, for [`Disk::open`] says what to do with one.
fn number(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?.strip_prefix("disk")?;
    name.strip_suffix(".img").or_else(|| name.strip_suffix(".qcow2"))?.parse().ok()
}

/// The last part of each path without `.img`; where two would be called the same, the paths themselves.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        printable(name.strip_suffix(".img").unwrap_or(&name))
    };
    let shorts: Vec<String> = paths.iter().map(short).collect();
    let is_unique = |name: &String| shorts.iter().filter(|other| *other == name).count() == 1;
    let name = |(short, path): (&String, &PathBuf)| {
        if is_unique(short) { short.clone() } else { printable(&path.to_string_lossy()) }
    };
    shorts.iter().zip(paths).map(name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use super::{images, names, open};
    use crate::failure::Shown;

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn disks_are_called_as_short_as_they_can_be() {
        assert_eq!(names(&paths(&["/dev/sda", "out/disk0.img"])), ["sda", "disk0"]);
        assert_eq!(names(&paths(&["a/disk0.img", "b/disk0.img"])), ["a/disk0.img", "b/disk0.img"]);
    }

    #[test]
    fn images_are_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["disk10.img", "disk9.img", "disk1.img.partial", "manifest.json", "disk.img"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = images(folder.path()).unwrap();
        assert_eq!(found, ["disk9.img", "disk10.img"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn what_is_no_disk_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), "x").unwrap();
        let said = |names: &[&str]| {
            let paths: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
            let said = Shown(&open(&paths).unwrap_err()).to_string();
            said.replace(&folder.path().display().to_string(), "TMP")
        };
        assert_eq!(
            said(&["gone"]),
            "error: cannot look at TMP/gone\n  because: No such file or directory (os error 2)\n  hint: name image files, \
             block devices, or a folder with disk0.img"
        );
        assert_eq!(
            said(&["."]),
            "error: TMP/. has no disk0.img\n  hint: name the folder that `xbuild image` has written, or the disks themselves"
        );
        std::fs::write(folder.path().join("disk0.qcow2"), b"QFI\xfb").unwrap();
        assert_eq!(
            said(&["."]),
            "error: TMP/./disk0.qcow2 is a qcow2 image, which holds the disk in a form of its own\n  hint: qemu-img convert \
             -O raw TMP/./disk0.qcow2 disk.img, and look at that"
        );
        assert_eq!(
            said(&["x", "./x"]),
            "error: TMP/x and TMP/./x are the same disk\n  hint: name each disk once"
        );
        let refused = open(&paths(&["/dev/null"])).unwrap_err();
        assert!(Shown(&refused).to_string().starts_with("error: /dev/null is no disk\n  hint: "));
    }
}
