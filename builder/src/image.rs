//! `xbuild image`: from a node and its disks to image files that boot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use installer::context::{Context, Mirrors};
use installer::identity;
use installer::model::node::{Layer, NodeSpec};
use installer::model::storage::FilesystemKind;
use installer::overlay::{self, Content, OverlayFile};
use installer::plan::{Device, Filesystem, Plan};

use crate::bootfiles::probe::{self, Probe};
use crate::bootfiles::{self, BootFiles, blank};
use crate::compose::content::{Additions, Part};
use crate::compose::disk::{DiskImages, esps};
use crate::compose::grub::Platform;
use crate::compose::{Epoch, ToolCall, content, esp, ext, grub, swap};
use crate::debian::{Archive, CODENAME, Package};
use crate::failure::{Hinted as _, with_hint};
use crate::lock::NodePackages;
use crate::manifest::{self, KernelEntry, Manifest};
use crate::rootfs::{self, Deb, Rootfs};
use crate::sandbox::Sandbox;
use crate::session::Session;
use crate::stage::Stage;
use crate::vm::Format;
use crate::{initrd, publish};

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
const BIOS_CORE: &str = "core.img";
const EFI_CORE: &str = "grub.efi";
/// Where the scratch folder is inside the sandbox.
const WORK: &str = "/work";

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
    let source = format!(
        "Types: deb\nURIs: file:/{}\nSuites: {CODENAME}\nComponents: main\nSigned-By: /{}\n",
        publish::FOLDER,
        publish::KEY
    );
    let entries = publish::publish(ours, &session.key, epoch)?.into_iter();
    let mut files: Vec<_> =
        entries.map(|(path, bytes)| regular(format!("{}/{path}", publish::FOLDER), bytes)).collect();
    files.push(regular(publish::KEY.to_owned(), session.key.public()?.into_bytes()));
    files.push(regular("etc/apt/sources.list.d/xbuild.sources".to_owned(), source.into_bytes()));
    Ok(files)
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
    let (probe, initrd) = (Probe::of(&request.plan)?, request.plan.initrd);
    let recipe = bootfiles::Recipe { rootfs, settings: &settings, probe, initrd, epoch };
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
        self.make_cores(work.path())?;
        self.write_esps(work.path(), &images)?;
        self.write_boot(work.path(), &images)?;
        work.remove()?;
        // From here until the new one is there, no manifest is better than that of other images.
        manifest::remove(&self.request.out)?;
        images.finish().hint("the images need as much space as the files in them, the rest stays sparse")
    }

    /// Turns a finished image into QEMU's format. One thread, so that clusters lie in one order.
    fn convert(&self, raw: &Path) -> Result<PathBuf> {
        self.stage.note("qcow2");
        let out = &self.request.out.canonicalize()?;
        let name = raw.with_extension(Format::Qcow2.extension());
        let part = raw.with_extension("qcow2.partial");
        let inside = |path: &Path| format!("/out/{}", path.file_name().unwrap_or_default().to_string_lossy());
        let convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-m", "1"].map(str::to_owned);
        let convert = convert.into_iter().chain([inside(raw), inside(&part)]);
        self.stage.run(&self.session.tools.run(convert).bind(out, "/out"))?;
        fs::rename(&part, &name).with_context(|| format!("cannot write {}", name.display()))?;
        fs::remove_file(raw).with_context(|| format!("cannot remove {}", raw.display()))?;
        Ok(name)
    }

    /// The node's initramfs and menu, and the modules that GRUB loads by itself.
    fn boot_additions(&self, files: &[OverlayFile]) -> Result<Vec<OverlayFile>> {
        let mut additions = vec![regular("boot/grub/grub.cfg".to_owned(), self.menu()?.into_bytes())];
        if let Some(role) = self.boot.initrd() {
            let name = format!("boot/initrd.img-{}", self.boot.kernel_release()?);
            additions.push(regular(name, initrd::for_node(&role, files, self.epoch.0)?));
        }
        for platform in self.platforms() {
            additions.extend(self.grub_modules(platform)?);
        }
        Ok(additions)
    }

    /// What the boot disks' firmware may be.
    fn platforms(&self) -> Vec<Platform> {
        let firmware = self.request.plan.firmware;
        let wanted = [(Platform::Pc, firmware.has_bios()), (Platform::Efi, firmware.has_uefi())];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(platform, _)| platform).collect()
    }

    fn grub_file(&self, platform: Platform, name: &str) -> PathBuf {
        self.session.tools.root().join(&platform.modules()[1..]).join(name)
    }

    fn grub_modules(&self, platform: Platform) -> Result<Vec<OverlayFile>> {
        let mut modules = Vec::new();
        for entry in fs::read_dir(self.grub_file(platform, ""))? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "mod" || end == "lst") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                modules.push(regular(format!("boot/grub/{}/{name}", platform.name()), fs::read(&path)?));
            }
        }
        Ok(modules)
    }

    /// The role's menu with this node's values in its blanks.
    fn menu(&self) -> Result<String> {
        let context = context(self.session, self.request);
        let menu = probe::fill(&self.boot.menu()?, &self.request.plan)?;
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
            if self.request.plan.firmware.has_uefi() {
                for call in esp::fill(&name, EFI_CORE, self.epoch) {
                    self.stage.run(&self.tool(work, &call))?;
                }
            }
            images.write_volume(&Device::Partition(at), &File::open(&path)?)?;
        }
        Ok(())
    }

    /// GRUB for each firmware, which finds the file system with its menu by the UUID.
    fn make_cores(&self, work: &Path) -> Result<()> {
        let plan = &self.request.plan;
        let folder = Probe::of(plan)?.grub_folder();
        let boot = plan.filesystem_at("/boot").map_or_else(|| root_filesystem(plan), Ok)?;
        fs::write(work.join("early.cfg"), grub::early_config(boot.uuid, folder))?;
        for platform in self.platforms() {
            let core = match platform {
                Platform::Pc => BIOS_CORE,
                Platform::Efi => EFI_CORE,
            };
            self.stage.run(&self.tool(work, &grub::mkimage(platform, "early.cfg", folder, core)))?;
        }
        Ok(())
    }

    fn write_boot(&self, work: &Path, images: &DiskImages) -> Result<()> {
        self.stage.note("boot code");
        if !self.request.plan.firmware.has_bios() {
            return Ok(());
        }
        let boot_img = fs::read(self.grub_file(Platform::Pc, "boot.img"))?;
        images.write_boot(&boot_img, &fs::read(work.join(BIOS_CORE))?)
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
    let image = |index, format: Format| out.join(format!("disk{index}.{}", format.extension()));
    let further = (disks..).map(|index| image(index, Format::Raw)).take_while(|path| path.exists());
    let converted = (0..).map(|index| image(index, Format::Qcow2)).take_while(|path| path.exists());
    let manifest = Some(out.join(manifest::FILE)).filter(|path| path.exists());
    manifest.into_iter().chain(further).chain(converted).try_for_each(|path| {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    })
}

fn root_filesystem(plan: &Plan) -> Result<&Filesystem> {
    plan.filesystem_at("/").context("BUG: a plan without a root file system")
}

fn regular(path: String, bytes: Vec<u8>) -> OverlayFile {
    OverlayFile { path: path.into(), mode: 0o644, content: Content::File(bytes) }
}
