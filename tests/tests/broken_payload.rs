//! Payloads that are not what was signed, and such as do not arrive. What can be known before the first write leaves the
//! disks as they are; what cannot, leaves disks that boot nothing; what passes by itself is waited for.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use builder::media_key::MediaKey;
use builder::vm::Firmware;
use installer::format::ToolCall;
use installer::payload::manifest::{Chunk, FILE};
use installer::payload::{Manifest, Sha256Sum, signature};
use tests::archive::server::{Body, Site, Wrong};
use tests::bare::{Bare, Medium, error, notes};
use tests::disks::layout;
use tests::xbuild::{image, open_tools, run_tool};

const ALWAYS: usize = usize::MAX;
const STREAM: &str = "rootfs/storage";

fn blank(name: &str) -> Bare {
    Bare::new(name, &[7, 7, 2], "S-STORAGE1", "52:54:00:00:03:01", Firmware::Bios)
}

/// A payload as it was made, in a folder for a web server.
struct Payload {
    folder: PathBuf,
    manifest: Manifest,
}

impl Payload {
    fn new() -> Self {
        let Medium::Pxe(folder) = Medium::pxe("lives") else { panic!("a folder is a folder") };
        let manifest = Manifest::parse(&fs::read(folder.join("payload").join(FILE)).expect("a manifest"));
        Self { folder, manifest: manifest.expect("a manifest of ours") }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join("payload").join(file)
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).expect("a file of the payload")
    }

    /// A medium on which this file is another one.
    fn with(&self, file: &str, body: Body) -> Medium {
        self.with_all([(file.to_owned(), body)])
    }

    fn with_all<const N: usize>(&self, files: [(String, Body); N]) -> Medium {
        let site = files.into_iter().map(|(file, body)| (format!("/payload/{file}"), body));
        Medium::Spoilt(self.folder.clone(), site.collect::<Site>())
    }

    /// The first answers for this file go wrong.
    fn wrong(&self, file: &str, wrong: Wrong, times: usize) -> Medium {
        self.with(file, Body::wrong(self.path(file), wrong, times))
    }

    /// One of a stream's chunks.
    fn chunk(&self, stream: &str, number: usize) -> Chunk {
        self.manifest.streams[stream].chunks[number]
    }

    /// In the middle of the node's root.
    fn middle(&self) -> Chunk {
        self.chunk(STREAM, self.manifest.streams[STREAM].chunks.len() / 2)
    }

    /// What is said of a chunk with another bit in its middle, after so many tries.
    fn damaged(&self, chunk: &Chunk, place: &str, tries: &str) -> String {
        let found = Sha256Sum::of(&flipped(&self.read(&chunk.file())));
        let (file, wanted) = (chunk.file(), chunk.sha256);
        format!("{file} at {place} is damaged: its SHA-256 is {found} instead of {wanted}{tries}")
    }

    /// The id of the key that has signed it.
    fn key(&self) -> String {
        let text = String::from_utf8(self.read(signature::FILE)).expect("a signature is text");
        let line = STANDARD.decode(text.lines().nth(1).expect("its second line")).expect("base64");
        format!("{:016X}", u64::from_le_bytes(line[2..10].try_into().expect("eight bytes")))
    }
}

/// With another bit in its middle.
fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bytes.len() / 2] ^= 1;
    flipped
}

/// Nothing was written when this was said.
fn is_refused(machine: &Bare, medium: &Medium, said: &str) {
    let before = machine.hashes();
    assert_eq!(error(&machine.is_refused(medium)), said);
    assert_eq!(machine.hashes(), before);
}

