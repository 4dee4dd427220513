//! Replicated devices: what `[[drbd]]` says, in the words of drbd.conf(5) as DRBD 8.4 reads it.

use super::document::{Entry, Section, Table};
use super::schema::{self, Schema};
use super::setting::{Kind, Setting, Settings};
use super::storage::Carrier;
use super::value::{Found, Placed, Value, Wrong};
use super::words::{Hostname, Name, NetworkName};

/// `disk { … }`; a failed disk is detached, and its node goes on over the network.
const DISK: &[Setting] = &[
    setting("on-io-error", Kind::Word(&["detach", "pass_on", "call-local-io-error"]), "detach"),
    setting("resync-rate", Kind::Rate, "100M"),
    setting("al-extents", Kind::Number(7, 6433, "extents of 4 MiB"), "1237"),
];

/// `net { … }`. A peer that is gone is noticed sooner than the cluster file system gives up its disk. After a split
/// brain nothing is thrown away unless somebody says what may be.
const NET: &[Setting] = &[
    setting("protocol", Kind::Word(&["A", "B", "C"]), "C"),
    setting("timeout", Kind::Number(1, 600, "tenths of a second"), "60"),
    setting("connect-int", Kind::Number(1, 120, "seconds"), "5"),
    setting("ping-int", Kind::Number(1, 120, "seconds"), "5"),
    setting("ping-timeout", Kind::Number(1, 300, "tenths of a second"), "30"),
    setting("ko-count", Kind::Number(1, 200, "time-outs"), "7"),
    setting("verify-alg", Kind::Word(&["sha1", "sha256", "crc32c"]), "crc32c"),
    setting("after-sb-0pri", Kind::Word(AFTER_NO_PRIMARY), "disconnect"),
    setting("after-sb-1pri", Kind::Word(AFTER_ONE_PRIMARY), "disconnect"),
    setting("after-sb-2pri", Kind::Word(&["disconnect", "call-pri-lost-after-sb"]), "disconnect"),
    setting("rr-conflict", Kind::Word(&["disconnect", "call-pri-lost"]), "disconnect"),
];
const AFTER_NO_PRIMARY: &[&str] = &[
    "disconnect",
    "discard-zero-changes",
    "discard-least-changes",
    "discard-younger-primary",
    "discard-older-primary",
];
const AFTER_ONE_PRIMARY: &[&str] =
    &["disconnect", "consensus", "discard-secondary", "call-pri-lost-after-sb"];

const fn setting(name: &'static str, kind: Kind, usual: &'static str) -> Setting {
    Setting { name, kind, usual }
}

/// A device that two nodes have in common.
#[derive(Clone, Debug)]
pub(super) struct Drbd {
    pub(super) name: Name,
    pub(super) nodes: Vec<Placed<Hostname>>,
    pub(super) minor: Minor,
    pub(super) port: Port,
    pub(super) network: NetworkName,
    pub(super) backing: Carrier,
    pub(super) disk: Settings,
    pub(super) net: Settings,
}

impl Section for Drbd {
    const ABOUT: &'static str = "a device that two nodes have in common";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let name = table.required("name");
        let nodes: Vec<Placed<Hostname>> = table.list_of("nodes", 2);
        if nodes.len() != 2 {
            let here = if nodes.len() == 1 { "is" } else { "are" };
            let message = format!("DRBD replicates between two nodes, and here {here} {}", nodes.len());
            table.problem("nodes", message, "name both, such as `nodes = [\"master1\", \"master2\"]`");
        }
        let (minor, port) = (table.required("minor"), table.required("port"));
        let (network, backing) = (table.required("network"), table.required("backing"));
        let disk = table.section("disk").map(|Entry { value: Disk(settings), .. }| settings);
        let net = table.section("net").map(|Entry { value: Net(settings), .. }| settings);
        Some(Self {
            name: name?,
            nodes,
            minor: minor?,
            port: port?,
            network: network?,
            backing: backing?,
            disk: disk.unwrap_or_else(|| Settings::usual(DISK)),
            net: net.unwrap_or_else(|| Settings::usual(NET)),
        })
    }
}

struct Disk(Settings);

impl Section for Disk {
    const ABOUT: &'static str = "`disk` of drbd.conf(5)";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        Some(Self(Settings::read(table, DISK)))
    }
}

struct Net(Settings);

impl Section for Net {
    const ABOUT: &'static str = "`net` of drbd.conf(5)";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        Some(Self(Settings::read(table, NET)))
    }
}

/// Whole numbers within limits: what they are called, the limits, and an example.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $least:literal, $most:literal, $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name(pub(super) u32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
    /// A TCP port.
    Port: "a port for a resource", 1024, 65535, "7788";
}
