//! What the end-to-end tests share: foreign tools as judges of what we wrote.

pub mod judge;
