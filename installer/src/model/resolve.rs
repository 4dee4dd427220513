//! Putting profiles together: from names to the whole of a node.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::document::Document;
use super::install::Install;
use super::membership::Membership;
use super::names;
use super::node::{Access, Boot, Layer, Mirrors, NodeSpec};
use super::problem::{Problem, Problems};
use super::profile::{BootSettings, Profile};
use super::storage::Layout;
use super::suggest;
use super::words;
use crate::units::Bytes;

/// Memory of dom0 where no profile says it.
const DOM0_MEMORY: Bytes = Bytes::GIB;

/// What the packages of xbuild's own need, whatever a profile lists.
const BOOT_PACKAGES: [&str; 4] = ["grub-efi-amd64-bin", "grub-pc-bin", "grub2-common", "kmod"];

/// Makes initial RAM file systems, and makes them anew with every kernel: only nodes that start with one have it.
const INITRD_MAKER: &str = "initramfs-tools";

/// All profiles of a folder.
#[derive(Clone, Debug)]
pub struct Profiles {
    /// The folder that holds `profiles/` and `overlays/`.
    root: PathBuf,
    /// Those that are sound.
    sound: BTreeMap<String, Profile>,
    /// Every name, of sound ones and of others.
    names: BTreeSet<String>,
}

/// Reads every `profiles/*.toml` below `root`.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn load_profiles(root: &Path) -> Result<Profiles, Problems> {
    let (profiles, problems) = read_profiles(root);
    problems.unless_any(profiles)
}

/// Those that are sound, and everything that is wrong in the others.
pub(crate) fn read_profiles(root: &Path) -> (Profiles, Problems) {
    let mut problems = Problems::default();
    let mut profiles = Profiles { root: root.to_owned(), sound: BTreeMap::new(), names: BTreeSet::new() };
    match profile_files(&root.join("profiles")) {
        Ok(files) => files.iter().for_each(|(name, file)| profiles.add(name, file, &mut problems)),
        Err(problem) => problems.push(problem),
    }
    for profile in profiles.sound.values() {
        profiles.check_references(profile, &mut problems);
    }
    problems.extend(profiles.circles());
    (profiles, problems)
}

/// Names and paths of the profiles in a folder.
fn profile_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Problem> {
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read {}: {error}", folder.display());
        Problem::anywhere(message, "name the folder that holds `profiles/` and `overlays/`")
    };
    let mut files = vec![];
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        if let (Some(name), true) = (name, path.extension().is_some_and(|extension| extension == "toml")) {
            files.push((name, path));
        }
    }
    Ok(files)
}

impl Profiles {
    /// Names of all profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// All profiles with what their files say, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.sound.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// The folders that are laid over a node's root, in order.
    #[must_use]
    pub fn overlay_folders(&self, node: &NodeSpec) -> Vec<PathBuf> {
        node.overlays.iter().map(|overlay| self.root.join("overlays").join(overlay)).collect()
    }

