//! The file system that all nodes mount at once: `[ocfs2]`, in the words of ocfs2.cluster.conf(5) and o2cb.sysconfig(5).

use super::document::{Entry, Section, Table};
use super::number::{Port, Slots};
use super::setting::{Kind, Setting, Settings};
use super::shared::Shared;
use super::words::{Label, MountPoint, Name, NetworkName};

/// Iterations of two seconds until a node that does not write its heartbeat is dead, and milliseconds.
const O2CB: &[Setting] = &[
    Setting::new("heartbeat-threshold", Kind::Number(7, 600, "iterations"), "31"),
    Setting::new("idle-timeout", Kind::Number(5000, 600_000, "milliseconds"), "60000"),
    Setting::new("keepalive-delay", Kind::Number(500, 60_000, "milliseconds"), "5000"),
    Setting::new("reconnect-delay", Kind::Number(500, 60_000, "milliseconds"), "4000"),
];

/// One OCFS2 cluster of all nodes that mount one of its volumes.
#[derive(Clone, Debug)]
pub(super) struct Ocfs2 {
    pub(super) name: Name,
    pub(super) network: NetworkName,
    pub(super) port: Port,
    pub(super) o2cb: Settings,
    pub(super) volumes: Vec<Entry<Volume>>,
}

impl Section for Ocfs2 {
    const ABOUT: &'static str = "the file system that all nodes mount at once";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (name, network) = (table.required("name"), table.required("network"));
        let port = table.optional("port").unwrap_or(Port(7777));
        let o2cb = Settings::read(table, O2CB);
        let volumes = table.sections("volume");
        if volumes.is_empty() && !table.has("volume") {
            table.problem(
                "volume",
                "no file system",
                "add a table `[[ocfs2.volume]]` for each, or remove `[ocfs2]`",
            );
        }
        Some(Self { name: name?, network: network?, port, o2cb, volumes })
    }
}

impl Ocfs2 {
    /// Milliseconds until a node that cannot reach its disk fences itself: o2hb's dead time.
    pub(super) fn dead_time(&self) -> u64 {
        u64::from(self.o2cb.number("heartbeat-threshold") - 1) * 2000
    }

    /// Milliseconds until a node gives up another one that does not answer.
    pub(super) fn idle_timeout(&self) -> u64 {
        u64::from(self.o2cb.number("idle-timeout"))
    }
}

/// `[[ocfs2.volume]]`: a file system on a device that all its nodes write to.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) on: Shared,
    pub(super) label: Label,
    pub(super) mount: MountPoint,
    pub(super) slots: Option<Slots>,
}

impl Section for Volume {
    const ABOUT: &'static str = "a file system on a device that all its nodes write to";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (on, label) = (table.required("on"), table.required("label"));
        let (mount, slots) = (table.required("mount"), table.optional("slots"));
        Some(Self { on: on?, label: label?, mount: mount?, slots })
    }
}
