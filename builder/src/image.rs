//! `xbuild image`: from a node and its disks to image files that boot.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use installer::context::{Context, Mirrors};
use installer::format::grub::Platform;
use installer::menu::blank;
use installer::model::node::{Layer, NodeSpec};
use installer::overlay::{self, Content, OverlayFile};
use installer::plan::Plan;
use installer::role::{Role, RoleFacts, regular};
use installer::secrets::Secrets;

use crate::bootfiles::probe::Probe;
use crate::bootfiles::{self, BootFiles};
use crate::debian::{Archive, Package};
use crate::failure::with_hint;
use crate::lock::NodePackages;
use crate::manifest;
use crate::own;
use crate::publish;
use crate::rootfs::bench::Bench;
use crate::rootfs::{self, Deb, Rootfs};
use crate::session::Session;
use crate::vm::Format;

mod composer;

use composer::Composer;

/// The kernel of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KernelChoice {
    /// Ours: DRBD, OCFS2 and AoE built in.
    Xbuild,
    /// Debian's own, with modules.
    Debian,
}

impl KernelChoice {
    fn name(self) -> &'static str {
        match self {
            Self::Xbuild => "xbuild",
            Self::Debian => "debian",
        }
    }
}

/// Debian's kernel, as a package name.
const DEBIAN_KERNEL: &str = "linux-image-amd64";

/// An image to be made.
#[derive(Clone, Debug)]
pub struct Request {
    /// The node.
    pub spec: NodeSpec,
    /// Its disks.
    pub plan: Plan,
    /// How the image files hold them.
    pub format: Format,
    /// Its kernel.
    pub kernel: KernelChoice,
    /// The folders of its overlays.
    pub overlays: Vec<PathBuf>,
    /// The node's secrets, if they are to be in its images.
    pub secrets: Secrets,
    /// Where the images go.
    pub out: PathBuf,
}

/// What images and media are made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The root of the role.
    pub rootfs: Rootfs,
    /// What else its nodes share.
    pub role: Role,
    /// All its packages.
    pub packages: Vec<Package>,
}

/// A node, and what its root is made of.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The node.
    pub spec: &'a NodeSpec,
    /// Its disks.
    pub plan: &'a Plan,
    /// Its kernel.
    pub kernel: KernelChoice,
    /// The folders of its overlays.
    pub overlays: &'a [PathBuf],
}

/// Makes what images of this node and media for its role are made of.
///
/// # Errors
/// Whatever fails.
pub fn parts(session: &Session, recipe: &Recipe) -> Result<Parts> {
    // Templates are rendered before anything long is begun: a mistake in one shows at once.
    overlay::render(recipe.overlays, &recipe.context(mirrors(session)).value())?;
    let layers = layers(recipe.spec, recipe.kernel);
    let packages = session.resolve(&layers)?;
    let (essential, mut added) = fetch(session, &packages)?;
    let ours = our_packages(session, recipe.kernel)?;
    added.last_mut().context("a profile without layers")?.extend(ours.iter().cloned());
    let epoch = session.epoch(added.iter().flatten())?;
    let mut files = repository_files(session, &ours, epoch)?;
    let mut bench = Bench::new(session.cache, &session.tools, unpacked(added.iter().flatten()));
    let rootfs = make_root(session, &mut bench, &layers, &essential, &added)?;
    let boot = make_boot_files(session, &mut bench, recipe, &rootfs, epoch)?;
    bench.clear()?;
    for platform in Platform::of(recipe.plan.firmware) {
        files.extend(grub_modules(session, platform)?);
    }
    files.extend(own::files()?);
    let facts = RoleFacts {
        profile: recipe.spec.profile.clone(),
        kernel_release: boot.kernel_release()?,
        kernel_modular: recipe.kernel == KernelChoice::Debian,
        mirrors: mirrors(session),
        epoch: epoch.unsigned_abs(),
    };
    let initrd =
        boot.initrd().map(fs::read).transpose().context("cannot read the initramfs from the cache")?;
    let role = Role { facts, menu: boot.menu()?, initrd, files };
    let all: BTreeSet<Package> = added.iter().flatten().map(|deb| deb.package.clone()).collect();
    Ok(Parts { rootfs, role, packages: all.into_iter().collect() })
}

/// Makes the images; the result is their paths.
///
/// # Errors
/// Whatever fails; nothing then has the name of a finished image that was not there before.
pub fn build(session: &Session, request: &Request) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(&request.out).with_context(|| format!("cannot make {}", request.out.display()))?;
    let Request { spec, plan, kernel, overlays, .. } = request;
    let parts = parts(session, &Recipe { spec, plan, kernel: *kernel, overlays })?;
    let stage = session.reporter.stage("image")?;
    let composer = Composer { session, stage: &stage, request, parts: &parts };
    let (images, described) = composer.compose()?;
    let (images, described) = match request.format {
        Format::Raw => (images, described),
        Format::Qcow2 => {
            let converted: Vec<_> =
                images.iter().map(|image| composer.convert(image)).collect::<Result<_>>()?;
            let described = manifest::describe_all(&converted)?;
            (converted, described)
        }
    };
    composer.write_manifest(&images, described)?;
    stage.done();
    Ok(images)
}

impl Recipe<'_> {
    fn context(&self, mirrors: Mirrors) -> Context {
        Context::new(self.spec, self.plan, mirrors, self.kernel == KernelChoice::Debian)
    }
}

