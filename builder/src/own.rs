//! This program as other machines run it, under the name of `xinstall`: the installer's initramfs and every node carry it.
//!
//! It was linked on the host, whose C library may be newer than theirs. So it brings its own loader and libraries, in a folder of
//! their own.

mod elf;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use installer::overlay::{Content, OverlayFile};

/// Where it lies with what it needs.
const FOLDER: &str = "usr/lib/xbuild";
/// Where it is found.
pub const COMMAND: &str = "usr/sbin/xinstall";
const RUN: &str = "#!/bin/sh\n\
    exec /usr/lib/xbuild/ld.so --library-path /usr/lib/xbuild /usr/lib/xbuild/xinstall \"$@\"\n";
/// How the loader is called on every host.
const LOADER: &str = "ld.so";

/// All of its files, by path.
///
/// # Errors
/// When it cannot be read, or has no loader: then it was linked statically.
pub fn files() -> Result<Vec<OverlayFile>> {
    let own = std::env::current_exe().context("this program has no path")?;
    let traced = Command::new(&own).env("LD_TRACE_LOADED_OBJECTS", "1").output();
    let traced = traced.with_context(|| format!("cannot start {}", own.display()))?;
    let mut files = vec![file(COMMAND.to_owned(), RUN.as_bytes().to_vec())];
    for library in libraries(&String::from_utf8_lossy(&traced.stdout)) {
        let name = library.file_name().context("BUG: a library without a name")?.to_string_lossy();
        let name = if name.starts_with("ld-linux") { LOADER } else { &*name };
        let bytes = fs::read(&library).with_context(|| format!("cannot read {}", library.display()))?;
        files.push(file(format!("{FOLDER}/{name}"), bytes));
    }
    let loader = PathBuf::from(format!("{FOLDER}/{LOADER}"));
    ensure!(files.iter().any(|file| file.path == loader), "{} has no loader", own.display());
    let program = elf::loaded(&own).with_context(|| format!("cannot read {}", own.display()))?;
    files.push(file(format!("{FOLDER}/xinstall"), program));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn file(path: String, bytes: Vec<u8>) -> OverlayFile {
    OverlayFile { path: path.into(), mode: 0o755, content: Content::File(bytes) }
}

/// Paths in what ldd(1) says: `NAME => PATH (ADDRESS)` or `PATH (ADDRESS)`; the kernel's own object has none.
#[must_use]
pub fn libraries(said: &str) -> BTreeSet<PathBuf> {
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    said.lines().filter(|line| line.contains("(0x")).filter_map(path).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::libraries;
    use std::path::PathBuf;

    #[test]
    fn libraries_are_what_has_a_path_and_an_address() {
        let said = "/usr/sbin/mdadm:\n\tlinux-vdso.so.1 (0x00007ffd)\n\
            \tlibudev.so.1 => /lib/x86_64-linux-gnu/libudev.so.1 (0x00007f1)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n/usr/bin/x:\n\tstatically linked\n";
        let paths = ["/lib/x86_64-linux-gnu/libudev.so.1", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(said), paths.map(PathBuf::from).into());
    }
}