#[test]
#[ignore = "minutes of emulation"]
fn what_nobody_of_ours_has_signed_is_refused() {
    let (machine, payload) = (blank("broken-signed"), Payload::new());
    let key = payload.key();
    let not_as_signed = format!(
        "error: the payload at PAYLOAD is not what was signed: the key {key} made another signature for these bytes or this \
         comment\nhint: copy manifest.json and manifest.json.minisig once more, both of the same build; if that does not \
         help, somebody has changed them"
    );
    is_refused(&machine, &payload.wrong(FILE, Wrong::Flipped, ALWAYS), &not_as_signed);
    let forged = forged(&payload.read(signature::FILE));
    is_refused(&machine, &payload.with(signature::FILE, Body::Bytes(forged)), &not_as_signed);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let stranger = MediaKey::create(&folder.path().join("stranger.key")).expect("room for a key");
    let theirs = stranger.sign(&payload.read(FILE), "timestamp:0").expect("a signature");
    is_refused(
        &machine,
        &payload.with(signature::FILE, Body::Bytes(theirs.into_bytes())),
        &format!(
            "error: the payload at PAYLOAD is signed with a key that is not trusted: it is of the key {}; trusted is {key}\n\
             hint: boot a medium that was made with the same key as the payload, or make the payload anew with the key that \
             this medium trusts",
            stranger.id()
        ),
    );
    machine.images.remove();
}

/// Another letter in the signature itself, behind algorithm and key.
fn forged(signature: &[u8]) -> Vec<u8> {
    let mut forged = signature.to_vec();
    let line = signature.iter().position(|byte| *byte == b'\n').expect("several lines") + 1;
    let letter = &mut forged[line + 40];
    *letter = if *letter == b'A' { b'B' } else { b'A' };
    forged
}

#[test]
#[ignore = "minutes of emulation"]
fn what_does_not_arrive_is_given_up() {
    let (machine, payload) = (blank("broken-arriving"), Payload::new());
    let said = |because: &str| {
        format!(
            "error: cannot read manifest.json at PAYLOAD: {because} (7 tries)\n\
             hint: check the cable, the network and the server, or the medium; then start the installation again"
        )
    };
    let cut_off = payload.wrong(FILE, Wrong::CutOff, ALWAYS);
    is_refused(&machine, &cut_off, &said("end of file before message length reached"));
    is_refused(&machine, &payload.wrong(FILE, Wrong::Stalled, ALWAYS), &said("no byte came for 30 s"));
    machine.images.remove();
}

/// The profiles and the cluster file come before any disk is looked at.
#[test]
#[ignore = "minutes of emulation"]
fn a_damaged_chunk_of_the_profiles_is_refused() {
    let (machine, payload) = (blank("broken-profiles"), Payload::new());
    let chunk = payload.chunk("source", 0);
    let said = format!(
        "error: cannot unpack the profiles: {}\nhint: {COPY_AGAIN}",
        payload.damaged(&chunk, "PAYLOAD", " (3 tries)")
    );
    is_refused(&machine, &payload.wrong(&chunk.file(), Wrong::Flipped, ALWAYS), &said);
    machine.images.remove();
}

const COPY_AGAIN: &str = "copy the payload to the server or the medium once more; if that does not help, suspect its disk, a \
                          proxy or this machine's memory";

/// What is said when the root's files cannot be had to their end.
fn half_installed(because: &str, hint: &str) -> String {
    format!(
        "error: unpacking the node's files: {because}\n\
         in: tar --extract --directory /target --xattrs '--xattrs-include=*' --acls --numeric-owner --same-owner \
         --same-permissions --delay-directory-restore --sparse < the node's files\n\
         /dev/vda: being written: boots nothing\n\
         /dev/vdb: being written: boots nothing\n\
         /dev/vdc: being written: boots nothing\n\
         hint: {hint}"
    )
}