/// The layers of a node with that kernel: Debian's is one more package of the role, ours is not in any archive.
#[must_use]
pub fn layers(spec: &NodeSpec, kernel: KernelChoice) -> Vec<Layer> {
    let mut layers = spec.layers.clone();
    if let (KernelChoice::Debian, Some(role)) = (kernel, layers.last_mut()) {
        role.profile.push_str("-debian-kernel");
        role.packages.push(DEBIAN_KERNEL.to_owned());
    }
    layers
}

/// Refuses a kernel that the layout cannot boot.
///
/// # Errors
/// Why the images would not boot.
pub fn check(plan: &Plan, kernel: KernelChoice) -> Result<()> {
    ensure!(
        plan.initrd || kernel == KernelChoice::Xbuild,
        with_hint(
            format!(
                "layout `{}` boots without an initrd, which Debian's kernel needs: its drivers are modules",
                plan.layout
            ),
            "take xbuild's kernel, or remove `initrd = false` from the layout"
        )
    );
    Ok(())
}

/// All packages in one go; the result is the essential ones, and each layer's.
fn fetch(session: &Session, packages: &NodePackages) -> Result<(Vec<Deb>, Vec<Vec<Deb>>)> {
    let all: BTreeSet<Package> =
        packages.essential.iter().chain(packages.layers.iter().flatten()).cloned().collect();
    let fetched = session.fetch("packages", &all.into_iter().collect::<Vec<_>>())?;
    let pick =
        |wanted: &[Package]| fetched.iter().filter(|deb| wanted.contains(&deb.package)).cloned().collect();
    Ok((pick(&packages.essential), packages.layers.iter().map(|layer| pick(layer)).collect()))
}

fn our_packages(session: &Session, kernel: KernelChoice) -> Result<Vec<Deb>> {
    let mut ours = session.packages()?;
    if kernel == KernelChoice::Xbuild {
        ours.push(session.kernel()?);
    }
    Ok(ours)
}

/// The repository of our packages, its key, and apt's source for it.
fn repository_files(session: &Session, ours: &[Deb], epoch: i64) -> Result<Vec<OverlayFile>> {
    let entries = publish::publish(ours, &session.key, epoch)?.into_iter();
    let mut files: Vec<_> =
        entries.map(|(path, bytes)| regular(&format!("{}/{path}", publish::FOLDER), bytes)).collect();
    files.push(regular(publish::KEY, session.key.public()?.into_bytes()));
    files.push(regular(publish::SOURCE, publish::source().into_bytes()));
    Ok(files)
}

/// How much a root of these packages takes, and what an initramfs in the making adds. xz leaves a third to a quarter.
fn unpacked<'d>(debs: impl Iterator<Item = &'d Deb>) -> u64 {
    (512 << 20) + debs.map(|deb| deb.package.size * 5).sum::<u64>()
}

/// Each layer carries the time of its own packages, so that roles share their base.
fn make_root(
    session: &Session,
    bench: &mut Bench,
    layers: &[Layer],
    essential: &[Deb],
    added: &[Vec<Deb>],
) -> Result<Rootfs> {
    let mut asked = Vec::new();
    let mut below: Option<Rootfs> = None;
    for (index, (layer, adds)) in layers.iter().zip(added).enumerate() {
        asked.extend(layer.packages.iter().cloned());
        asked.extend(
            adds.iter()
                .filter(|deb| deb.package.archive == Archive::Local)
                .map(|deb| deb.package.name.clone()),
        );
        let essential = if below.is_none() { essential } else { &[] };
        let last = index + 1 == layers.len();
        let epoch = session.epoch(added[..=index].iter().flatten())?;
        let recipe = rootfs::Layer { below: below.as_ref(), essential, adds, asked: &asked, last, epoch };
        below = Some(session.layer(bench, &layer.profile, &recipe)?);
    }
    below.context("a profile without layers")
}

fn mirrors(session: &Session) -> Mirrors {
    let mirror = |archive| session.repository.address(archive).to_owned();
    Mirrors { main: mirror(Archive::Main), security: mirror(Archive::Security) }
}

/// What GRUB loads by itself, from where its core looks for it.
fn grub_modules(session: &Session, platform: Platform) -> Result<Vec<OverlayFile>> {
    let folder = session.tools.root().join(&platform.modules()[1..]);
    let mut modules = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "mod" || end == "lst") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            modules.push(regular(&format!("boot/grub/{}/{name}", platform.name()), fs::read(&path)?));
        }
    }
    modules.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(modules)
}

fn make_boot_files(
    session: &Session,
    bench: &mut Bench,
    recipe: &Recipe,
    rootfs: &Rootfs,
    epoch: i64,
) -> Result<BootFiles> {
    let mut blanks = recipe.context(mirrors(session));
    blank::XEN.clone_into(&mut blanks.boot.xen);
    blank::KERNEL.clone_into(&mut blanks.boot.kernel);
    let mut settings = overlay::render(recipe.overlays, &blanks.value())?;
    settings.retain(|file| bootfiles::is_setting(&file.path) && file.content != Content::Directory);
    let (probe, initrd) = (Probe::of(recipe.plan)?, recipe.plan.initrd);
    let boot = bootfiles::Recipe { rootfs, settings: &settings, probe, initrd, epoch };
    if let Some(found) = boot.find(session.cache, &session.tools)? {
        session.reporter.cached("boot files");
        return Ok(found);
    }
    let stage = session.reporter.stage("boot files")?;
    let made = boot.make(session.cache, bench, &stage)?;
    stage.done();
    Ok(made)
}
