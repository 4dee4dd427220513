//! A machine with bare disks, and a medium to install it from.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use builder::manifest::describe_all;
use builder::vm::{Drive, Firmware, Format, Machine, Netboot};

use crate::archive::server::{Body, Server, Site};
use crate::guest::{read_log, start, tail, wait, wait_for_words};
use crate::recording::Recorder;
use crate::xbuild::{Images, checkout, open_tools, program, workshop};

/// Under emulation, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// All that the installer is promised.
const MEMORY: u32 = 512;

/// What a machine is started from.
#[derive(Debug)]
pub enum Medium {
    /// An image, plugged in as a stick.
    Usb(PathBuf),
    /// A folder, behind a web server.
    Pxe(PathBuf),
    /// The same, but the web server has other files at these paths.
    Spoilt(PathBuf, Site),
}

impl Medium {
    /// A stick for the cluster of `tests/clusters/NAME.toml`, of one machine alone: installers write their log to it.
    #[must_use]
    pub fn usb(name: &str) -> Self {
        static STICKS: AtomicUsize = AtomicUsize::new(0);
        let (first, number) =
            (workshop().join(format!("{name}.usb.img")), STICKS.fetch_add(1, Ordering::Relaxed));
        make(name, "--usb", &first);
        let stick = workshop().join(format!("{name}.usb.{number}.img"));
        fs::copy(&first, &stick).expect("room for a stick");
        Self::Usb(stick)
    }

    /// A folder for the cluster of `tests/clusters/NAME.toml`.
    #[must_use]
    pub fn pxe(name: &str) -> Self {
        let path = workshop().join(format!("{name}.pxe"));
        make(name, "--pxe", &path);
        Self::Pxe(path)
    }
}

/// What this process has made; tests that run at the same time share it.
static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn make(name: &str, kind: &str, out: &Path) {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.contains(out) {
        return;
    }
    fs::create_dir_all(workshop()).expect("a folder for media");
    let mut command = Command::new(program());
    let cluster = format!("tests/clusters/{name}.toml");
    command.args(["media", "--cluster", &cluster, kind]).arg(out).current_dir(checkout());
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("xbuild starts");
    assert!(status.success(), "xbuild media {kind}: {status}");
    made.insert(out.to_owned());
}

/// A machine whose disks have nothing on them, or what an earlier one has left.
#[derive(Clone, Debug)]
pub struct Bare {
    /// Its disks.
    pub images: Images,
    /// Its serial number.
    pub serial: &'static str,
    /// The MAC of its card.
    pub mac: &'static str,
    /// What starts it.
    pub firmware: Firmware,
}