/// Only when the disks are half written it can be known.
#[test]
#[ignore = "minutes of emulation"]
fn a_damaged_chunk_of_the_root_leaves_disks_that_boot_nothing() {
    let (machine, payload) = (blank("broken-root"), Payload::new());
    let chunk = payload.middle();
    let console = machine.is_refused(&payload.wrong(&chunk.file(), Wrong::Flipped, ALWAYS));
    let damaged = |tries: &str| payload.damaged(&chunk, "PAYLOAD", tries);
    assert_eq!(error(&console), half_installed(&damaged(" (3 tries)"), COPY_AGAIN));
    let noted = [damaged(""), damaged(" (2 tries)")];
    assert_eq!(notes(&console), noted.map(|noted| format!("note: {noted}; trying again")));
    machine.boots_nothing();
    machine.images.remove();
}

/// The same on a stick, which then has the reason on it.
#[test]
#[ignore = "minutes of emulation"]
fn a_damaged_chunk_on_a_stick_leaves_disks_that_boot_nothing() {
    let (machine, payload) = (blank("broken-stick"), Payload::new());
    let chunk = payload.middle();
    let stick = spoilt_stick(&machine.images.folder, &payload, &chunk);
    let console = machine.is_refused(&Medium::Usb(stick.clone()));
    let said = half_installed(&payload.damaged(&chunk, "/run/medium/payload", " (3 tries)"), COPY_AGAIN);
    assert_eq!(error(&console), said);
    machine.boots_nothing();
    let log = mtools(&stick, "mtype -i STICK ::xinstall.log");
    assert!(log.ends_with(&format!("\n{said}\n")), "{log}");
    machine.images.remove();
}

/// Where the file system of a stick starts (`media/usb.rs`).
const STICK: u64 = 2 << 20;

fn spoilt_stick(folder: &Path, payload: &Payload, chunk: &Chunk) -> PathBuf {
    let Medium::Usb(whole) = Medium::usb("lives") else { panic!("a stick is a stick") };
    let stick = folder.join("stick.img");
    fs::copy(whole, &stick).expect("room for a stick");
    let spoilt = folder.join("spoilt");
    fs::write(&spoilt, flipped(&payload.read(&chunk.file()))).expect("room for a chunk");
    mtools(&stick, &format!("mcopy -o -i STICK {} ::payload/{}", spoilt.display(), chunk.file()));
    stick
}

/// Runs a program of mtools on the file system of a stick.
fn mtools(stick: &Path, command: &str) -> String {
    let folder = stick.parent().expect("a stick lies in a folder");
    let command = command.replace("STICK", &format!("{}@@{STICK}", stick.display()));
    let said = run_tool(&open_tools(), folder, &ToolCall::new(["sh", "-c", &command]));
    assert!(said.status.success(), "{command}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// One chunk is cut off, one does not come to its end, one has a wrong bit; each of them is right when it is asked for again.
#[test]
#[ignore = "minutes of emulation"]
fn what_passes_by_itself_is_waited_for() {
    let (machine, payload) = (blank("broken-once"), Payload::new());
    let [cut_off, stalled, flipped] = [10, 20, 30].map(|number| payload.chunk(STREAM, number));
    let wrong = |chunk: &Chunk, wrong| (chunk.file(), Body::wrong(payload.path(&chunk.file()), wrong, 1));
    let console = machine.install(&payload.with_all([
        wrong(&cut_off, Wrong::CutOff),
        wrong(&stalled, Wrong::Stalled),
        wrong(&flipped, Wrong::Flipped),
    ]));
    assert!(console.contains("installed storage1 in "), "{console}");
    let noted = [
        format!("cannot read {} at PAYLOAD: end of file before message length reached", cut_off.file()),
        format!("cannot read {} at PAYLOAD: no byte came for 30 s", stalled.file()),
        payload.damaged(&flipped, "PAYLOAD", ""),
    ];
    assert_eq!(notes(&console), noted.map(|noted| format!("note: {noted}; trying again")));
    let node = ["--cluster", "tests/clusters/lives.toml", "--node", "storage1", "--disks", "2x7G,2G"];
    let fresh = image("broken-fresh", &node);
    assert_eq!(layout(&machine.images), layout(&fresh), "what lies on the disks");
    fresh.remove();
    machine.images.remove();
}
