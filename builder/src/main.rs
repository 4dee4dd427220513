//! `xbuild`: bootable Debian node images for Xen clusters.

use std::process::ExitCode;

use builder::cli::Cli;
use builder::failure::Shown;
use builder::run::run;
use clap::Parser as _;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("{}", Shown(&error));
            ExitCode::FAILURE
        }
    }
}
