//! Looking at one disk.

use super::ProbeFailed;
use super::tree::Tree;
use crate::facts::by_path::{Numbers, by_path};
use crate::facts::content::{self, Content};
use crate::facts::found::Found;
use crate::facts::table::{self, Piece, Table};
use crate::facts::usage::{Usage, holder};
use crate::facts::{DiskFacts, DiskLabel, attribute, boot_code, vpd};
use crate::host::{Command, Run, failed};
use crate::units::SectorSize;

/// Devices with media of their own kind: optical and floppy drives, raw flash, the boot areas of eMMC.
const NO_DISKS: [&str; 3] = ["sr", "fd", "mtdblock"];
/// An MBR.
const MBR: u64 = 512;

/// One entry of `/sys/block`.
pub(super) struct Probe<'a> {
    pub(super) sys: &'a Tree,
    pub(super) dev: &'a Tree,
    pub(super) usage: &'a Usage,
    pub(super) name: &'a str,
}

impl Probe<'_> {
    /// The disk; none if it is none, or has no medium.
    pub(super) fn look(&self, host: &mut dyn Run) -> Result<Option<Found>, ProbeFailed> {
        let Some(facts) = self.facts() else { return Ok(None) };
        let partitions = self.partitions();
        let mut found = Found { read_only: self.flag("ro").unwrap_or(false), ..Found::blank(facts) };
        found.in_use = self.in_use(&partitions);
        found.unreadable = self.sector_size().err();
        match self.dev.start(&self.node(), MBR) {
            Ok(sector) => found.our_boot_code = boot_code::is_grub(&sector),
            Err(error) => found.unreadable = found.unreadable.or(Some(error.to_string())),
        }
        let devices = [self.device()].into_iter().chain(partitions.iter().map(|piece| piece.device.clone()));
        for device in devices {
            match contents(&device, host)? {
                Ok(contents) => found.contents.extend(contents),
                Err(because) => found.unreadable = found.unreadable.or(Some(because)),
            }
        }
        if found.contents.iter().any(|content| content.is_table() && content.device == found.facts.name) {
            found.table = table(&found.facts.name, host)?;
        }
        Ok(Some(Found { partitions, ..found }))
    }

    /// Below `/dev`; the kernel writes a slash as `!`.
    fn node(&self) -> String {
        self.name.replace('!', "/")
    }

    fn device(&self) -> String {
        format!("/dev/{}", self.node())
    }

    fn at(&self, attribute: &str) -> String {
        format!("block/{}/{attribute}", self.name)
    }

    fn text(&self, attribute: &str) -> Option<String> {
        self.sys.text(&self.at(attribute))
    }

    fn bytes(&self, attribute: &str) -> Option<Vec<u8>> {
        self.sys.bytes(&self.at(attribute))
    }

    fn flag(&self, attribute: &str) -> Option<bool> {
        self.sys.flag(&self.at(attribute))
    }

    /// A disk has a device behind it: loops, arrays, volumes and memory have none.
    fn is_disk(&self) -> bool {
        let is_other = NO_DISKS.iter().any(|other| self.name.starts_with(other))
            || self.name.starts_with("mmcblk") && self.name.contains("boot");
        !is_other && self.sys.has(&self.at("device")) && self.flag("hidden") != Some(true)
    }

    fn facts(&self) -> Option<DiskFacts> {
        let size = attribute::sectors(&self.text("size")?).filter(|size| size.0 > 0 && self.is_disk())?;
        let sector_size = self.sector_size().unwrap_or(SectorSize::B512);
        Some(DiskFacts { label: self.label(), ..DiskFacts::new(self.device(), size, sector_size) })
    }

    fn sector_size(&self) -> Result<SectorSize, String> {
        match self.text("queue/logical_block_size").unwrap_or_default().as_str() {
            "512" => Ok(SectorSize::B512),
            "4096" => Ok(SectorSize::B4096),
            other => Err(format!("its sectors have {other} bytes, and we know 512 and 4096")),
        }
    }

    fn label(&self) -> DiskLabel {
        let model = self.bytes("device/vpd_pg89").and_then(|page| vpd::ata_model(&page));
        let model = model.or_else(|| self.text("device/model")).or_else(|| self.text("device/name"));
        let wwid = self.text("wwid").or_else(|| self.text("device/wwid"));
        DiskLabel {
            serial: self.serial().unwrap_or_default(),
            wwn: wwid.and_then(|wwid| vpd::wwn(&wwid)).unwrap_or_default(),
            model: model.unwrap_or_default(),
            path: self.path().unwrap_or_default(),
            rotational: self.flag("queue/rotational"),
        }
    }

    /// virtio, SCSI and ATA, NVMe and eMMC, and what a USB bridge says for a disk that says nothing.
    fn serial(&self) -> Option<String> {
        let page = || self.bytes("device/vpd_pg80").and_then(|page| vpd::serial(&page));
        self.text("serial").or_else(page).or_else(|| self.text("device/serial")).or_else(|| self.usb_serial())
    }

    fn usb_serial(&self) -> Option<String> {
        let place = self.sys.place(&self.at(""))?;
        let mut folder = place.as_str();
        while let Some((parent, _)) = folder.rsplit_once('/') {
            if self.sys.has(&format!("{parent}/idVendor")) {
                return self.sys.text(&format!("{parent}/serial"));
            }
            folder = parent;
        }
        None
    }

    fn path(&self) -> Option<String> {
        let place = self.sys.place(&self.at(""))?;
        let port = place.split('/').find(|part| part.strip_prefix("ata").is_some_and(is_number));
        let numbers = Numbers {
            ata_port: port.and_then(|port| self.sys.number(&format!("class/ata_port/{port}/port_no"))),
            first_host: self.first_host(&place),
            namespace: self.sys.number(&self.at("nsid")),
        };
        by_path(&place, &numbers)
    }

    fn first_host(&self, place: &str) -> Option<u32> {
        let host = |part: &str| part.strip_prefix("host").and_then(|number| number.parse().ok());
        let above: Vec<&str> = place.split('/').take_while(|part| host(part).is_none()).collect();
        self.sys.names(&above.join("/")).iter().filter_map(|name| host(name)).min()
    }

    fn partitions(&self) -> Vec<Piece> {
        let piece = |name: String| {
            let at = self.at(&name);
            let number = self.sys.number(&format!("{at}/partition"))?;
            let [start, size] =
                ["start", "size"].map(|value| attribute::sectors(&self.sys.text(&format!("{at}/{value}"))?));
            let device = format!("/dev/{}", name.replace('!', "/"));
            Some((number, Piece { device, start: start?, size: size? }))
        };
        let mut pieces: Vec<(u32, Piece)> =
            self.sys.names(&self.at("")).into_iter().filter_map(piece).collect();
        pieces.sort_by_key(|(number, _)| *number);
        pieces.into_iter().map(|(_, piece)| piece).collect()
    }

    fn in_use(&self, partitions: &[Piece]) -> Option<String> {
        let mut uses = self.usage.of(&self.device(), &self.holders("holders"));
        for piece in partitions {
            let name = piece.device.strip_prefix("/dev/").unwrap_or(&piece.device).replace('/', "!");
            uses.extend(self.usage.of(&piece.device, &self.holders(&format!("{name}/holders"))));
        }
        (!uses.is_empty()).then(|| uses.join(", "))
    }

    fn holders(&self, folder: &str) -> Vec<String> {
        let called = |name: String| holder(&name, self.sys.text(&format!("block/{name}/dm/name")).as_deref());
        self.sys.names(&self.at(folder)).into_iter().map(called).collect()
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a program has said, or why it could not read the device; that it is not there at all is an error.
fn said(command: &Command, host: &mut dyn Run) -> Result<Result<String, String>, ProbeFailed> {
    let output = host.output(command)?;
    Ok(if output.succeeded() { Ok(output.stdout) } else { Err(failed(command, &output).to_string()) })
}

fn contents(device: &str, host: &mut dyn Run) -> Result<Result<Vec<Content>, String>, ProbeFailed> {
    let command = content::list(device);
    let report = match said(&command, host)? {
        Ok(report) => report,
        Err(because) => return Ok(Err(because)),
    };
    content::parse(device, &report).map(Ok).map_err(|because| not_understood(&command, because))
}

/// A table that sfdisk does not take is still content, only one that nobody can read.
fn table(disk: &str, host: &mut dyn Run) -> Result<Option<Table>, ProbeFailed> {
    let command = table::show(disk);
    let Ok(report) = said(&command, host)? else { return Ok(None) };
    table::parse(&report).map(Some).map_err(|because| not_understood(&command, because))
}

fn not_understood(command: &Command, because: String) -> ProbeFailed {
    ProbeFailed::Output { command: command.to_string(), because }
}
