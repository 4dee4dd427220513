//! A node in QEMU that examines itself.
//!
//! The check comes from outside, so the bytes tested are the bytes shipped: a systemd credential in an SMBIOS string
//! brings a unit, the unit reads a script from a disk that is no part of the image, the script leaves what it found
//! on another one and ends the machine through a debug port with one exact status. A machine that just goes away
//! has failed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use builder::vm::{Accelerator, Drive, Firmware, Machine};

use crate::judge::Judge;
use crate::xbuild::{Images, command, program};

/// QEMU's debug port ends the machine with `2 * value + 1`; the script writes this value.
const VALUE: u8 = 42;
const STATUS: i32 = 2 * VALUE as i32 + 1;
const RESULT_SIZE: u64 = 16 << 20;
/// Under emulation a boot takes a minute or two, on a machine that is busy longer.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How much of the serial log a failure shows.
const LOG_TAIL: usize = 6000;

/// Which entry of the boot menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The first one, as it boots by itself.
    Xen,
    /// The last one.
    PlainLinux,
}

impl Entry {
    /// As the menu calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xen => "Xen",
            Self::PlainLinux => "plain Linux",
        }
    }

    /// What is typed on the serial console once the menu is there.
    fn keys(self) -> &'static [u8] {
        match self {
            Self::Xen => b"",
            // GRUB's emacs keys: down twice, and go.
            Self::PlainLinux => b"\x0e\x0e\r",
        }
    }
}

/// A node to be examined.
#[derive(Debug)]
pub struct Guest<'a> {
    /// Its images.
    pub images: &'a Images,
    /// What it writes stays in the images; otherwise it is thrown away.
    pub keep: bool,
    /// MAC addresses of its cards; without any, one with QEMU's own. The first one leads out.
    pub cards: &'a [&'a str],
    /// Disks that are no part of the node, behind its own.
    pub foreign: &'a [Drive],
    /// These disks are not there.
    pub without: &'a [usize],
    /// What boots it.
    pub firmware: Firmware,
    /// What boots.
    pub entry: Entry,
    /// A shell script; every `record NAME COMMAND…` in it becomes an answer.
    pub check: &'a str,
    /// For it all.
    pub deadline: Duration,
}

/// What the node found.
#[derive(Clone, Debug)]
pub struct Answers {
    records: BTreeMap<String, String>,
    /// Everything on the serial console.
    pub console: String,
}

impl Answers {
    /// What a recorded command said; its status is `NAME.status`.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.records
            .get(name)
            .unwrap_or_else(|| panic!("the node recorded no `{name}`, only {:?}", self.records.keys()))
    }

    /// What a recorded command said, which must have ended well.
    pub fn good(&self, name: &str) -> &str {
        let said = self.get(name);
        assert_eq!(self.get(&format!("{name}.status")), "0", "`{name}` failed on the node:\n{said}");
        said
    }

    /// What was recorded.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(String::as_str).filter(|name| !name.ends_with(".status"))
    }

    /// Lets a judge read what a recorded command said.
    pub fn accept(&self, name: &str, judge: &Judge) {
        let status = self.get(&format!("{name}.status")).parse().ok();
        judge.verdict(self.get(name), status).unwrap_or_else(|fault| panic!("{fault}"));
    }
}

/// What systemd is told from outside: the check, what starts it, and patience with disks, since an emulated one under
/// Xen may take longer to show up than the minute and a half that it has otherwise.
const CREDENTIALS: [(&str, &str); 3] = [
    ("systemd.extra-unit.xbuild-check.service", UNIT),
    ("systemd.unit-dropin.multi-user.target", "[Unit]\nWants=xbuild-check.service\n"),
    ("systemd.unit-dropin.dev-.device", "[Unit]\nJobRunningTimeoutSec=10min\n"),
];

const UNIT: &str = "[Unit]\nDescription=Check from outside\nAfter=multi-user.target\n\n\
    [Service]\nType=exec\nStandardOutput=journal+console\n\
    ExecStart=/bin/sh -c 'tar -xf /dev/disk/by-id/virtio-check -C /run && exec sh /run/check.sh'\n";

/// Ends with the one exact status, whatever the check did.
const PREAMBLE: &str = r#"
mkdir -p /run/answers
record() {
    name=$1; shift
    echo "check: $name" >/dev/console
    "$@" >/run/answers/$name 2>&1
    echo $? >/run/answers/$name.status
}
# Units that have failed, and what they have said.
failed() {
    systemctl --failed --no-legend --plain
    for unit in $(systemctl --failed --no-legend --plain | cut -d' ' -f1); do
        journalctl --boot --no-pager --quiet --lines=20 --unit=$unit
    done
}
finish() {
    tar -C /run/answers -cf /run/answers.tar .
    dd if=/run/answers.tar of=/dev/disk/by-id/virtio-answers bs=1M oflag=direct conv=sync status=none
    sync
    printf '\052' | dd of=/dev/port bs=1 seek=244 status=none
}
trap finish EXIT
"#;

