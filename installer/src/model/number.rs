//! Whole numbers within limits: each says what it is when it is wrong.

use std::fmt;

use super::schema::{self, Schema};
use super::value::{Found, Value, Wrong};

/// Defines numbers: what each is, the least, the most, and an example.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $least:literal, $most:literal, $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name(pub(super) u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Value for $name {
            const WHAT: &'static str = "a whole number";
            const EXAMPLE: &'static str = $example;

            fn schema() -> Schema {
                schema::number($what, $least..=$most)
            }

            fn read(found: &Found<'_>) -> Result<Self, Wrong> {
                let number = u32::read(found)?;
                if ($least..=$most).contains(&number) {
                    return Ok(Self(number));
                }
                let hint = concat!("write a whole number from ", $least, " to ", $most);
                Err(Wrong::value(format!("{number} is not {}", $what), hint))
            }
        }
    )*};
}

numbers! {
    /// The number in `/dev/drbdNUMBER`.
    Minor: "a minor number of DRBD", 0, 1_048_575, "1";
    /// A TCP port that a daemon of ours takes for itself.
    Port: "a port for a resource", 1024, 65535, "7788";
    /// The port of a BMC.
    BmcPort: "a port", 1, 65535, "623";
    /// By which corosync and OCFS2 know a node (`cluster.conf` of OCFS2 ends at 254).
    NodeNumber: "the number of a node", 1, 254, "1";
    /// A shelf of AoE; 65535 is its broadcast address.
    Shelf: "a shelf of AoE", 0, 65534, "1";
    /// A slot of AoE; 255 is its broadcast address.
    Slot: "a slot of AoE", 0, 254, "0";
    /// Nodes that can mount a file system at the same time.
    Slots: "a number of slots", 2, 255, "2";
    /// Nodes that can mount GFS2 at the same time.
    Journals: "a number of journals", 2, 128, "2";
}
