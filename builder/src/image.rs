//! `xbuild image`: from a node and its disks to image files that boot.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use installer::context::{Context, Mirrors};
use installer::format::Epoch;
use installer::identity;
use installer::menu::blank;
use installer::model::node::{Layer, NodeSpec};
use installer::overlay::{self, Content, OverlayFile};
use installer::plan::Plan;

use crate::bootfiles::probe::Probe;
use crate::bootfiles::{self, BootFiles};
use crate::debian::{Archive, Package};
use crate::failure::with_hint;
use crate::lock::NodePackages;
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
    /// Where the images go.
    pub out: PathBuf,
}

/// Makes the images; the result is their paths.
///
/// # Errors
/// Whatever fails; nothing then has the name of a finished image that was not there before.
pub fn build(session: &Session, request: &Request) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(&request.out).with_context(|| format!("cannot make {}", request.out.display()))?;
    // Templates are rendered before anything long is begun: a mistake in one shows at once.
    let mut files = node_files(session, request)?;
    let layers = layers(&request.spec, request.kernel);
    let packages = session.resolve(&layers)?;
    let (essential, mut added) = fetch(session, &packages)?;
    let ours = our_packages(session, request.kernel)?;
    added.last_mut().context("a profile without layers")?.extend(ours.iter().cloned());
    let epoch = session.epoch(added.iter().flatten())?;
    files.extend(repository_files(session, &ours, epoch)?);
    let mut bench = Bench::new(session.cache, &session.tools, unpacked(added.iter().flatten()));
    let rootfs = make_root(session, &mut bench, &layers, &essential, &added)?;
    let boot = make_boot_files(session, &mut bench, request, &rootfs, epoch)?;
    bench.clear()?;
    let all: Vec<Package> =
        added.iter().flatten().map(|deb| deb.package.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let stage = session.reporter.stage("image")?;
    let composer = Composer {
        session,
        stage: &stage,
        request,
        rootfs: &rootfs,
        boot: &boot,
        epoch: Epoch(epoch.unsigned_abs()),
    };
    let images = composer.compose(files)?;
    let images = match request.format {
        Format::Raw => images,
        Format::Qcow2 => images.iter().map(|image| composer.convert(image)).collect::<Result<_>>()?,
    };
    composer.write_manifest(&images, &all)?;
    stage.done();
    Ok(images)
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
        entries.map(|(path, bytes)| regular(format!("{}/{path}", publish::FOLDER), bytes)).collect();
    files.push(regular(publish::KEY.to_owned(), session.key.public()?.into_bytes()));
    files.push(regular(publish::SOURCE.to_owned(), publish::source().into_bytes()));
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

fn context(session: &Session, request: &Request) -> Context {
    let mirror = |archive| session.repository.address(archive).to_owned();
    let mirrors = Mirrors { main: mirror(Archive::Main), security: mirror(Archive::Security) };
    Context::new(&request.spec, &request.plan, mirrors, request.kernel == KernelChoice::Debian)
}

fn node_files(session: &Session, request: &Request) -> Result<Vec<OverlayFile>> {
    let mut files = render(request, &context(session, request))?;
    files.extend(identity::files(&request.spec));
    Ok(files)
}

fn render(request: &Request, context: &Context) -> Result<Vec<OverlayFile>> {
    Ok(overlay::render(&request.overlays, &context.value())?)
}

fn make_boot_files(
    session: &Session,
    bench: &mut Bench,
    request: &Request,
    rootfs: &Rootfs,
    epoch: i64,
) -> Result<BootFiles> {
    let mut blanks = context(session, request);
    blank::XEN.clone_into(&mut blanks.boot.xen);
    blank::KERNEL.clone_into(&mut blanks.boot.kernel);
    let mut settings = render(request, &blanks)?;
    settings.retain(|file| bootfiles::is_setting(&file.path) && file.content != Content::Directory);
    let (probe, initrd) = (Probe::of(&request.plan)?, request.plan.initrd);
    let recipe = bootfiles::Recipe { rootfs, settings: &settings, probe, initrd, epoch };
    if let Some(found) = recipe.find(session.cache, &session.tools)? {
        session.reporter.cached("boot files");
        return Ok(found);
    }
    let stage = session.reporter.stage("boot files")?;
    let made = recipe.make(session.cache, bench, &stage)?;
    stage.done();
    Ok(made)
}

fn regular(path: String, bytes: Vec<u8>) -> OverlayFile {
    OverlayFile { path: path.into(), mode: 0o644, content: Content::File(bytes) }
}