impl<'a> Guest<'a> {
    /// The whole node by BIOS, Xen and all.
    #[must_use]
    pub fn new(images: &'a Images, check: &'a str) -> Self {
        Self {
            images,
            keep: false,
            cards: &[],
            foreign: &[],
            without: &[],
            firmware: Firmware::Bios,
            entry: Entry::Xen,
            check,
            deadline: PATIENCE,
        }
    }

    /// Boots the node and waits for its answers.
    ///
    /// # Panics
    /// When it ends in any other way than by its check, or the deadline passes; with the end of the serial log.
    #[must_use]
    pub fn examine(&self) -> Answers {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (check, answers, log) =
            (folder.path().join("check.tar"), folder.path().join("answers"), folder.path().join("serial"));
        write_check(&check, self.check);
        File::create(&answers).unwrap().set_len(RESULT_SIZE).unwrap();
        let machine = self.machine(folder.path(), &check, &answers);
        let (mut status, mut console) = self.run(&machine, &log);
        if fell_over(status, &console) {
            (status, console) = self.run(&machine, &log);
        }
        assert_eq!(
            status,
            Some(STATUS),
            "the node did not end by its check; serial log:\n{}",
            tail(&console)
        );
        Answers { records: read_answers(&answers), console }
    }

    /// How QEMU ended, and the serial log.
    fn run(&self, machine: &Machine, log: &Path) -> (Option<i32>, String) {
        let mut child = start(machine, self.images, log);
        self.choose_entry(&mut child, log);
        let status = wait(&mut child, self.deadline, log);
        (status, read_log(log))
    }

    /// Boots the node, which is expected not to get far: waits until its console says `words`, and returns all it said.
    ///
    /// # Panics
    /// When it ends, or the deadline passes.
    #[must_use]
    pub fn stops_with(&self, words: &str) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (check, answers, log) =
            (folder.path().join("check.tar"), folder.path().join("answers"), folder.path().join("serial"));
        write_check(&check, self.check);
        File::create(&answers).unwrap().set_len(RESULT_SIZE).unwrap();
        let mut child = start(&self.machine(folder.path(), &check, &answers), self.images, &log);
        self.choose_entry(&mut child, &log);
        wait_for_words(&mut child, words, self.deadline, &log);
        child.kill().and_then(|()| child.wait()).expect("QEMU can be killed");
        read_log(&log)
    }

    fn machine(&self, folder: &Path, check: &Path, answers: &Path) -> Machine {
        let disks = self.images.disks.iter().enumerate().filter(|(index, _)| !self.without.contains(index));
        let disk = |path: &Path, serial: &str, read_only: &str| {
            let path = path.display();
            [
                "-drive".to_owned(),
                format!("file={path},if=none,id={serial},format=raw,readonly={read_only}"),
                "-device".to_owned(),
                format!("virtio-blk-pci,drive={serial},serial={serial}"),
            ]
        };
        let mut extra: Vec<String> =
            ["-serial", "stdio", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
                .map(str::to_owned)
                .to_vec();
        extra.extend(CREDENTIALS.into_iter().flat_map(|(name, text)| {
            let text = STANDARD.encode(text);
            ["-smbios".to_owned(), format!("type=11,value=io.systemd.credential.binary:{name}={text}")]
        }));
        extra.extend(disk(check, "check", "on"));
        extra.extend(disk(answers, "answers", "off"));
        for (index, mac) in self.cards.iter().enumerate().skip(1) {
            let card = format!("virtio-net-pci,netdev=card{index},mac={mac},romfile=");
            let net = format!("user,id=card{index},restrict=on");
            extra.extend(["-netdev".to_owned(), net, "-device".to_owned(), card]);
        }
        let mac = self.cards.first().map(|&mac| mac.to_owned());
        let disks = disks.map(|(_, drive)| drive).chain(self.foreign).cloned().collect();
        let shared = vec![folder.to_owned()];
        Machine { snapshot: !self.keep, firmware: self.firmware, mac, extra, shared, ..Machine::new(disks) }
    }

    fn choose_entry(&self, child: &mut Child, log: &Path) {
        if self.entry.keys().is_empty() {
            return;
        }
        let deadline = Instant::now() + Duration::from_secs(120);
        while !read_log(log).contains("GNU GRUB") {
            assert!(Instant::now() < deadline, "no boot menu; serial log:\n{}", tail(&read_log(log)));
            std::thread::sleep(Duration::from_millis(100));
        }
        let stdin = child.stdin.as_mut().expect("QEMU's serial port");
        stdin.write_all(self.entry.keys()).and_then(|()| stdin.flush()).expect("QEMU listens");
    }
}