impl Bare {
    /// New disks of these sizes, in a folder called `name`.
    #[must_use]
    pub fn new(name: &str, gib: &[u64], serial: &'static str, mac: &'static str, firmware: Firmware) -> Self {
        let folder = workshop().join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("a folder of our own");
        }
        fs::create_dir_all(&folder).expect("a folder for disks");
        let disk = |(index, gib): (usize, &u64)| {
            let path = folder.join(format!("disk{index}.img"));
            File::create(&path).and_then(|file| file.set_len(gib << 30)).expect("room for a disk");
            Drive { path, format: Format::Raw, sector_size: 512 }
        };
        let disks = gib.iter().enumerate().map(disk).collect();
        Self { images: Images { folder, disks, tools: open_tools() }, serial, mac, firmware }
    }

    /// The same disks once more, in a folder beside, where files are called in the order of the disks.
    ///
    /// # Panics
    /// If there is no room.
    #[must_use]
    pub fn copy(&self, name: &str) -> Self {
        let folder = self.images.folder.with_file_name(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("a folder of our own");
        }
        fs::create_dir_all(&folder).expect("a folder for disks");
        let mut images = Images { folder, ..self.images.clone() };
        for (index, disk) in images.disks.iter_mut().enumerate() {
            let path = images.folder.join(format!("disk{index}.img"));
            let status = Command::new("cp").arg("--sparse=always").args([&disk.path, &path]).status();
            assert!(status.is_ok_and(|status| status.success()), "cp failed");
            disk.path = path;
        }
        Self { images, ..self.clone() }
    }

    /// Starts the machine from `medium` and waits until it restarts by itself; the result is all that its console said.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn install(&self, medium: &Medium) -> String {
        self.start(medium, self.disks(), until_restart)
    }

    /// As [`Self::install`], on the disks of `recorder` instead of its own.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn install_recorded(&self, medium: &Medium, recorder: &Recorder) -> String {
        let extra = recorder.arguments();
        let shared = vec![recorder.folder().to_owned()];
        self.start(medium, Machine { extra, shared, ..Machine::new(Vec::new()) }, until_restart)
    }

    /// Starts the machine from `medium` and waits until it gives up, with a shell on its console.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn is_refused(&self, medium: &Medium) -> String {
        self.start(medium, self.disks(), |child, log| {
            wait_for_words(child, "a shell on every console", PATIENCE, log);
            child.kill().and_then(|()| child.wait()).expect("QEMU can be killed");
        })
    }

    /// Starts the machine from `medium`, whose installer is expected to give up; types `command` into the shell that it
    /// leaves, and waits until the console says `end`. The result is all that it said.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn types(&self, medium: &Medium, command: &str, end: &str) -> String {
        self.start(medium, self.disks(), |child, log| {
            wait_for_words(child, "xinstall# ", PATIENCE, log);
            let terminal = child.stdin.as_mut().expect("QEMU's serial port");
            writeln!(terminal, "{command}").and_then(|()| terminal.flush()).expect("QEMU listens");
            wait_for_words(child, end, PATIENCE, log);
            child.kill().and_then(|()| child.wait()).expect("QEMU can be killed");
        })
    }

    /// Starts the machine from its disks and waits until its firmware has found nothing to start on any of them.
    ///
    /// # Panics
    /// When something starts.
    pub fn boots_nothing(&self) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (log, port) = (folder.path().join("serial"), folder.path().join("port"));
        // SeaBIOS then shows on the first serial port what it shows on the screen.
        fs::write(&port, 0x3f8_u16.to_le_bytes()).expect("room for a number");
        let port = format!("name=etc/sercon-port,file={}", port.display());
        let extra = ["-serial", "stdio", "-no-reboot", "-fw_cfg", &port].map(str::to_owned).to_vec();
        let shared = vec![folder.path().to_owned()];
        let machine = Machine { memory: MEMORY, extra, shared, ..Machine::new(self.images.disks.clone()) };
        let mut child = start(&machine, &self.images, &log);
        wait_for_words(&mut child, "No bootable device.", PATIENCE, &log);
        child.kill().and_then(|()| child.wait()).expect("QEMU can be killed");
    }

    /// Writes to a disk.
    ///
    /// # Panics
    /// When it is not there.
    pub fn write(&self, disk: usize, at: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(&self.images.disks[disk].path).expect("a disk");
        file.write_all_at(bytes, at).expect("room on the disk");
    }

    /// Reads from a disk.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn read(&self, disk: usize, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let file = File::open(&self.images.disks[disk].path).expect("a disk");
        file.read_exact_at(&mut bytes, at).expect("so much on the disk");
        bytes
    }

    /// Of what is on the disks.
    #[must_use]
    pub fn hashes(&self) -> Vec<String> {
        let paths: Vec<PathBuf> = self.images.disks.iter().map(|disk| disk.path.clone()).collect();
        let described = describe_all(&paths).expect("disks that can be read");
        described.into_iter().map(|file| file.blocks_sha256).collect()
    }

    fn disks(&self) -> Machine {
        Machine::new(self.images.disks.clone())
    }

    /// `disks` is a machine that has them, and nothing else yet.
    fn start(&self, medium: &Medium, disks: Machine, watch: impl FnOnce(&mut Child, &Path)) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("serial");
        let (mut extra, mut shared) = (disks.extra.clone(), disks.shared.clone());
        extra.extend(["-serial", "stdio", "-no-reboot"].map(str::to_owned));
        extra.extend(["-smbios".to_owned(), format!("type=1,serial={}", self.serial)]);
        shared.push(folder.path().to_owned());
        let (mut server, mut netboot) = (None, None);
        match medium {
            Medium::Usb(image) => {
                let drive = format!("file={},if=none,id=stick,format=raw", image.display());
                extra.extend(["-device", "qemu-xhci", "-drive", &drive].map(str::to_owned));
                extra.extend(["-device", "usb-storage,drive=stick,bootindex=0"].map(str::to_owned));
                shared.extend(image.parent().map(Path::to_owned));
            }
            Medium::Pxe(files) | Medium::Spoilt(files, _) => {
                let serving = Server::start(medium.site());
                let script = format!("{}/boot.ipxe", serving.url().replace("127.0.0.1", "10.0.2.2"));
                netboot = Some(self.netboot(files, folder.path(), script));
                server = Some(serving);
            }
        }
        let machine = Machine {
            firmware: self.firmware,
            memory: MEMORY,
            mac: Some(self.mac.to_owned()),
            netboot,
            extra,
            shared,
            ..disks
        };
        let mut child = start(&machine, &self.images, &log);
        watch(&mut child, &log);
        drop(server);
        read_log(&log)
    }
}

