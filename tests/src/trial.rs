//! `xbuild` run in a folder of its own, and what it leaves there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use builder::debian::fetch::link_or_copy;
use tempfile::TempDir;

use crate::archive::{Archive, sha256};
use crate::xbuild::{cache_root, checkout, program};

/// Kinds of the cache that hold no finished stages.
const NO_STAGES: [&str; 5] = ["blobs", "releases", "lock", "logs", "tmp"];

/// A folder with a cache and an output folder, empty at first.
#[derive(Debug)]
pub struct Trial {
    folder: TempDir,
}

impl Trial {
    /// In the folder for temporary files.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// In `parent`, for what is too large for a memory file system.
    #[must_use]
    pub fn below(parent: &Path) -> Self {
        fs::create_dir_all(parent).expect("a folder for tests");
        Self { folder: tempfile::tempdir_in(parent).expect("a folder for tests") }
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable folder");
    }

    /// Puts the kernels of the shared cache into a folder: one takes longer to make than all the rest.
    pub fn link_kernels(&self, folder: &str) {
        let kernels = cache_root().join("kernel");
        for key in names(&kernels).iter().filter(|name| !name.ends_with(".lock")) {
            let copy = self.path(folder).join(key);
            fs::create_dir_all(&copy).expect("a writable folder");
            for file in names(&kernels.join(key)) {
                link_or_copy(&kernels.join(key).join(&file), &copy.join(&file)).expect("room for a kernel");
            }
        }
    }

    /// `xbuild` with these arguments. `cache` and `out` are the trial's, nothing comes from the environment.
    #[must_use]
    pub fn xbuild(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Puts any command into the folder, with xbuild's variables pointing there.
    pub fn surround(&self, command: &mut Command) {
        for variable in ["XBUILD_SOURCE", "XBUILD_MIRROR", "XBUILD_MIRROR_SECURITY", "SOURCE_DATE_EPOCH"] {
            command.env_remove(variable);
        }
        command.env("XBUILD_CACHE", self.path("cache")).current_dir(self.folder.path()).stdin(Stdio::null());
    }

    /// `xbuild image` of a storage node of this checkout, from `archive`.
    #[must_use]
    pub fn image(&self, archive: &Archive) -> Command {
        let mut command = self.xbuild(&["image", "--profile", "storage", "-o", "out"]);
        command.arg("--source").arg(checkout()).args(archive.options());
        command
    }

    /// Runs what must be refused; see [`Trial::refused`].
    #[must_use]
    pub fn refusal(&self, command: &mut Command, archive: Option<&Archive>) -> String {
        self.refused(&command.output().expect("the command starts"), archive)
    }

    /// The error as it is shown, without the lines of progress before it, and with `TMP`, `SOURCE`, `http://MIRROR`
    /// and `SHA256` for what differs from run to run.
    #[must_use]
    pub fn refused(&self, output: &Output, archive: Option<&Archive>) -> String {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{}{said}", String::from_utf8_lossy(&output.stdout));
        let at = said.find("error:").unwrap_or_else(|| panic!("no error in:\n{said}"));
        self.neutral(&said[at..], archive)
    }

    fn neutral(&self, said: &str, archive: Option<&Archive>) -> String {
        let said = said.trim_end().replace(&self.folder.path().display().to_string(), "TMP");
        let said = said.replace(&checkout().display().to_string(), "SOURCE");
        let said =
            archive.map_or(said.clone(), |archive| said.replace(&archive.server().url(), "http://MIRROR"));
        without_hashes(&said)
    }

    /// Asserts that what was refused has left no image, nothing half-made in the cache, and no finished stages but
    /// those in `stages`.
    pub fn assert_clean(&self, stages: &[&str]) {
        assert_eq!(images(&self.path("out")), Vec::<String>::new());
        assert!(!self.path("out/manifest.json").exists());
        if !self.path("cache").exists() {
            return;
        }
        // Opening the cache sweeps what dead builds have left.
        let opened = self.xbuild(&["cache"]).output().expect("xbuild starts");
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        assert_eq!(names(&self.path("cache/tmp")), Vec::<String>::new());
        self.assert_blobs_whole();
        for kind in names(&self.path("cache")).iter().filter(|kind| !NO_STAGES.contains(&kind.as_str())) {
            let entries = names(&self.path("cache").join(kind));
            assert!(stages.contains(&kind.as_str()) || entries.is_empty(), "in cache/{kind}: {entries:?}");
        }
    }

    /// Asserts that every downloaded file is the one that its name says.
    pub fn assert_blobs_whole(&self) {
        for name in names(&self.path("cache/blobs")) {
            let content = fs::read(self.path("cache/blobs").join(&name)).expect("a readable cache");
            assert!(sha256(&content) == name, "cache/blobs/{name} is not what its name says");
        }
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self::new()
    }
}

fn without_hashes(text: &str) -> String {
    let is_hash = |word: &str| word.len() == 64 && word.chars().all(|letter| letter.is_ascii_hexdigit());
    let words = text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    let neutral = words.map(|word| {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if is_hash(bare) { word.replace(bare, "SHA256") } else { word.to_owned() }
    });
    neutral.collect()
}

/// The images in a folder, finished or not.
#[must_use]
pub fn images(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.contains(".img")).collect()
}

/// What a folder holds, sorted; nothing if it is not there.
#[must_use]
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a command wrote to standard output, which must have ended well.
pub fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
