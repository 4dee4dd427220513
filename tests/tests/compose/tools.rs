//! The judges come from the tools tree.

use std::process::Output;

use installer::format::ToolCall;
use tests::xbuild::{run_tool, storage};

/// Runs a tool; the temporary directory is visible to it at the same path.
pub fn run(call: &ToolCall) -> Output {
    run_tool(&storage().tools, &std::env::temp_dir(), call)
}

/// Reads a file that belongs to a tool.
pub fn read(path: &str) -> Vec<u8> {
    let path = storage().tools.root().join(path.trim_start_matches('/'));
    std::fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}
