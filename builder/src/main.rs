//! `xbuild`: bootable Debian node images for Xen clusters. Called `xinstall` it is the installer: media carry this very
//! program.

use std::path::Path;
use std::process::ExitCode;

use builder::cli::Cli;
use builder::failure::Shown;
use builder::run::run;
use clap::Parser as _;

/// The name under which it is the installer.
const INSTALLER: &str = "xinstall";

fn main() -> ExitCode {
    let name = std::env::args_os().next().unwrap_or_default();
    if Path::new(&name).file_name().is_some_and(|name| name == INSTALLER) {
        return installer::cli::main();
    }
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("{}", Shown(&error));
            ExitCode::FAILURE
        }
    }
}
