//! The node that is looked at: the only thing here that reads a file or runs a program.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::host::{Command, CommandFailed, Output, Run};

/// Seconds that a program may take: of a sick cluster some never answer.
const DEADLINE: &str = "30";

/// A node, or a recording of one.
pub struct Node<'a> {
    /// Its name, as the cluster has it.
    pub name: String,
    /// Where its files are.
    pub root: PathBuf,
    /// What runs its programs.
    pub host: &'a mut dyn Run,
}

impl<'a> Node<'a> {
    /// This machine.
    pub fn here(host: &'a mut dyn Run) -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { name, root: PathBuf::from("/"), host }
    }

    /// Where a file of the node, `/etc/hosts` or the like, is.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text without the space around it.
    pub(super) fn text(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.path(path))?.trim().to_owned())
    }

    /// The last part of what a link leads to.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Names in a folder; none if there is no such folder.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Makes a file that is not there yet; links are not followed.
    pub(super) fn create(&self, path: &str, text: &str) -> io::Result<()> {
        let path: &Path = &self.path(path);
        io::Write::write_all(&mut fs::File::create_new(path)?, text.as_bytes())
    }

    /// What a program answers, whatever its status is.
    pub(super) fn ask(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        self.host.output(command)
    }
}

/// A program that has to answer in time.
pub(super) fn asking(argv: &[&str]) -> Command {
    Command::new(["timeout", DEADLINE].iter().chain(argv).copied())
}
