//! Root, boot files and a node's own files, put on the disks of a plan.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, bail};
use installer::content::{self, Additions, Part};
use installer::format::esp::esps;
use installer::format::grub::Platform;
use installer::format::{Epoch, ToolCall, esp, ext, grub, swap};
use installer::menu;
use installer::model::storage::FilesystemKind;
use installer::plan::{Device, Filesystem};
use installer::units::Bytes;

use super::{Parts, Request};
use crate::compose::disk::DiskImages;
use crate::failure::Hinted as _;
use crate::manifest::{self, FileEntry, KernelEntry, Manifest};
use crate::partial::Readers;
use crate::sandbox::Sandbox;
use crate::session::Session;
use crate::stage::Stage;
use crate::vm::Format;

const BIOS_CORE: &str = "core.img";
const EFI_CORE: &str = "grub.efi";
/// Where the scratch folder is inside the sandbox.
const WORK: &str = "/work";
/// Where the folder is in which a file system is made.
const TARGET: &str = "/target";
const MKE2FS_CONFIG: &str = "mke2fs.conf";

/// Puts the parts on the disks.
pub(super) struct Composer<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) stage: &'a Stage<'a>,
    pub(super) request: &'a Request,
    pub(super) parts: &'a Parts,
}

impl Composer<'_> {
    /// The images and, unless they are to be converted, what the manifest says of them.
    pub(super) fn compose(&self) -> Result<(Vec<PathBuf>, Vec<FileEntry>)> {
        let plan = &self.request.plan;
        let work = self.session.cache.private_scratch("image")?;
        remove_earlier(&self.request.out, plan.disks.len())?;
        let images = DiskImages::create_for(
            Readers::of(&self.request.secrets),
            plan,
            &self.request.out,
            self.epoch(),
        )?;
        images.write_metadata()?;
        fs::write(work.path().join(MKE2FS_CONFIG), ext::CONFIG)?;
        let additions = self.additions_while(|| {
            self.make_cores(work.path())?;
            self.write_esps(work.path(), &images)
        })?;
        for filesystem in &plan.filesystems {
            self.stage.note(format!("file system {}", filesystem.label));
            let what = || format!("cannot write the file system {} into the images", filesystem.label);
            self.make_filesystem(work.path(), filesystem, &additions, &images).with_context(what)?;
        }
        self.write_boot(work.path(), &images)?;
        work.remove()?;
        // From here until the new one is there, no manifest is better than that of other images.
        manifest::remove(&self.request.out)?;
        let describe = |unfinished: &[PathBuf]| match self.request.format {
            Format::Raw => manifest::describe_all(unfinished),
            Format::Qcow2 => Ok(Vec::new()),
        };
        images
            .finish(describe)
            .hint("the images need as much space as the files in them, the rest stays sparse")
    }

    /// The node's own files. Packing its initramfs keeps a processor busy for a while, in which `work` is done.
    fn additions_while(&self, work: impl FnOnce() -> Result<()>) -> Result<Additions> {
        let Request { spec, plan, overlays, secrets, .. } = self.request;
        let role = &self.parts.role;
        thread::scope(|scope| {
            let completing = scope.spawn(|| role.complete(spec, plan, overlays, secrets));
            work()?;
            let files = completing.join().unwrap_or_else(|_| bail!("the thread of the node's files died"))?;
            Ok(Additions::new(files, spec.access.root_password_hash.clone()))
        })
    }

    /// Turns a finished image into QEMU's format. One thread, so that clusters lie in one order.
    pub(super) fn convert(&self, raw: &Path) -> Result<PathBuf> {
        self.stage.note("qcow2");
        let out = &self.request.out.canonicalize()?;
        let name = raw.with_extension(Format::Qcow2.extension());
        let part = raw.with_extension("qcow2.partial");
        // It is written into the file that is there, and leaves its mode alone.
        drop(self.new_file(&part)?);
        let inside = |path: &Path| format!("/out/{}", path.file_name().unwrap_or_default().to_string_lossy());
        let convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-m", "1"].map(str::to_owned);
        let convert = convert.into_iter().chain([inside(raw), inside(&part)]);
        self.stage.run(&self.session.tools.run(convert).bind(out, "/out"))?;
        fs::rename(&part, &name).with_context(|| format!("cannot write {}", name.display()))?;
        fs::remove_file(raw).with_context(|| format!("cannot remove {}", raw.display()))?;
        Ok(name)
    }

    /// An empty file for those who may read the images.
    fn new_file(&self, path: &Path) -> Result<File> {
        let cannot = || format!("cannot write {}", path.display());
        if path.exists() {
            fs::remove_file(path).with_context(cannot)?;
        }
        let mut options = File::options();
        options.write(true).create_new(true).mode(Readers::of(&self.request.secrets).mode());
        options.open(path).with_context(cannot)
    }

    fn epoch(&self) -> Epoch {
        self.parts.role.epoch()
    }

    fn grub_file(&self, platform: Platform, name: &str) -> PathBuf {
        self.session.tools.root().join(&platform.modules()[1..]).join(name)
    }

    fn tool(&self, work: &Path, call: &ToolCall) -> Sandbox {
        let run = self.session.tools.run(call.argv.iter().cloned()).bind(work, WORK).chdir(WORK).no_sync();
        call.env.iter().fold(run, |run, (name, value)| run.env(name, value))
    }

    /// In its place on the first disk that has it, where that is one piece; else in a file of its own, from where it is
    /// dealt out.
    fn make_filesystem(
        &self,
        work: &Path,
        filesystem: &Filesystem,
        additions: &Additions,
        images: &DiskImages,
    ) -> Result<()> {
        let place = images.place(&filesystem.on)?;
        if let (FilesystemKind::Ext4, Some((image, offset))) = (filesystem.kind, place) {
            self.fill_ext4(work, filesystem, (&image, offset), additions)?;
            return images.mirror(&filesystem.on);
        }
        let name = format!("{}.fs", filesystem.label);
        let path = work.join(&name);
        File::create(&path)?.set_len(filesystem.size.0)?;
        match filesystem.kind {
            FilesystemKind::Swap => self.stage.run(&self.tool(work, &swap::mkswap(filesystem, &name)))?,
            FilesystemKind::Ext4 => self.fill_ext4(work, filesystem, (&path, Bytes::ZERO), additions)?,
        }
        let content = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        images.write_volume(&filesystem.on, &content)
    }

    fn fill_ext4(
        &self,
        work: &Path,
        filesystem: &Filesystem,
        (image, offset): (&Path, Bytes),
        additions: &Additions,
    ) -> Result<()> {
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let target = format!("{TARGET}/{name}");
        let call = ext::mke2fs(filesystem, Some("-"), (&target, offset), MKE2FS_CONFIG, self.epoch());
        let folder = image.parent().unwrap_or(work).canonicalize()?;
        let run = self.tool(work, &call).bind(&folder, TARGET);
        let mounts: Vec<&str> =
            self.request.plan.filesystems.iter().filter_map(|other| other.mount.as_deref()).collect();
        let mount = filesystem.mount.as_deref().context("a file system without a mount point")?;
        let part = Part::new(mount, &mounts);
        let tar = std::io::BufReader::with_capacity(1 << 20, File::open(self.parts.rootfs.tar())?);
        self.stage
            .run_fed(&run, |out| content::write(tar, &part, additions, self.epoch(), out))
            .with_context(|| format!("cannot make the file system for {mount}"))
            .hint_unless_full("if it is too small for its content, raise its `min` in the layout")
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
                for call in esp::fill(&name, EFI_CORE, self.epoch()) {
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
        let folder = menu::folder(plan);
        fs::write(work.join("early.cfg"), grub::early_config(menu::filesystem(plan)?.uuid, folder))?;
        for platform in Platform::of(plan.firmware) {
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

    pub(super) fn write_manifest(&self, images: &[PathBuf], described: Vec<FileEntry>) -> Result<()> {
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = images.iter().map(name).zip(described).collect();
        let identity = self.request.spec.identity.as_ref();
        let manifest = Manifest {
            xbuild: env!("CARGO_PKG_VERSION"),
            profile: &self.request.spec.profile,
            node: identity.map(|identity| format!("{}/{}", identity.cluster, identity.hostname)),
            source_date_epoch: self.epoch().0,
            suites: self.session.repository.suites(),
            tools: self.session.tools.cache_key(),
            kernel: KernelEntry {
                kind: self.request.kernel.name(),
                release: self.parts.role.facts.kernel_release.clone(),
            },
            packages: &self.parts.packages,
            plan: &self.request.plan,
            files,
        };
        let path = self.request.out.join(manifest::FILE);
        let part = path.with_extension("json.partial");
        // It has a hash of each image. With that, a password that somebody has thought up could be guessed at.
        self.new_file(&part)?.write_all((serde_json::to_string_pretty(&manifest)? + "\n").as_bytes())?;
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
