//! On-disk formats, one per room, as both targets write them: files and block devices.
//!
//! `gpt`, `mbr`, `lvm` and `grub` are pure up to the bytes, which are [`Piece`]s; `ext`, `swap` and `esp` are the command lines of
//! the tools that know those formats best. Every number comes from the plan, so what an image holds and what a machine
//! gets are the same.

pub mod block;
pub mod esp;
pub mod ext;
#[cfg(test)]
pub(crate) mod fixture;
pub mod gpt;
pub mod grub;
pub mod lvm;
pub mod mbr;
pub mod swap;

use self::block::Block;
use crate::host::Command;
use crate::units::Bytes;

/// The time that everything made here carries: seconds since 1970, as in `SOURCE_DATE_EPOCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(pub u64);

/// Bytes, and where they go on whatever they are for (a disk, an array's member, a physical volume).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset.
    pub at: Bytes,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Piece {
    /// A finished block at an offset.
    #[must_use]
    pub fn new(at: Bytes, block: Block) -> Self {
        Self { at, bytes: block.into_bytes() }
    }

    /// Zeros at an offset.
    #[must_use]
    pub fn zeros(at: Bytes, length: Bytes) -> Self {
        Self { at, bytes: vec![0; length.0 as usize] }
    }
}

/// A command to be run by whoever owns the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The environment, beyond what every tool gets.
    pub env: Vec<(String, String)>,
}

impl ToolCall {
    /// A command without an environment of its own.
    #[must_use]
    pub fn new<S: AsRef<str>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(|word| word.as_ref().to_owned()).collect(), env: Vec::new() }
    }

    /// The same command with more arguments at its end.
    #[must_use]
    pub fn with_arguments<S: AsRef<str>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// The same command with one more variable.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }
}

/// On a machine no sandbox is needed.
impl From<ToolCall> for Command {
    fn from(call: ToolCall) -> Self {
        Self { argv: call.argv, env: call.env, input: Vec::new() }
    }
}