/// Boots images as a user does, with `xbuild boot`: waits for the login prompt on the terminal, then types Ctrl-A X.
///
/// # Panics
/// When there is no prompt within a quarter of an hour, or it ends in any other way than well.
pub fn boot_to_login(folder: &Path, options: &[&str]) {
    let work = tempfile::tempdir().expect("a temporary folder");
    let log = work.path().join("terminal");
    let terminal = File::create(&log).expect("a log");
    let mut command = std::process::Command::new(program());
    command.arg("boot").arg(folder).args(options).stdin(Stdio::piped());
    command.stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().expect("xbuild starts");
    wait_for_words(&mut child, " login: ", PATIENCE, &log);
    child.stdin.as_mut().expect("a pipe").write_all(b"\x01x").expect("QEMU listens");
    assert_eq!(wait(&mut child, PATIENCE, &log), Some(0), "{}", tail(&read_log(&log)));
}

pub(crate) fn start(machine: &Machine, images: &Images, log: &Path) -> Child {
    let log = File::create(log).expect("a serial log");
    let sandbox = machine.sandbox(&images.tools, Accelerator::of_host());
    let mut command = command(&sandbox);
    command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().expect("QEMU starts")
}

pub(crate) fn wait_for_words(child: &mut Child, words: &str, deadline: Duration, log: &Path) {
    let found = wait_for_any(child, &[words], deadline, log);
    assert!(found.is_some(), "no `{words}`; serial log:\n{}", tail(&read_log(log)));
}

/// Waits until the log has one of these; the result is which, none when the deadline passed first.
pub(crate) fn wait_for_any(
    child: &mut Child,
    words: &[&str],
    deadline: Duration,
    log: &Path,
) -> Option<usize> {
    let end = Instant::now() + deadline;
    loop {
        let running = child.try_wait().expect("QEMU can be waited for").is_none();
        let said = read_log(log);
        let found = words.iter().position(|words| said.contains(words));
        if found.is_some() || Instant::now() > end {
            return found;
        }
        assert!(running, "none of {words:?}; serial log:\n{}", tail(&said));
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The exit status; none when the deadline passed first.
pub(crate) fn wait(child: &mut Child, deadline: Duration, log: &Path) -> Option<i32> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait().expect("QEMU can be waited for") {
            return status.code();
        }
        if Instant::now() > end {
            child.kill().expect("QEMU can be killed");
            child.wait().expect("QEMU can be waited for");
            panic!(
                "the node was not done after {} s; serial log:\n{}",
                deadline.as_secs(),
                tail(&read_log(log))
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// QEMU itself has failed, as it does once in some hundred boots while a kernel places the registers of PCI devices:
/// `iotlb_to_section: Assertion … failed`. No disk was touched then.
fn fell_over(status: Option<i32>, console: &str) -> bool {
    const ABORTED: i32 = 128 + 6;
    status == Some(ABORTED) && console.contains("iotlb_to_section: Assertion") && !console.contains("EXT4-fs")
}

fn write_check(path: &Path, check: &str) {
    let script = format!("{PREAMBLE}{check}\n");
    let mut builder = tar::Builder::new(File::create(path).unwrap());
    let mut header = tar::Header::new_ustar();
    header.set_size(script.len() as u64);
    header.set_mode(0o755);
    builder.append_data(&mut header, "check.sh", script.as_bytes()).unwrap();
    builder.finish().unwrap();
    let mut file = builder.into_inner().unwrap();
    // A disk is made of whole sectors.
    let size = file.metadata().unwrap().len().next_multiple_of(512);
    file.flush().unwrap();
    file.set_len(size).unwrap();
}

fn read_answers(path: &PathBuf) -> BTreeMap<String, String> {
    let mut records = BTreeMap::new();
    for entry in tar::Archive::new(File::open(path).unwrap()).entries().unwrap() {
        let mut entry = entry.expect("the node wrote its answers");
        if entry.header().entry_type().is_file() {
            let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            records.insert(name, String::from_utf8_lossy(&bytes).trim_end().to_owned());
        }
    }
    records
}

pub(crate) fn read_log(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\u{1b}', "")
}

pub(crate) fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(LOG_TAIL);
    &text[text.ceil_char_boundary(start)..]
}
