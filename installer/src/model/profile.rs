//! Profile files: what a kind of node is made of.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::document::{self, Document, Entry, Section, Table};
use super::layout;
use super::names;
use super::problem::Problems;
use super::schema::{self, Schema};
use super::storage::Layout;
use super::value::Placed;
use super::words::{Argument, Name, Package};
use crate::units::Bytes;

/// Less than this, and dom0 does not get as far as its login.
const LEAST_DOM0_MEMORY: Bytes = Bytes::mib(256);

/// One file below `profiles/`, without what it extends.
#[derive(Clone, Debug)]
pub struct Profile {
    /// One line for lists.
    pub summary: String,
    /// The profile that comes first.
    pub extends: Option<Placed<Name>>,
    /// Packages that it adds, sorted.
    pub packages: Vec<String>,
    /// Overlays that it adds.
    pub overlays: Vec<Placed<Name>>,
    /// Boot settings that it adds or changes.
    pub boot: BootSettings,
    /// The disks; none leaves them to the profile that is extended, or to those that extend this one.
    pub layout: Option<Layout>,
}

/// Settings that a profile or a node may make; what is not said stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootSettings {
    /// Memory of dom0.
    pub dom0_memory: Option<Bytes>,
    /// Processors of dom0.
    pub dom0_vcpus: Option<u32>,
    /// Further hypervisor arguments.
    pub xen_arguments: Vec<String>,
    /// Further kernel arguments.
    pub kernel_arguments: Vec<String>,
}

impl BootSettings {
    /// These settings, then `later` ones: sizes replace, arguments append.
    #[must_use]
    pub fn then(mut self, later: &Self) -> Self {
        self.dom0_memory = later.dom0_memory.or(self.dom0_memory);
        self.dom0_vcpus = later.dom0_vcpus.or(self.dom0_vcpus);
        self.xen_arguments.extend_from_slice(&later.xen_arguments);
        self.kernel_arguments.extend_from_slice(&later.kernel_arguments);
        self
    }
}

impl Section for BootSettings {
    const ABOUT: &'static str = "what is not said stays as it was";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let dom0_memory = table.about("memory of dom0, 256M or more").optional("dom0-memory");
        if let Some(memory) = dom0_memory.filter(|memory| *memory < LEAST_DOM0_MEMORY) {
            let message = format!("dom0 does not boot in {memory}");
            table.problem("dom0-memory", message, format!("give it {LEAST_DOM0_MEMORY} or more, better 1G"));
        }
        let dom0_vcpus = table.about("processors of dom0").optional("dom0-vcpus").map(NonZeroU32::get);
        let [xen_arguments, kernel_arguments] = ["xen-arguments", "kernel-arguments"]
            .map(|key| table.list::<Argument>(key).into_iter().map(String::from).collect());
        Some(Self { dom0_memory, dom0_vcpus, xen_arguments, kernel_arguments })
    }
}

/// A profile as it was read; its layout is not checked yet.
struct Draft {
    summary: String,
    extends: Option<Placed<Name>>,
    packages: Vec<Placed<Package>>,
    overlays: Vec<Placed<Name>>,
    boot: BootSettings,
    layout: Option<Entry<layout::Draft>>,
}

impl Section for Draft {
    const ABOUT: &'static str = "what a kind of node is made of";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let summary = table.about("one line for lists").required("summary");
        let extends = table.about("the profile that comes first").optional("extends");
        let packages = table.about("what is added; recommended packages are not").list("packages");
        let overlays = table.about("folders below overlays/").list("overlays");
        let boot = table.section("boot").map(|boot| boot.value).unwrap_or_default();
        let layout = table.section("layout");
        Some(Self { summary: summary?, extends, packages, overlays, boot, layout })
    }
}

impl Profile {
    /// A profile as editors are to know it.
    #[must_use]
    pub fn schema() -> Schema {
        schema::file("Profile of xbuild", document::schema::<Draft>())
    }

    /// Reads a profile; none if anything is wrong with it, which is then among the problems.
    pub(super) fn read(document: &Arc<Document>, problems: &mut Problems) -> Option<Self> {
        let mut found = Problems::default();
        let draft = document.read::<Draft>(&mut found);
        let profile = draft.map(|draft| draft.value.finish(&mut found));
        let sound = found.is_empty();
        problems.extend(found);
        profile.filter(|_| sound)
    }
}

impl Draft {
    fn finish(self, problems: &mut Problems) -> Profile {
        let packages = self.packages.iter().map(|package| (&package.value, package.place.clone()));
        names::once("package", "list it once", packages, problems);
        let overlays = self.overlays.iter().map(|overlay| (&overlay.value, overlay.place.clone()));
        names::once("overlay", "list it once", overlays, problems);
        // A piece that could not be read would look like a piece that does not exist.
        let draft = self.layout.filter(|_| problems.is_empty());
        let layout =
            draft.and_then(|draft| layout::finish(draft).map_err(|wrong| problems.extend(wrong)).ok());
        let mut packages: Vec<String> =
            self.packages.into_iter().map(|package| package.value.into()).collect();
        packages.sort();
        let Self { summary, extends, overlays, boot, .. } = self;
        Profile { summary, extends, packages, overlays, boot, layout }
    }
}
