//! Devices that several nodes have: what they are called in a cluster file.

use std::fmt;

use super::schema::{self, Schema};
use super::value::{Found, Value, Wrong};
use super::words::{NAME_HINT, is_name};

/// A device of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shared {
    /// The `[[drbd]]` of that name.
    Drbd(String),
    /// The `[[export]]` of that name.
    Export(String),
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drbd(name) => write!(f, "drbd:{name}"),
            Self::Export(name) => write!(f, "export:{name}"),
        }
    }
}

impl Value for Shared {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"drbd:xen\"";

    fn schema() -> Schema {
        schema::text("write `drbd:NAME` or `export:NAME`", "^(drbd|export):[a-z0-9][a-z0-9-]{0,31}$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let make = match kind {
            "drbd" => Self::Drbd,
            "export" => Self::Export,
            _ => {
                let hint = "write `drbd:NAME` or `export:NAME`";
                return Err(Wrong::value(format!("`{text}` is no device of a cluster"), hint));
            }
        };
        if is_name(name) {
            return Ok(make(name.to_owned()));
        }
        Err(Wrong::value(format!("`{name}` is not a name"), NAME_HINT))
    }
}