impl Bare {
    /// QEMU's BIOS card has iPXE in it; UEFI's own gets it by TFTP, and it then finds a script beside itself.
    fn netboot(&self, files: &Path, folder: &Path, script: String) -> Netboot {
        match self.firmware {
            Firmware::Bios => Netboot { file: script, tftp: None },
            Firmware::Uefi => {
                fs::copy(files.join("ipxe.efi"), folder.join("ipxe.efi")).expect("iPXE is in the folder");
                let auto = format!("#!ipxe\ndhcp\nchain {script}\n");
                fs::write(folder.join("autoexec.ipxe"), auto).expect("room for a script");
                Netboot { file: "ipxe.efi".to_owned(), tftp: Some(folder.to_owned()) }
            }
        }
    }
}

fn until_restart(child: &mut Child, log: &Path) {
    let status = wait(child, PATIENCE, log);
    assert_eq!(status, Some(0), "QEMU failed; serial log:\n{}", tail(&read_log(log)));
}

impl Medium {
    /// What its web server has.
    fn site(&self) -> Site {
        match self {
            Self::Usb(_) => Site::new(),
            Self::Pxe(folder) => site(folder),
            Self::Spoilt(folder, others) => {
                let mut site = site(folder);
                site.extend(others.iter().map(|(path, body)| (path.clone(), body.clone())));
                site
            }
        }
    }
}

/// Why an install has ended with a shell, out of all that the console said; with `PAYLOAD` for an address that is another
/// one in every run.
#[must_use]
pub fn error(console: &str) -> String {
    let said = console.replace('\r', "");
    // What boot loaders call an error comes before.
    let installer = said.find("\nxinstall ").expect("the installer has begun");
    let end = said.rfind("\na shell on every console").expect("it has ended with a shell");
    let start = installer + said[installer..end].find("\nerror: ").expect("it has said why") + 1;
    neutral(&said, &said[start..end])
}

/// What the installer has noted on its way, in the same words.
#[must_use]
pub fn notes(console: &str) -> Vec<String> {
    let said = console.replace('\r', "");
    said.lines().filter(|line| line.starts_with("note: ")).map(|line| neutral(&said, line)).collect()
}

fn neutral(said: &str, text: &str) -> String {
    let address = said.lines().find_map(|line| line.strip_prefix("payload: "));
    // Two dots lead from the script to the payload.
    let address = address.map(|address| address.replace("/boot.ipxe/..", ""));
    address.map_or_else(|| text.to_owned(), |address| text.replace(&address, "PAYLOAD"))
}

/// Every file below `folder`.
fn site(folder: &Path) -> Site {
    let mut site = Site::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder of our own") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below the folder").display().to_string();
                site.insert(format!("/{name}"), Body::File(path));
            }
        }
    }
    site
}
