//! What a node's machine is made of, and how QEMU is told.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::agent;
use crate::vm;

/// MiB of a machine: enough for Xen, dom0 and one small guest.
pub const MEMORY: u32 = 1536;
/// Processors of a machine.
pub const PROCESSORS: u32 = 1;

/// A machine to be.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// The node's name.
    pub node: String,
    /// What stands on the machine, if the cluster file says it.
    pub serial: Option<String>,
    /// What boots it.
    pub firmware: vm::Firmware,
    /// Its network cards.
    pub cards: Vec<Card>,
    /// Its disks, the first one boots.
    pub disks: Vec<Disk>,
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its MAC address.
    pub mac: String,
    /// The interface of the node that it belongs to, which names the switch as well.
    pub network: String,
    /// The number of its port on the switch.
    pub port: usize,
}

/// A disk: an image that stays as it was made, and beside it what the node has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The image.
    pub image: PathBuf,
    /// What the node writes, in qcow2.
    pub overlay: PathBuf,
    /// Bytes of a logical sector.
    pub sector_size: u64,
}

/// Paths of the sockets of one node, in a folder whose name is short: a socket's path has at most 107 bytes.
#[derive(Clone, Debug)]
pub struct Sockets {
    folder: PathBuf,
    node: String,
}

impl Sockets {
    /// Those of a node.
    #[must_use]
    pub fn new(folder: &Path, node: &str) -> Self {
        Self { folder: folder.to_owned(), node: node.to_owned() }
    }

    /// Where QEMU finds what: `qmp`, `agent`, `console`; cards have [their own](Self::card).
    #[must_use]
    pub fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}", self.node))
    }

    /// The two ends of a card: the switch's and QEMU's.
    #[must_use]
    pub fn card(&self, number: usize) -> [PathBuf; 2] {
        ["switch", "card"].map(|end| self.path(&format!("{number}.{end}")))
    }
}

impl Hardware {
    /// The machine, switched off as long as nobody switches it on. It keeps `log` of its console.
    #[must_use]
    pub fn machine(&self, sockets: &Sockets, log: &Path) -> vm::Machine {
        let mut shared = vec![sockets.folder.clone()];
        let files = self.disks.iter().flat_map(|disk| [disk.image.as_path(), disk.overlay.as_path()]);
        shared.extend(files.chain([log]).filter_map(Path::parent).map(Path::to_owned));
        vm::Machine {
            memory: MEMORY,
            processors: PROCESSORS,
            firmware: self.firmware,
            outward: false,
            extra: self.arguments(sockets, log),
            shared,
            ..vm::Machine::new(Vec::new())
        }
    }

    /// Whoever listens at a socket is there before QEMU; QEMU listens at the console for whoever comes.
    fn arguments(&self, sockets: &Sockets, log: &Path) -> Vec<String> {
        let path = |what| doubled(&sockets.path(what));
        // Without power until somebody gives it; what shuts down stays where it is, to be switched on again.
        let mut words = vec!["-S".to_owned(), "-no-shutdown".to_owned()];
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        add("-chardev", format!("socket,id=qmp,path={}", path("qmp")));
        add("-mon", "chardev=qmp,mode=control".to_owned());
        let log = doubled(log);
        add(
            "-chardev",
            format!(
                "socket,id=console,path={},server=on,wait=off,logfile={log},logappend=on",
                path("console")
            ),
        );
        add("-serial", "chardev:console".to_owned());
        add("-device", "virtio-serial-pci".to_owned());
        add("-chardev", format!("socket,id=agent,path={}", path("agent")));
        add("-device", format!("virtserialport,chardev=agent,name={}", agent::PORT));
        let serial = self.serial.iter().map(|serial| format!("type=1,serial={serial}"));
        serial.chain(agent::CREDENTIALS.map(credential)).for_each(|value| add("-smbios", value));
        let cards = (0..).zip(&self.cards).flat_map(|(number, card)| card.arguments(number, sockets));
        words.extend(cards);
        words.extend((0..).zip(&self.disks).flat_map(|(number, disk)| disk.arguments(number)));
        words
    }
}

