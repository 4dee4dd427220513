//! Where the tools are.

use std::process::{Command, Output};

use builder::compose::ToolCall;

/// Runs a tool from `PATH`, or from the Debian root that `XBUILD_JUDGE_ROOT` names; the temporary directory must be
/// visible in it at the same path.
pub fn run(call: &ToolCall) -> Output {
    let (program, arguments) = call.argv.split_first().expect("a tool has a name");
    let mut command = match std::env::var_os("XBUILD_JUDGE_ROOT") {
        Some(root) => {
            let mut command = Command::new("chroot");
            command.arg(root).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(arguments).envs(call.env.iter().cloned()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.output().unwrap_or_else(|error| panic!("running {}: {error}", call.argv.join(" ")))
}

/// Reads a file that belongs to a tool.
pub fn read(path: &str) -> Vec<u8> {
    let root = std::env::var("XBUILD_JUDGE_ROOT").unwrap_or_default();
    std::fs::read(root + path).unwrap_or_else(|error| panic!("reading {path}: {error}"))
}
