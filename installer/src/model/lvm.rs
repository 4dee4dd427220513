//! Volume groups that several nodes use at the same time: `[lvm]`, kept apart by lvmlockd(8) and dlm.

use super::document::{Entry, Section, Table};
use super::value::Placed;
use super::words::Name;
use crate::units::Bytes;

/// Groups and what is in them.
#[derive(Clone, Debug)]
pub(super) struct Lvm {
    pub(super) groups: Vec<Entry<Group>>,
    pub(super) volumes: Vec<Entry<Volume>>,
}

impl Section for Lvm {
    const ABOUT: &'static str = "volume groups that several nodes use at the same time";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        table.must_have(
            "group",
            "no volume group",
            "add a table `[[lvm.group]]` for each, or remove `[lvm]`",
        );
        Some(Self { groups: table.sections("group"), volumes: table.sections("volume") })
    }
}

/// `[[lvm.group]]`: a volume group whose physical volumes are exported.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: Name,
    pub(super) exports: Vec<Placed<Name>>,
}

impl Section for Group {
    const ABOUT: &'static str = "a volume group whose physical volumes are exported";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (name, exports) = (table.required("name"), table.list("exports"));
        if exports.is_empty() && !table.has("exports") {
            table.problem(
                "exports",
                "missing key `exports`",
                "name its physical volumes, such as `exports = [\"mesh1\", \"mesh2\"]`",
            );
        }
        Some(Self { name: name?, exports })
    }
}

/// `[[lvm.volume]]`: a volume of such a group.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) group: Name,
    pub(super) name: Name,
    pub(super) size: Bytes,
    /// It lies on this physical volume; else where there is room.
    pub(super) export: Option<Name>,
}

impl Section for Volume {
    const ABOUT: &'static str = "a volume of such a group";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (group, name) = (table.required("group"), table.required("name"));
        let (size, export) = (table.required("size"), table.optional("export"));
        Some(Self { group: group?, name: name?, size: size?, export })
    }
}
