//! QEMU out of the tools tree: a machine made of disk images.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;
use crate::tools::Tools;

/// A disk of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The image.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// Bytes of a logical sector.
    pub sector_size: u64,
}

/// How an image file holds a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Byte for byte, with holes; for `dd`.
    Raw,
    /// QEMU's format; without holes, for copying around.
    Qcow2,
}

impl Format {
    /// The end of an image's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Raw => "img",
            Self::Qcow2 => "qcow2",
        }
    }

    /// As QEMU calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// What starts the boot loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Firmware {
    /// `SeaBIOS`.
    Bios,
    /// OVMF, with no boot entries.
    Uefi,
}

impl Firmware {
    /// Paths are the tools tree's. Variables are forgotten at the end.
    fn arguments(self) -> Vec<String> {
        let flash = |file: &str, how: &str| {
            ["-drive".to_owned(), format!("if=pflash,format=raw,{how},file=/usr/share/OVMF/{file}")]
        };
        match self {
            Self::Bios => Vec::new(),
            Self::Uefi => {
                [flash("OVMF_CODE_4M.fd", "readonly=on"), flash("OVMF_VARS_4M.fd", "snapshot=on")].concat()
            }
        }
    }
}

/// What a machine starts over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netboot {
    /// An address, or the name of a file that TFTP serves.
    pub file: String,
    /// The folder that TFTP serves; it must be below `shared`.
    pub tftp: Option<PathBuf>,
}

/// A machine to be.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its disks, the first one boots.
    pub disks: Vec<Drive>,
    /// What boots them.
    pub firmware: Firmware,
    /// MiB.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// Throw away what the machine writes.
    pub snapshot: bool,
    /// The MAC of its network card; none is QEMU's own.
    pub mac: Option<String>,
    /// It has a network card that leads out through the host; otherwise none but what `extra` brings.
    pub outward: bool,
    /// What its network card is told to start, after the disks.
    pub netboot: Option<Netboot>,
    /// Further arguments of QEMU; host paths in them must be below `shared`.
    pub extra: Vec<String>,
    /// Folders that QEMU sees under their own names.
    pub shared: Vec<PathBuf>,
}

/// How the processor is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The host's own.
    Kvm,
    /// Emulated, by one thread per processor. Without SMAP and SMEP: with them Xen's dom0 dies under emulation.
    Tcg,
}

impl Accelerator {
    /// KVM where the processor has it and the device is there: the device alone proves nothing, it can hang.
    #[must_use]
    pub fn of_host() -> Self {
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self::for_processor(&flags, Path::new("/dev/kvm").exists())
    }

    fn for_processor(cpuinfo: &str, device: bool) -> Self {
        let capable = cpuinfo.split_whitespace().any(|flag| flag == "vmx" || flag == "svm");
        if capable && device { Self::Kvm } else { Self::Tcg }
    }

    fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", "max,-smap,-smep"],
        }
    }
}

