//! QEMU out of the tools tree: a machine made of disk images.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;
use crate::tools::Tools;

/// A machine to be.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its disks, the first one boots.
    pub disks: Vec<PathBuf>,
    /// MiB.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// Throw away what the machine writes.
    pub snapshot: bool,
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
    pub fn new(disks: Vec<PathBuf>) -> Self {
        Self { disks, memory: 2048, processors: 2, snapshot: false, extra: Vec::new(), shared: Vec::new() }
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
        argv.extend(
            [
                "-display",
                "none",
                "-vga",
                "std",
                "-device",
                "virtio-rng-pci",
                "-netdev",
                "user,id=net",
                "-device",
                "virtio-net-pci,netdev=net,romfile=",
            ]
            .map(str::to_owned),
        );
        let snapshot = if self.snapshot { "on" } else { "off" };
        for (index, disk) in self.disks.iter().enumerate() {
            // A comma in a path is doubled for QEMU's option syntax.
            let path = disk.display().to_string().replace(',', ",,");
            argv.push("-drive".into());
            argv.push(format!(
                "file={path},if=none,id=disk{index},format=raw,cache=unsafe,discard=unmap,snapshot={snapshot}"
            ));
            argv.push("-device".into());
            argv.push(format!("virtio-blk-pci,drive=disk{index},serial=disk{index},bootindex={index}"));
        }
        argv.extend(self.extra.iter().cloned());
        argv
    }

    /// The machine in the sandbox of the tools tree.
    #[must_use]
    pub fn sandbox(&self, tools: &Tools, accelerator: Accelerator) -> Sandbox {
        let mut run = tools.run(self.argv(accelerator)).network();
        let mut folders: Vec<&Path> = self.disks.iter().filter_map(|disk| disk.parent()).collect();
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
    use super::{Accelerator, Machine};

    #[test]
    fn kvm_needs_the_processor_and_the_device() {
        assert_eq!(Accelerator::for_processor("flags : fpu vmx sse", true), Accelerator::Kvm);
        assert_eq!(Accelerator::for_processor("flags : fpu vmx sse", false), Accelerator::Tcg);
        assert_eq!(Accelerator::for_processor("flags : fpu sse", true), Accelerator::Tcg);
    }

    #[test]
    fn disks_are_attached_in_their_order() {
        let machine =
            Machine { snapshot: true, ..Machine::new(vec!["/o/disk0.img".into(), "/o/a,b.img".into()]) };
        let line = machine.argv(Accelerator::Tcg).join(" ");
        assert!(line.contains("-cpu max,-smap,-smep -m 2048 -smp 2"));
        assert!(line.contains(
            "file=/o/disk0.img,if=none,id=disk0,format=raw,cache=unsafe,discard=unmap,snapshot=on"
        ));
        assert!(line.contains("file=/o/a,,b.img,if=none,id=disk1"));
        assert!(line.contains("virtio-blk-pci,drive=disk1,serial=disk1,bootindex=1"));
    }
}
