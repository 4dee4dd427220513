//! Results as rows of a table for a report, in Markdown. Each is printed when it is there, so that a test that fails
//! has shown what went well before.

use std::fmt::Display;

/// A table that has begun.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize>(());

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// Prints the head; an empty line before it, because cargo has left the line open.
    #[must_use]
    pub fn new(columns: [&str; COLUMNS]) -> Self {
        println!("\n| {} |\n|{}", columns.join(" | "), "---|".repeat(COLUMNS));
        Self(())
    }

    /// Prints a row.
    pub fn row(&self, cells: [&dyn Display; COLUMNS]) {
        println!("| {} |", cells.map(ToString::to_string).join(" | "));
    }
}