impl Machine {
    /// These disks, enough memory for Xen and dom0.
    #[must_use]
    pub fn new(disks: Vec<Drive>) -> Self {
        Self {
            disks,
            firmware: Firmware::Bios,
            memory: 2048,
            processors: 2,
            snapshot: false,
            mac: None,
            outward: true,
            netboot: None,
            extra: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// QEMU's command line, without what serial ports and the display do.
    #[must_use]
    pub fn argv(&self, accelerator: Accelerator) -> Vec<String> {
        let mut argv: Vec<String> = vec![
            "qemu-system-x86_64".into(),
            "-machine".into(),
            "q35".into(),
            "-nodefaults".into(),
            "-no-user-config".into(),
        ];
        argv.extend(accelerator.arguments().map(str::to_owned));
        argv.extend(["-m".into(), self.memory.to_string(), "-smp".into(), self.processors.to_string()]);
        argv.extend(["-display", "none", "-vga", "std", "-device", "virtio-rng-pci"].map(str::to_owned));
        if self.outward {
            argv.extend(self.card());
        }
        let snapshot = if self.snapshot { "on" } else { "off" };
        for (index, disk) in self.disks.iter().enumerate() {
            // A comma in a path is doubled for QEMU's option syntax.
            let path = disk.path.display().to_string().replace(',', ",,");
            argv.push("-drive".into());
            argv.push(format!(
                "file={path},if=none,id=disk{index},format={},cache=unsafe,discard=unmap,snapshot={snapshot}",
                disk.format.name()
            ));
            argv.push("-device".into());
            let sector = disk.sector_size;
            argv.push(format!(
                "virtio-blk-pci,drive=disk{index},serial=disk{index},bootindex={},\
                 logical_block_size={sector},physical_block_size={sector}",
                // Before the disks comes what `extra` brings.
                index + 1
            ));
        }
        argv.extend(self.firmware.arguments());
        argv.extend(self.extra.iter().cloned());
        argv
    }

    /// A card without its boot ROM, unless it has something to start; then after the disks.
    fn card(&self) -> [String; 4] {
        let mut card = "virtio-net-pci,netdev=net".to_owned();
        self.mac.iter().for_each(|mac| card.push_str(&format!(",mac={mac}")));
        let mut net = "user,id=net".to_owned();
        match &self.netboot {
            None => card.push_str(",romfile="),
            Some(netboot) => {
                card.push_str(&format!(",bootindex={}", self.disks.len() + 1));
                net.push_str(&format!(",bootfile={}", netboot.file));
                netboot.tftp.iter().for_each(|folder| net.push_str(&format!(",tftp={}", folder.display())));
            }
        }
        ["-netdev".to_owned(), net, "-device".to_owned(), card]
    }

    /// The machine in the sandbox of the tools tree.
    #[must_use]
    pub fn sandbox(&self, tools: &Tools, accelerator: Accelerator) -> Sandbox {
        let mut run = tools.run(self.argv(accelerator)).network();
        let mut folders: Vec<&Path> = self.disks.iter().filter_map(|disk| disk.path.parent()).collect();
        folders.extend(self.shared.iter().map(PathBuf::as_path));
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            run = run.bind(folder, &folder.display().to_string());
        }
        // What a snapshot throws away; QEMU takes /var/tmp where this says /tmp, and the tree is read-only.
        run = run.bind_read_only(Path::new("/etc/resolv.conf"), "/etc/resolv.conf").env("TMPDIR", "/run");
        if accelerator == Accelerator::Kvm { run.bind(Path::new("/dev/kvm"), "/dev/kvm") } else { run }
    }
}

#[cfg(test)]
mod tests {
    use super::{Accelerator, Drive, Firmware, Format, Machine};

    fn drive(path: &str, sector_size: u64) -> Drive {
        Drive { path: path.into(), format: Format::Raw, sector_size }
    }

    #[test]
    fn kvm_needs_the_processor_and_the_device() {
        assert_eq!(Accelerator::for_processor("flags : fpu vmx sse", true), Accelerator::Kvm);
        assert_eq!(Accelerator::for_processor("flags : fpu vmx sse", false), Accelerator::Tcg);
        assert_eq!(Accelerator::for_processor("flags : fpu sse", true), Accelerator::Tcg);
    }

    #[test]
    fn disks_are_attached_in_their_order() {
        let disks = vec![drive("/o/disk0.img", 512), drive("/o/a,b.img", 4096)];
        let machine = Machine { snapshot: true, firmware: Firmware::Uefi, ..Machine::new(disks) };
        let line = machine.argv(Accelerator::Tcg).join(" ");
        assert!(line.contains("-cpu max,-smap,-smep -m 2048 -smp 2"));
        assert!(line.contains(
            "file=/o/disk0.img,if=none,id=disk0,format=raw,cache=unsafe,discard=unmap,snapshot=on"
        ));
        assert!(line.contains("file=/o/a,,b.img,if=none,id=disk1"));
        assert!(line.contains("virtio-blk-pci,drive=disk1,serial=disk1,bootindex=2,logical_block_size=4096"));
        assert!(line.contains("if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"));
    }
}