impl Card {
    fn arguments(&self, number: usize, sockets: &Sockets) -> [String; 4] {
        let [switch, own] = sockets.card(number).map(|path| doubled(&path));
        let ends = format!("local.type=unix,local.path={own},remote.type=unix,remote.path={switch}");
        let mac = &self.mac;
        [
            "-netdev".to_owned(),
            format!("dgram,id=net{number},{ends}"),
            "-device".to_owned(),
            format!("virtio-net-pci,id=card{number},netdev=net{number},mac={mac},romfile="),
        ]
    }
}

impl Disk {
    fn arguments(&self, number: usize) -> [String; 4] {
        let (sector, boot) = (self.sector_size, number + 1);
        [
            "-blockdev".to_owned(),
            image(&format!("image{number}"), &self.overlay).to_string(),
            "-device".to_owned(),
            format!(
                "virtio-blk-pci,id=disk{number},drive=image{number},serial=disk{number},bootindex={boot},\
                 logical_block_size={sector},physical_block_size={sector}"
            ),
        ]
    }
}

/// A qcow2 file as a node of QEMU's. It need not outlive the host, only QEMU, so that nothing waits for the host's disk.
#[must_use]
pub fn image(name: &str, file: &Path) -> Value {
    let cache = json!({ "direct": false, "no-flush": true });
    json!({
        "driver": "qcow2", "node-name": name, "discard": "unmap", "cache": cache,
        "file": { "driver": "file", "filename": file, "discard": "unmap", "cache": cache },
    })
}

/// A disk of that size which fails whatever it is asked for.
#[must_use]
pub fn broken(name: &str, size: u64) -> Value {
    const EIO: u32 = 5;
    json!({
        "driver": "blkdebug", "node-name": name,
        "image": { "driver": "null-co", "size": size, "read-zeroes": true },
        "inject-error": [{ "event": "none", "errno": EIO, "once": false }],
    })
}

/// For systemd, in an SMBIOS string.
fn credential((name, text): (&str, &str)) -> String {
    format!("type=11,value=io.systemd.credential.binary:{name}={}", STANDARD.encode(text))
}

/// A comma in a path is doubled for QEMU's option syntax.
fn doubled(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::{Card, Disk, Hardware, Sockets};
    use crate::vm::{Accelerator, Firmware};
    use std::path::Path;

    #[test]
    fn a_machine_has_its_cards_and_disks_and_no_way_out() {
        let hardware = Hardware {
            node: "n1".into(),
            serial: Some("S1".into()),
            firmware: Firmware::Bios,
            cards: vec![Card { mac: "52:54:00:00:05:01".into(), network: "lan".into(), port: 0 }],
            disks: vec![Disk {
                image: "/o/n1/disk0.img".into(),
                overlay: "/o/n1/disk0.qcow2".into(),
                sector_size: 512,
            }],
        };
        let sockets = Sockets::new(Path::new("/tmp/r"), "n1");
        let line = hardware.machine(&sockets, Path::new("/o/n1/console")).argv(Accelerator::Tcg).join(" ");
        for part in [
            "-m 1536 -smp 1 ",
            " -S -no-shutdown -chardev socket,id=qmp,path=/tmp/r/n1.qmp -mon chardev=qmp,mode=control ",
            "socket,id=console,path=/tmp/r/n1.console,server=on,wait=off,logfile=/o/n1/console,logappend=on -serial chardev:console ",
            " -device virtserialport,chardev=agent,name=xbuild.agent -smbios type=1,serial=S1 -smbios type=11,",
            " -netdev dgram,id=net0,local.type=unix,local.path=/tmp/r/n1.0.card,remote.type=unix,remote.path=/tmp/r/n1.0.switch ",
            "netdev=net0,mac=52:54:00:00:05:01,romfile= ",
            r#""filename":"/o/n1/disk0.qcow2""#,
            "virtio-blk-pci,id=disk0,drive=image0,serial=disk0,bootindex=1,logical_block_size=512,",
        ] {
            assert!(line.contains(part), "{part}\n{line}");
        }
        assert!(!line.contains("-netdev user"), "{line}");
    }
}
