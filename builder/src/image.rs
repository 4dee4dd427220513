//! `xbuild image`: from a node and its disks to image files that boot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use installer::context::{Context, Mirrors};
use installer::identity;
use installer::model::node::{Layer, NodeSpec};
use installer::model::storage::FilesystemKind;
use installer::overlay::{self, Content, OverlayFile};
use installer::plan::{Device, Filesystem, Plan};
use installer::units::SectorSize;

use crate::bootfiles::{self, BootFiles, blank};
use crate::compose::content::{Additions, Part};
use crate::compose::disk::{DiskImages, esps};
use crate::compose::{Epoch, ToolCall, content, esp, ext, grub, swap};
use crate::debian::{Archive, Package};
use crate::failure::{Hinted as _, with_hint};
use crate::initrd;
use crate::manifest::{self, KernelEntry, Manifest};
use crate::repository::NodePackages;
use crate::rootfs::{self, Deb, Rootfs};
use crate::sandbox::Sandbox;
use crate::session::Session;
use crate::stage::Stage;

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
const GRUB_MODULES: &str = "/usr/lib/grub/i386-pc";
/// Where the scratch folder is inside the sandbox.
const WORK: &str = "/work";

/// An image to be made.
#[derive(Debug)]
pub struct Request {
    /// The node.
    pub spec: NodeSpec,
    /// Its disks.
    pub plan: Plan,
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
    let files = node_files(session, request)?;
    let layers = layers(&request.spec, request.kernel);
    let packages = session.resolve(&layers)?;
    let (essential, mut added) = fetch(session, &packages)?;
    if request.kernel == KernelChoice::Xbuild {
        added.last_mut().context("a profile without layers")?.push(session.kernel()?);
    }
    let epoch = session.epoch(added.iter().flatten())?;
    let rootfs = make_root(session, &layers, &essential, &added)?;
    let boot = make_boot_files(session, request, &rootfs, epoch)?;
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

/// Refuses what can be planned, but not yet booted.
///
/// # Errors
/// Why the images would not boot.
pub fn check(plan: &Plan) -> Result<()> {
    if let Some(disk) = plan.disks.iter().find(|disk| disk.boot && disk.sector_size == SectorSize::B4096) {
        bail!(with_hint(
            format!("{} has sectors of 4096 bytes, and BIOS firmware cannot read such a disk", disk.name),
            "boot from disks with sectors of 512 bytes; booting by UEFI comes with a later version"
        ));
    }
    let on_array = matches!(root_filesystem(plan)?.on, Device::Array(_));
    if !on_array || plan.filesystem_at("/boot").is_some() {
        bail!(with_hint(
            format!("layout `{}` has `/` outside an array, or `/boot` outside `/`", plan.layout),
            "images with such a layout come with a later version; put `/` with its `/boot` on a RAID1 array"
        ));
    }
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

/// Each layer carries the time of its own packages, so that roles share their base.
fn make_root(session: &Session, layers: &[Layer], essential: &[Deb], added: &[Vec<Deb>]) -> Result<Rootfs> {
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
        below = Some(session.layer(&layer.profile, &recipe)?);
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

fn make_boot_files(session: &Session, request: &Request, rootfs: &Rootfs, epoch: i64) -> Result<BootFiles> {
    let mut blanks = context(session, request);
    blank::XEN.clone_into(&mut blanks.boot.xen);
    blank::KERNEL.clone_into(&mut blanks.boot.kernel);
    let mut settings = render(request, &blanks)?;
    settings.retain(|file| bootfiles::is_setting(&file.path) && file.content != Content::Directory);
    let recipe = bootfiles::Recipe { rootfs, settings: &settings, probe: bootfiles::ON_ARRAY, epoch };
    if let Some(found) = recipe.find(session.cache, &session.tools)? {
        session.reporter.cached("boot files");
        return Ok(found);
    }
    let stage = session.reporter.stage("boot files")?;
    let made = recipe.make(session.cache, &session.tools, &stage)?;
    stage.done();
    Ok(made)
}

/// Puts the parts on the disks.
struct Composer<'a> {
    session: &'a Session<'a>,
    stage: &'a Stage<'a>,
    request: &'a Request,
    rootfs: &'a Rootfs,
    boot: &'a BootFiles,
    epoch: Epoch,
}

impl Composer<'_> {
    fn compose(&self, mut files: Vec<OverlayFile>) -> Result<Vec<PathBuf>> {
        let plan = &self.request.plan;
        let work = self.session.cache.scratch("image")?;
        files.extend(self.boot_additions(&files)?);
        let additions = Additions::new(files, self.request.spec.access.root_password_hash.clone());
        remove_earlier(&self.request.out, plan.disks.len())?;
        let images = DiskImages::create(plan, &self.request.out, self.epoch)?;
        images.write_metadata()?;
        for filesystem in &plan.filesystems {
            let file = self.make_filesystem(work.path(), filesystem, &additions)?;
            let what = || format!("cannot write the file system {} into the images", filesystem.label);
            images.write_volume(&filesystem.on, &file).with_context(what)?;
        }
        self.write_esps(work.path(), &images)?;
        self.write_boot(work.path(), &images)?;
        work.remove()?;
        // From here until the new one is there, no manifest is better than that of other images.
        manifest::remove(&self.request.out)?;
        images.finish().hint("the images need as much space as the files in them, the rest stays sparse")
    }

    /// The node's initramfs and menu, and the modules that GRUB loads by itself.
    fn boot_additions(&self, files: &[OverlayFile]) -> Result<Vec<OverlayFile>> {
        let release = self.boot.kernel_release()?;
        let initrd = initrd::for_node(&self.boot.initrd(), files, self.epoch.0)?;
        let mut additions = vec![
            regular(format!("boot/initrd.img-{release}"), initrd),
            regular("boot/grub/grub.cfg".to_owned(), self.menu()?.into_bytes()),
        ];
        for entry in fs::read_dir(self.session.tools.root().join(&GRUB_MODULES[1..]))? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "mod" || end == "lst") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                additions.push(regular(format!("boot/grub/i386-pc/{name}"), fs::read(&path)?));
            }
        }
        Ok(additions)
    }

    /// The role's menu with this node's values in its blanks.
    fn menu(&self) -> Result<String> {
        let plan = &self.request.plan;
        let context = context(self.session, self.request);
        let root = root_filesystem(plan)?;
        let array = match &root.on {
            Device::Array(name) => plan.array(name).map(|array| array.uuid.simple().to_string()),
            Device::Partition(_) | Device::Volume { .. } => None,
        };
        let menu = self.boot.menu()?;
        let menu = menu
            .replace(blank::ROOT_UUID, &root.uuid.to_string())
            .replace(blank::ARRAY_UUID, &array.unwrap_or_default());
        Ok(menu.replace(blank::XEN, &context.boot.xen).replace(blank::KERNEL, &context.boot.kernel))
    }

    fn tool(&self, work: &Path, call: &ToolCall) -> Sandbox {
        let run = self.session.tools.run(call.argv.iter().cloned()).bind(work, WORK).chdir(WORK).no_sync();
        call.env.iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    fn make_filesystem(&self, work: &Path, filesystem: &Filesystem, additions: &Additions) -> Result<File> {
        self.stage.note(format!("file system {}", filesystem.label));
        let name = format!("{}.fs", filesystem.label);
        let path = work.join(&name);
        File::create(&path)?.set_len(filesystem.size.0)?;
        match filesystem.kind {
            FilesystemKind::Swap => self.stage.run(&self.tool(work, &swap::mkswap(filesystem, &name)))?,
            FilesystemKind::Ext4 => self.fill_ext4(work, filesystem, &name, additions)?,
        }
        File::open(&path).with_context(|| format!("cannot open {}", path.display()))
    }

    fn fill_ext4(
        &self,
        work: &Path,
        filesystem: &Filesystem,
        name: &str,
        additions: &Additions,
    ) -> Result<()> {
        fs::write(work.join("mke2fs.conf"), ext::CONFIG)?;
        let call = ext::mke2fs(filesystem, Some("-"), name, "mke2fs.conf", self.epoch);
        let mounts: Vec<&str> =
            self.request.plan.filesystems.iter().filter_map(|other| other.mount.as_deref()).collect();
        let mount = filesystem.mount.as_deref().context("a file system without a mount point")?;
        let part = Part::new(mount, &mounts);
        let tar = File::open(self.rootfs.tar())?;
        self.stage
            .run_fed(&self.tool(work, &call), |out| {
                content::write(
                    std::io::BufReader::with_capacity(1 << 20, tar),
                    &part,
                    additions,
                    self.epoch,
                    out,
                )
            })
            .with_context(|| format!("cannot make the file system for {mount}"))
            .hint("if it is too small for its content, raise its `min` in the layout")
    }

    fn write_esps(&self, work: &Path, images: &DiskImages) -> Result<()> {
        self.stage.note("EFI system partitions");
        for (index, (at, partition)) in esps(&self.request.plan).enumerate() {
            let name = format!("esp{index}.fs");
            let path = work.join(&name);
            File::create(&path)?.set_len(partition.size.0)?;
            let sector_size = self.request.plan.disks[at.disk].sector_size;
            self.stage.run(&self.tool(work, &esp::mkfs(partition, sector_size, &name)))?;
            images.write_volume(&Device::Partition(at), &File::open(&path)?)?;
        }
        Ok(())
    }

    fn write_boot(&self, work: &Path, images: &DiskImages) -> Result<()> {
        self.stage.note("boot code");
        let root = root_filesystem(&self.request.plan)?;
        fs::write(work.join("early.cfg"), grub::early_config(root.uuid, "/boot/grub"))?;
        self.stage
            .run(&self.tool(work, &grub::mkimage(GRUB_MODULES, "early.cfg", "/boot/grub", "core.img")))?;
        let boot_img = fs::read(self.session.tools.root().join(&GRUB_MODULES[1..]).join("boot.img"))?;
        images.write_boot(&boot_img, &fs::read(work.join("core.img"))?)
    }

    fn write_manifest(&self, images: &[PathBuf], packages: &[Package]) -> Result<()> {
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = images
            .iter()
            .map(|path| Ok((name(path), manifest::describe(path)?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        let identity = self.request.spec.identity.as_ref();
        let manifest = Manifest {
            xbuild: env!("CARGO_PKG_VERSION"),
            profile: &self.request.spec.profile,
            node: identity.map(|identity| format!("{}/{}", identity.cluster, identity.hostname)),
            source_date_epoch: self.epoch.0,
            suites: self.session.repository.suites(),
            tools: self.session.tools.cache_key(),
            kernel: KernelEntry { kind: self.request.kernel.name(), release: self.boot.kernel_release()? },
            packages,
            plan: &self.request.plan,
            files,
        };
        let path = self.request.out.join(manifest::FILE);
        let part = path.with_extension("json.partial");
        fs::write(&part, serde_json::to_string_pretty(&manifest)? + "\n")?;
        fs::rename(&part, &path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The manifest of earlier images, which are about to be replaced, and disks that this plan has no more.
fn remove_earlier(out: &Path, disks: usize) -> Result<()> {
    let extra = (disks..).map(|index| out.join(format!("disk{index}.img"))).take_while(|path| path.exists());
    let manifest = Some(out.join(manifest::FILE)).filter(|path| path.exists());
    manifest.into_iter().chain(extra).try_for_each(|path| {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    })
}

fn root_filesystem(plan: &Plan) -> Result<&Filesystem> {
    plan.filesystem_at("/").context("BUG: a plan without a root file system")
}

fn regular(path: String, bytes: Vec<u8>) -> OverlayFile {
    OverlayFile { path: path.into(), mode: 0o644, content: Content::File(bytes) }
}
