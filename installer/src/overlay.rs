//! Overlays: folders of files that are laid over a root, one after the other.
//!
//! `etc/motd` is copied as it is, `etc/motd.hbs` is a template for `etc/motd`, and `etc/{links.name}.link.hbs` one for a
//! file for each item of the list `links`, rendered with the values of that item. A template of which nothing is
//! left, not even a blank line, is no file: what is below it, or what its package has brought, stays. Of modes only the executable bit
//! counts, as in git: files are 0644 or 0755, folders 0755. A `.gitkeep` keeps a folder and is not laid down. A file into
//! which a template has put a secret is root's alone.

mod repeated;
mod template;

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::model::problem::{Problem, Problems};
use repeated::Repeated;
use template::Templates;

/// Stands before and behind a secret among the values of templates, and in no file: that is how it is known which files
/// have come to hold one.
pub(crate) const SECRET: char = '\0';

/// Something that lies in the root when all overlays have been laid over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverlayFile {
    /// Below the root, without a slash in front.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub content: Content,
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A symbolic link to there.
    Symlink(PathBuf),
    /// A folder.
    Directory,
}

/// Lays `folders` over each other in their order and renders the templates among them with `context`.
/// The result is sorted by path, folders before what they hold, and depends on nothing else.
///
/// # Errors
/// Every template that does not render, and whatever cannot be laid over each other.
pub fn render(folders: &[PathBuf], context: &Value) -> Result<Vec<OverlayFile>, Problems> {
    let mut overlay = Overlay { context, laid: BTreeMap::new(), problems: Problems::default() };
    for (layer, folder) in folders.iter().enumerate() {
        overlay.add_folder(layer, folder, Path::new(""));
    }
    let files = overlay.laid.into_values().map(|laid| laid.file).collect();
    overlay.problems.unless_any(files)
}

struct Overlay<'a> {
    context: &'a Value,
    laid: BTreeMap<PathBuf, Laid>,
    problems: Problems,
}

/// A file with its origin, for messages.
struct Laid {
    file: OverlayFile,
    layer: usize,
    source: PathBuf,
}

impl Overlay<'_> {
    fn add_folder(&mut self, layer: usize, folder: &Path, below: &Path) {
        match sorted_entries(folder) {
            Ok(entries) => entries.iter().for_each(|entry| self.add(layer, entry, below)),
            Err(error) => self.problems.push(unreadable(folder, &error)),
        }
    }

    fn add(&mut self, layer: usize, entry: &DirEntry, below: &Path) {
        let source = entry.path();
        match self.read(entry, below) {
            Ok(files) => files.into_iter().for_each(|file| {
                let (path, is_folder) = (file.path.clone(), file.content == Content::Directory);
                self.lay(Laid { file, layer, source: source.clone() });
                if is_folder {
                    self.add_folder(layer, &source, &path);
                }
            }),
            Err(problem) => self.problems.push(problem),
        }
    }

    /// What one entry of a folder becomes; nothing for a `.gitkeep`.
    fn read(&self, entry: &DirEntry, below: &Path) -> Result<Vec<OverlayFile>, Problem> {
        let source = entry.path();
        let failed = |error: io::Error| unreadable(&source, &error);
        let path = below.join(entry.file_name());
        let kind = entry.file_type().map_err(failed)?;
        if entry.file_name() == ".gitkeep" {
            return Ok(vec![]);
        }
        Ok(if kind.is_dir() {
            vec![OverlayFile { path, mode: 0o755, content: Content::Directory }]
        } else if kind.is_symlink() {
            let target = fs::read_link(&source).map_err(failed)?;
            vec![OverlayFile { path, mode: 0o777, content: Content::Symlink(target) }]
        } else if kind.is_file() {
            let executable = entry.metadata().map_err(failed)?.permissions().mode() & 0o100 != 0;
            let bytes = fs::read(&source).map_err(failed)?;
            self.files(&path, &source, &bytes, if executable { 0o755 } else { 0o644 })?
        } else {
            return Err(neither(&source, kind));
        })
    }

    /// One file, unless its name has a blank for the items of a list.
    fn files(
        &self,
        path: &Path,
        source: &Path,
        bytes: &[u8],
        mode: u32,
    ) -> Result<Vec<OverlayFile>, Problem> {
        let file = |path: PathBuf, bytes: Vec<u8>| OverlayFile { path, mode, content: Content::File(bytes) };
        if path.extension().is_none_or(|extension| extension != "hbs") {
            return Ok(vec![file(path.to_owned(), bytes.to_vec())]);
        }
        let render = |values: &Value, path: &Path| {
            let text = Templates::new(values).render(source, bytes)?;
            if text.is_empty() {
                return Ok(None);
            }
            let rendered = file(path.with_extension(""), text.replace(SECRET, "").into_bytes());
            let mode = if text.contains(SECRET) { rendered.mode & 0o700 } else { rendered.mode };
            Ok(Some(OverlayFile { mode, ..rendered }))
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(repeated) = name.and_then(Repeated::parse) else {
            return Ok(render(self.context, path)?.into_iter().collect());
        };
        let items = repeated
            .files(self.context)
            .map_err(|(message, hint)| Problem::anywhere(format!("{}: {message}", shown(source)), hint))?;
        let files = items.into_iter().map(|(name, item)| render(item, &path.with_file_name(name)));
        Ok(files.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// A later folder wins, but only a file over a file: a folder that became a file would take others along.
    fn lay(&mut self, new: Laid) {
        let path = new.file.path.clone();
        if let Some(old) = self.laid.get(&path) {
            let is_folder = |laid: &Laid| laid.file.content == Content::Directory;
            let both = format!("{} and {}", shown(&old.source), shown(&new.source));
            if is_folder(old) != is_folder(&new) {
                let message = format!("{both}: one is a folder, the other is not");
                self.problems.push(Problem::anywhere(message, "rename one of them"));
                return;
            }
            if old.layer == new.layer {
                let message = format!("{both} would both become {}", path.display());
                self.problems.push(Problem::anywhere(message, "remove one of them"));
            }
        }
        self.laid.insert(path, new);
    }
}

fn sorted_entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries: Vec<DirEntry> = folder.read_dir()?.collect::<io::Result<_>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix(".").unwrap_or(path).display()
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot read {}: {error}", shown(path));
    Problem::anywhere(message, "does it exist, and may you read it?")
}

fn neither(path: &Path, kind: FileType) -> Problem {
    let message = format!("{} is neither file, folder nor symbolic link ({kind:?})", shown(path));
    Problem::anywhere(message, "device nodes, pipes and sockets are made when the node runs: remove it")
}
