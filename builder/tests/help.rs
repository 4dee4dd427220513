//! What `xbuild --help` says, to the letter. That this test exists also makes cargo build the program itself for the
//! tests of the whole workspace.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn help_is_as_recorded() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xbuild"));
    for variable in ["XBUILD_SOURCE", "XBUILD_CACHE", "XBUILD_MIRROR", "XBUILD_MIRROR_SECURITY"] {
        command.env_remove(variable);
    }
    let said = command.arg("--help").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&recorded, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&recorded).unwrap());
}