    /// Whether a profile and all that it extends were read, with nothing wrong in their files.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.chain(name).first().is_some_and(|(_, base)| base.extends.is_none())
    }

    /// A generic node of a profile: no name, no addresses.
    ///
    /// # Errors
    /// If there is no such profile, or it is not a node by itself.
    pub fn resolve(&self, name: &str) -> Result<NodeSpec, Problem> {
        self.resolve_with(name, &BootSettings::default())
    }

    /// As [`Self::resolve`], with what a node adds to the boot settings.
    pub(super) fn resolve_with(&self, name: &str, boot: &BootSettings) -> Result<NodeSpec, Problem> {
        let chain = self.chain(name);
        if chain.is_empty() {
            let hint = suggest::hint(name, "profile", self.names());
            return Err(Problem::anywhere(format!("unknown profile `{name}`"), hint));
        }
        let layout = chain.iter().rev().find_map(|(_, profile)| profile.layout.clone());
        let layout = layout.ok_or_else(|| self.no_layout(name))?;
        let overlays = chain.iter().flat_map(|(_, profile)| &profile.overlays);
        Ok(NodeSpec {
            profile: name.to_owned(),
            layers: layers(&chain, &layout),
            overlays: overlays.map(|overlay| overlay.value.to_string()).collect(),
            boot: finish_boot(chain.iter().map(|(_, profile)| &profile.boot).chain([boot])),
            layout,
            mirrors: Mirrors::default(),
            access: Access::default(),
            install: Install::default(),
            identity: None,
            replicated: Vec::new(),
            membership: Membership::default(),
        })
    }

    fn add(&mut self, name: &str, file: &Path, problems: &mut Problems) {
        self.names.insert(name.to_owned());
        if !words::is_name(name) {
            let message = format!("{} cannot be a profile: `{name}` is not a name", file.display());
            problems.push(Problem::anywhere(message, format!("rename the file: {}", words::NAME_HINT)));
        }
        match Document::open(file) {
            Ok(document) => {
                let profile = Profile::read(&document, problems);
                self.sound.extend(profile.map(|profile| (name.to_owned(), profile)));
            }
            Err(problem) => problems.push(problem),
        }
    }

    fn check_references(&self, profile: &Profile, problems: &mut Problems) {
        if let Some(parent) = &profile.extends {
            names::known("profile", parent.value.as_str(), parent.place.clone(), self.names(), problems);
        }
        let overlays = self.root.join("overlays");
        for overlay in &profile.overlays {
            if !overlays.join(overlay.value.as_str()).is_dir() {
                let message = format!("there is no folder overlays/{}", overlay.value);
                problems.push(Problem::at(overlay.place.clone(), message, "create it, or remove the name"));
            }
        }
    }

    /// A profile and what it extends, the base first; ends where a name repeats or is unknown.
    fn chain(&self, name: &str) -> Vec<(&str, &Profile)> {
        let mut chain: Vec<(&str, &Profile)> = vec![];
        let mut next = self.sound.get_key_value(name);
        while let Some((name, profile)) = next.filter(|(name, _)| chain.iter().all(|(seen, _)| seen != name))
        {
            chain.push((name, profile));
            next =
                profile.extends.as_ref().and_then(|parent| self.sound.get_key_value(parent.value.as_str()));
        }
        chain.reverse();
        chain
    }

    /// Profiles that extend each other; each circle is told once, at the first of its names.
    fn circles(&self) -> impl Iterator<Item = Problem> {
        self.sound.iter().filter_map(|(name, profile)| {
            let chain = self.chain(name);
            let parent = profile.extends.as_ref()?;
            let (top, last) = chain.first()?;
            let back = last.extends.as_ref().is_some_and(|parent| parent.value.as_str() == name.as_str());
            let first = chain.iter().all(|(other, _)| *other >= name.as_str());
            let mut names: Vec<&str> = chain.iter().rev().map(|(name, _)| *name).collect();
            names.push(if *top == name.as_str() { top } else { name });
            let message = format!("profiles extend each other in a circle: {}", names.join(" -> "));
            (back && first)
                .then(|| Problem::at(parent.place.clone(), message, "remove one `extends` of the circle"))
        })
    }

    fn no_layout(&self, name: &str) -> Problem {
        let whole = |other: &&str| {
            let chain = self.chain(other);
            chain.iter().any(|(part, _)| *part == name)
                && chain.iter().any(|(_, profile)| profile.layout.is_some())
        };
        let children: Vec<String> = self.names().filter(whole).map(|child| format!("`{child}`")).collect();
        let hint = match children.as_slice() {
            [] => "add a [layout], or extend a profile that has one".to_owned(),
            children => format!("take a profile that extends it: {}", children.join(", ")),
        };
        Problem::anywhere(format!("profile `{name}` has no layout: it is not a node by itself"), hint)
    }
}

/// What each profile of a chain adds to the packages of those before it. What a layout asks for comes last.
fn layers(chain: &[(&str, &Profile)], layout: &Layout) -> Vec<Layer> {
    let mut seen = BTreeSet::new();
    let layer = |(name, profile): &(&str, &Profile)| {
        let new = profile.packages.iter().filter(|package| seen.insert((*package).clone()));
        Layer { profile: (*name).to_owned(), packages: new.cloned().collect() }
    };
    let mut layers: Vec<Layer> = chain.iter().map(layer).collect();
    let needed = BOOT_PACKAGES.into_iter().chain(layout.initrd.then_some(INITRD_MAKER));
    let missing: Vec<String> = needed.filter(|name| !seen.contains(*name)).map(str::to_owned).collect();
    if let Some(last) = layers.last_mut() {
        last.packages.extend(missing);
        last.packages.sort();
    }
    layers
}

fn finish_boot<'a>(settings: impl Iterator<Item = &'a BootSettings>) -> Boot {
    let all = settings.fold(BootSettings::default(), BootSettings::then);
    Boot {
        dom0_memory: all.dom0_memory.unwrap_or(DOM0_MEMORY),
        dom0_vcpus: all.dom0_vcpus,
        xen_arguments: all.xen_arguments,
        kernel_arguments: all.kernel_arguments,
    }
}
