//! The readers of `xbuild inspect`, as they are in the builder, and what brings bytes to them.

pub mod volume;

#[path = "../../src"]
mod builder {
    pub mod failure;
    pub mod inspect;
}

pub use builder::{failure, inspect};
