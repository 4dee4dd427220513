//! `xinstall`: makes the machine that it runs on a node. `xbuild` is the same under another name.

use std::process::ExitCode;

fn main() -> ExitCode {
    installer::cli::main()
}
