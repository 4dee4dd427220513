//! Replicated devices: what `[[drbd]]` says, in the words of drbd.conf(5) as DRBD 8.4 reads it.

use super::document::{Entry, Section, Table};
use super::membership::FirstSync;
use super::number::{Minor, Port};
use super::setting::{Kind, Setting, Settings};
use super::storage::Carrier;
use super::value::{Choice, Placed};
use super::words::{Hostname, Name, NetworkName};
use crate::units::Bytes;

/// `disk { … }`; a failed disk is detached, and its node goes on over the network.
const DISK: &[Setting] = &[
    Setting::new("on-io-error", Kind::Word(&["detach", "pass_on", "call-local-io-error"]), "detach"),
    Setting::new("resync-rate", Kind::Rate, "100M"),
    Setting::new("al-extents", Kind::Number(7, 6433, "extents of 4 MiB"), "1237"),
];

/// `net { … }`. A peer that is gone is noticed sooner than the cluster file system gives up its disk. After a split
/// brain nothing is thrown away unless somebody says what may be.
const NET: &[Setting] = &[
    Setting::new("protocol", Kind::Word(&["A", "B", "C"]), "C"),
    Setting::new("timeout", Kind::Number(1, 600, "tenths of a second"), "60"),
    Setting::new("connect-int", Kind::Number(1, 120, "seconds"), "5"),
    Setting::new("ping-int", Kind::Number(1, 120, "seconds"), "5"),
    Setting::new("ping-timeout", Kind::Number(1, 300, "tenths of a second"), "30"),
    Setting::new("ko-count", Kind::Number(1, 200, "time-outs"), "4"),
    Setting::new("verify-alg", Kind::Word(&["sha1", "sha256", "crc32c"]), "crc32c"),
    Setting::new("after-sb-0pri", Kind::Word(AFTER_NO_PRIMARY), "disconnect"),
    Setting::new("after-sb-1pri", Kind::Word(AFTER_ONE_PRIMARY), "disconnect"),
    Setting::new("after-sb-2pri", Kind::Word(&["disconnect", "call-pri-lost-after-sb"]), "disconnect"),
    Setting::new("rr-conflict", Kind::Word(&["disconnect", "call-pri-lost"]), "disconnect"),
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

/// Where a node that has gone away is fenced, the other one's data is the truth: what nobody has written is given up, and
/// so is a node that is no primary (the howto of the pair). After two primaries without each other nobody can say it.
const FENCED: &[(&str, &str)] =
    &[("after-sb-0pri", "discard-zero-changes"), ("after-sb-1pri", "discard-secondary")];

/// How many nodes may write to a device at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primaries {
    One,
    Both,
}

impl Choice for Primaries {
    const NAME: &'static str = "number of primaries";
    const EXAMPLE: &'static str = "\"both\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("one", Self::One), ("both", Self::Both)]
    }
}

impl Choice for FirstSync {
    const NAME: &'static str = "first sync";
    const EXAMPLE: &'static str = "\"skip\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("if-needed", Self::IfNeeded), ("skip", Self::Skip)]
    }
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
    pub(super) min_size: Bytes,
    pub(super) primaries: Primaries,
    pub(super) first_sync: FirstSync,
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
        let min_size = table.optional("min-size").unwrap_or(Bytes::ZERO);
        let primaries = table.optional("primaries").unwrap_or(Primaries::One);
        let first_sync = table.optional("first-sync").unwrap_or(FirstSync::IfNeeded);
        let disk = table.section("disk").map(|Entry { value: Disk(settings), .. }| settings);
        let net = table.section("net").map(|Entry { value: Net(settings), .. }| settings);
        Some(Self {
            name: name?,
            nodes,
            minor: minor?,
            port: port?,
            network: network?,
            backing: backing?,
            min_size,
            primaries,
            first_sync,
            disk: disk.unwrap_or_else(|| Settings::usual(DISK)),
            net: net.unwrap_or_else(|| Settings::usual(NET)),
        })
    }
}

impl Drbd {
    /// Milliseconds until a peer that is gone, or hangs, is one no more; until then every write waits.
    pub(super) fn detection(&self) -> u64 {
        let number = |name| u64::from(self.net.number(name));
        let gone = number("ping-int") * 1000 + number("ping-timeout") * 100;
        gone.max(number("timeout") * 100 * number("ko-count"))
    }

    /// Lines of `disk { … }` and of `net { … }`.
    pub(super) fn options(&self, fenced: bool) -> [Vec<(String, String)>; 2] {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut disk: Vec<_> = self.disk.iter().map(owned).collect();
        let net = if fenced { self.net.clone().but(FENCED) } else { self.net.clone() };
        let mut net: Vec<_> = net.iter().map(owned).collect();
        if fenced {
            disk.push(owned(("fencing", "resource-and-stonith")));
        }
        if self.primaries == Primaries::Both {
            net.push(owned(("allow-two-primaries", "yes")));
        }
        [disk, net]
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
