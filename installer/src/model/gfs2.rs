//! File systems on shared volumes that all their nodes mount at once: `[gfs2]`, kept apart by dlm.

use super::document::{Entry, Section, Table};
use super::number::Journals;
use super::storage::Carrier;
use super::words::{Label, MountPoint};

/// GFS2 of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Gfs2 {
    pub(super) volumes: Vec<Entry<Volume>>,
}

impl Section for Gfs2 {
    const ABOUT: &'static str = "file systems on shared volumes that all their nodes mount at once";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        table.must_have(
            "volume",
            "no file system",
            "add a table `[[gfs2.volume]]` for each, or remove `[gfs2]`",
        );
        Some(Self { volumes: table.sections("volume") })
    }
}

/// `[[gfs2.volume]]`: one file system.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) on: Carrier,
    pub(super) label: Label,
    pub(super) mount: MountPoint,
    /// One for each node that mounts it at the same time.
    pub(super) journals: Option<Journals>,
}

impl Section for Volume {
    const ABOUT: &'static str = "a file system that several nodes mount at once";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (on, label) = (table.required("on"), table.required("label"));
        let (mount, journals) = (table.required("mount"), table.optional("journals"));
        Some(Self { on: on?, label: label?, mount: mount?, journals })
    }
}
