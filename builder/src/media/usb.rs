//! A stick: one image for BIOS and UEFI, to be written with `dd`.
//!
//! GPT with a BIOS boot partition and an EFI system partition, which holds everything: any system can look into it, and
//! one file system serves both firmwares. It is written at its place in the image by `mkfs.vfat` and mtools.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Result;
use installer::format::grub::{self, Platform};
use installer::format::{Epoch, gpt};
use installer::medium::LABEL;
use installer::plan::{Disk, Partition, PartitionKind};
use installer::units::{Bytes, SectorSize};
use std::os::unix::fs::FileExt as _;
use uuid::Uuid;

use crate::partial::{Partial, Readers};
use crate::session::Session;
use crate::stage::Stage;

const SECTOR: u64 = 512;
const CORE: Bytes = Bytes::MIB;
const CONTENT: Bytes = Bytes(2 << 20);
/// Of the file system beyond its content: its tables, half filled clusters, and room for an install's log.
const SLACK: u64 = 64 << 20;
/// So that a FAT32 it is: with fewer clusters it would be something else.
const SMALLEST: u64 = 512 << 20;
const NAMESPACE: Uuid = Uuid::from_u128(0x5a27_3d4c_93b1_4c57_9d60_6b1f_0c4f_2e11);

/// Makes the image at `out`, for these readers, from a folder that holds what is to be on the stick.
///
/// # Errors
/// When a tool fails or there is no room.
pub fn make(
    session: &Session,
    stage: &Stage,
    folder: &Path,
    epoch: Epoch,
    (out, readers): (&Path, Readers),
) -> Result<()> {
    let work = session.cache.scratch("stick")?;
    let disk = disk(tree_size(folder)?);
    let image = Partial::create(out.to_owned(), disk.size, readers)?;
    gpt::write(&disk, image.file())?;
    make_cores(session, stage, folder, work.path())?;
    fill(session, stage, (folder, epoch), (&disk, &image.partial_path()))?;
    write_boot(session, work.path(), image.file())?;
    image.sync()?;
    work.remove()?;
    image.rename().map(drop)
}

fn disk(content: u64) -> Disk {
    let size = Bytes((content + content / 16 + SLACK).max(SMALLEST).next_multiple_of(Bytes::MIB.0));
    let id = |name: &str| Uuid::new_v5(&NAMESPACE, name.as_bytes());
    let partition = |number, name: &str, kind, start, size| Partition {
        number,
        name: name.to_owned(),
        kind,
        guid: id(name),
        start,
        size,
    };
    Disk {
        name: "stick".to_owned(),
        group: "stick".to_owned(),
        size: CONTENT + size + Bytes::MIB,
        sector_size: SectorSize::B512,
        guid: id("disk"),
        boot: true,
        partitions: vec![
            partition(14, "bios", PartitionKind::BiosBoot, CORE, CONTENT - CORE),
            partition(15, "esp", PartitionKind::Esp, CONTENT, size),
        ],
    }
}

/// What the files in a tree have, each rounded up to a cluster.
fn tree_size(folder: &Path) -> Result<u64> {
    const CLUSTER: u64 = 4096;
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        size += if found.is_dir() {
            CLUSTER + tree_size(&entry.path())?
        } else {
            found.len().next_multiple_of(CLUSTER)
        };
    }
    Ok(size)
}

/// GRUB for both firmwares; it finds the stick by its label, and there its menu.
fn make_cores(session: &Session, stage: &Stage, folder: &Path, work: &Path) -> Result<()> {
    let early = format!("search --no-floppy --label --set=root {LABEL}\nset prefix=($root)/grub\n");
    fs::write(work.join("early.cfg"), early)?;
    for (platform, core) in [(Platform::Pc, "core.img"), (Platform::Efi, "grub.efi")] {
        let call = grub::mkimage(platform, "early.cfg", "/grub", core).with_arguments(["chain"]);
        stage.run(&session.tools.run(call.argv).bind(work, "/work").chdir("/work"))?;
    }
    let efi = folder.join("EFI/BOOT");
    fs::create_dir_all(&efi)?;
    fs::copy(work.join("grub.efi"), efi.join("BOOTX64.EFI"))?;
    Ok(())
}

fn fill(
    session: &Session,
    stage: &Stage,
    (folder, epoch): (&Path, Epoch),
    (disk, image): (&Disk, &Path),
) -> Result<()> {
    let (out, name) = (image.parent().unwrap_or(Path::new(".")).canonicalize()?, image.file_name());
    let name = format!("/out/{}", name.unwrap_or_default().to_string_lossy());
    let esp = &disk.partitions[1];
    let mut mkfs = vec!["mkfs.vfat".to_owned(), "-F".into(), "32".into(), "--invariant".into()];
    mkfs.extend(["-n", LABEL, "--offset"].map(str::to_owned));
    mkfs.extend([(esp.start.0 / SECTOR).to_string(), name.clone(), (esp.size.0 >> 10).to_string()]);
    stage.run(&session.tools.run(mkfs).bind(&out, "/out"))?;
    let place = format!("{name}@@{}", esp.start.0);
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(format!("/content/{}", entry?.file_name().to_string_lossy()));
    }
    names.sort_unstable();
    let copy = ["mcopy", "-s", "-m", "-i", &place].map(str::to_owned).into_iter().chain(names);
    let copy = session.tools.run(copy.chain(["::/".to_owned()])).bind(&out, "/out");
    stage.run(&copy.bind_read_only(folder, "/content").env("SOURCE_DATE_EPOCH", &epoch.0.to_string()))
}

fn write_boot(session: &Session, work: &Path, file: &File) -> Result<()> {
    let modules = Platform::Pc.modules();
    let boot = fs::read(session.tools.root().join(&modules[1..]).join("boot.img"))?;
    let core = fs::read(work.join("core.img"))?;
    for piece in [grub::core(&core, CORE, CONTENT - CORE)?, grub::boot_code(&boot, CORE)?] {
        file.write_all_at(&piece.bytes, piece.at.0)?;
    }
    Ok(())
}
