//! A folder with disks, `xbuild inspect` on them, and the tools of the tools tree.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use installer::format::ToolCall;
use serde_json::Value;
use tempfile::TempDir;
use tests::xbuild::{checkout, program, run_tool, storage};

/// A folder of its own.
pub struct Bench {
    folder: TempDir,
}

/// What `xbuild inspect` said.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// Exit status; a signal has none.
    pub status: Option<i32>,
    /// Standard output.
    pub text: String,
    /// Standard error.
    pub error: String,
}

impl Bench {
    pub fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    pub fn within(folder: TempDir) -> Self {
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file of so many bytes, all zeros.
    pub fn blank(&self, name: &str, size: u64) -> PathBuf {
        let path = self.path().join(name);
        File::create(&path).unwrap().set_len(size).unwrap();
        path
    }

    /// Runs a script with the tools of the tools tree, in the folder; it must end well.
    pub fn sh(&self, script: &str) -> String {
        let script = format!("cd {} && {script}", self.path().display());
        let said = run_tool(&storage().tools, self.path(), &ToolCall::new(["sh", "-ec", &script]));
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{script}: {}\n{error}", said.status);
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// `xbuild inspect` on files of the folder.
    pub fn inspect(&self, names: &[&str]) -> Said {
        said(self.command().args(names).output().unwrap())
    }

    /// The same as data.
    pub fn json(&self, names: &[&str]) -> Value {
        let output = self.command().arg("--json").args(names).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.arg("inspect").current_dir(self.path());
        command
    }

    /// Overwrites bytes of a file.
    pub fn overwrite(&self, name: &str, at: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(self.path().join(name)).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    /// Flips a bit of a file.
    pub fn flip(&self, name: &str, at: u64) {
        let mut byte = [0];
        File::open(self.path().join(name)).unwrap().read_exact_at(&mut byte, at).unwrap();
        self.overwrite(name, at, &[byte[0] ^ 1]);
    }

    pub fn copy(&self, from: &str, to: &str) {
        let status =
            Command::new("cp").arg("--sparse=always").args([from, to]).current_dir(self.path()).status();
        assert!(status.unwrap().success());
    }
}

fn said(output: Output) -> Said {
    let [text, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Said { status: output.status.code(), text, error }
}

/// Compares with the recorded text; `UPDATE_GOLDEN=1` records it anew.
pub fn golden(name: &str, text: &str) {
    let path = checkout().join("tests/tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == recorded, "{name} differs; is now:\n{text}");
}

/// Every object in the data, at any depth, of which `field` is `value`.
pub fn all<'a>(data: &'a Value, field: &str, value: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    if data[field] == value {
        found.push(data);
    }
    match data {
        Value::Array(items) => found.extend(items.iter().flat_map(|item| all(item, field, value))),
        Value::Object(fields) => found.extend(fields.values().flat_map(|item| all(item, field, value))),
        _ => {}
    }
    found
}
