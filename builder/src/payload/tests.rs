//! Packed here, read by the installer's own reader.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use installer::payload::manifest::StreamName;
use installer::payload::{Folder, Http, Manifest, Patience, Payload, PayloadError, Source, TrustedKeys};
use tempfile::TempDir;

use super::server::{Fault, serve};
use super::{LEVEL, Packer, Streams};
use crate::failure::Shown;
use crate::media_key::MediaKey;

/// Long enough for a busy machine to answer in, short enough to wait for.
const STALLED: Duration = Duration::from_secs(1);
const MIB: usize = 1 << 20;

/// A folder for the key and one for the payload.
struct Bench {
    folder: TempDir,
    key: MediaKey,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MediaKey::open(&folder.path().join("xbuild.key")).unwrap();
        Self { folder, key }
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("payload")
    }

    fn pack(&self, contents: &BTreeMap<&str, Vec<u8>>) -> Manifest {
        self.try_pack(contents.iter().map(|(name, content)| (named(name), boxed(&content[..]))).collect())
            .unwrap()
    }

    fn try_pack(&self, streams: Streams<'_>) -> anyhow::Result<Manifest> {
        Packer { out: &self.out(), key: &self.key, created: 1_763_000_000, level: LEVEL }.pack(streams)
    }

    fn keys(&self) -> TrustedKeys {
        TrustedKeys::read([("xbuild.pub", self.key.public())]).unwrap()
    }

    fn open(&self, source: Arc<dyn Source>) -> Result<Payload, PayloadError> {
        let patience = Patience { tries: 4, copies: 3, pause: Duration::ZERO };
        Payload::open(source, &self.keys(), patience)
    }

    fn open_folder(&self) -> Result<Payload, PayloadError> {
        self.open(Arc::new(Folder::new(self.out())))
    }

    /// The payload behind a server that fails like this.
    fn open_http(&self, faults: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static) -> Payload {
        let address = serve(&self.out(), faults);
        self.open(Arc::new(Http::new(&address, STALLED).unwrap())).unwrap()
    }
}

fn named(name: &str) -> StreamName {
    name.to_owned().try_into().unwrap()
}

fn boxed<'r>(reader: impl Read + 'r) -> Box<dyn Read + 'r> {
    Box::new(reader)
}

/// Bytes that compress a little: every other one is noise.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |index: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if index.is_multiple_of(2) { 0 } else { (state >> 24) as u8 }
    };
    (0..length).map(next).collect()
}

fn contents() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([
        ("boot/storage", vec![7]),
        ("empty", Vec::new()),
        ("exact", noise(4 * MIB)),
        ("rootfs/storage", noise(9 * MIB + 3)),
        ("zeros", vec![0; 8 * MIB]),
    ])
}

fn read(payload: &Payload, name: &str) -> Result<Vec<u8>, PayloadError> {
    let mut bytes = Vec::new();
    match payload.stream(name)?.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(PayloadError::within(&error).unwrap().clone()),
    }
}

/// Every file below the folder, with its inode and its content.
fn files(folder: &Path) -> BTreeMap<String, (u64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(name, (path.metadata().unwrap().ino(), fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn what_is_packed_is_read_back_from_a_folder() {
    let bench = Bench::new();
    let manifest = bench.pack(&contents());
    let payload = bench.open_folder().unwrap();
    assert_eq!(payload.manifest(), &manifest);
    assert_eq!(payload.comment(), "timestamp:1763000000\tfile:manifest.json\thashed");
    for (name, content) in contents() {
        assert!(read(&payload, name).unwrap() == content, "{name}");
    }
    let counts: Vec<usize> = manifest.streams.values().map(|stream| stream.chunks.len()).collect();
    assert_eq!(counts, [1, 0, 1, 3, 2]);
}

#[test]
fn a_web_server_of_another_user_may_read_it() {
    let bench = Bench::new();
    let manifest = bench.pack(&contents());
    let chunk = manifest.streams["exact"].chunks[0].file();
    for file in ["manifest.json", "manifest.json.minisig", &chunk] {
        let mode = fs::metadata(bench.out().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{file}");
    }
}

#[test]
fn packing_again_gives_the_same_bytes_and_writes_no_chunk() {
    let bench = Bench::new();
    let manifest = bench.pack(&contents());
    let before = files(&bench.out());
    // One that a full disk has cut off.
    let cut = bench.out().join(manifest.streams["exact"].chunks[0].file());
    fs::write(&cut, "half").unwrap();
    bench.pack(&contents());
    let after = files(&bench.out());
    // Manifest, signature and five different chunks: the two of zeros are one, and so are the first of two streams.
    assert_eq!(after.len(), 2 + 5);
    for (name, (inode, content)) in &before {
        assert!(after[name].1 == *content, "{name}");
        let written = name.starts_with("manifest") || cut.ends_with(name);
        assert_eq!(after[name].0 == *inode, !written, "{name}");
    }
}

#[test]
fn a_server_that_fails_now_and_then_is_borne() {
    let bench = Bench::new();
    bench.pack(&contents());
    let payload = bench.open_http(|asked| match asked {
        0 => Some(Fault::IsUnavailable),
        2 => Some(Fault::Stalls),
        3 => Some(Fault::IsCut),
        5 => Some(Fault::IsCorrupt),
        _ => None,
    });
    let mut reader = payload.stream("rootfs/storage").unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == contents()["rootfs/storage"]);
    assert!(reader.progress().retries() >= 4);
    assert_eq!(reader.progress().done(), reader.progress().total());
}

#[test]
fn a_server_that_fails_for_good_is_given_up() {
    let bench = Bench::new();
    let manifest = bench.pack(&BTreeMap::from([("source", noise(MIB))]));
    let chunk = manifest.streams["source"].chunks[0];
    let reports = |fault: Fault, message: &str, because: &str| {
        let payload = bench.open_http(move |_| Some(fault));
        let report = read(&payload, "source").unwrap_err().report();
        assert!(report.starts_with(&format!("error: {message} {}", chunk.file())), "{report}");
        assert!(report.contains(because), "{report}");
    };
    reports(
        Fault::IsUnavailable,
        "cannot read",
        "because: the server answers 503 Service Unavailable (4 tries)\n",
    );
    reports(Fault::IsCut, "cannot read", "because: end of file before message length reached (4 tries)\n");
    reports(Fault::Stalls, "cannot read", "because: no byte came for 1 s (4 tries)\n");
    let payload = bench.open_http(|_| Some(Fault::IsCorrupt));
    let error = read(&payload, "source").unwrap_err();
    let PayloadError::Damaged { wanted, found, because, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*wanted, chunk.sha256);
    assert_eq!(because.to_string(), format!("its SHA-256 is {found} instead of {wanted} (3 tries)"));
}

#[test]
fn a_chunk_that_is_not_served_is_named() {
    let bench = Bench::new();
    let manifest = bench.pack(&BTreeMap::from([("source", noise(10))]));
    let file = manifest.streams["source"].chunks[0].file();
    let payload = bench.open_http(|_| None);
    fs::remove_file(bench.out().join(&file)).unwrap();
    let report = read(&payload, "source").unwrap_err().report();
    let (first, rest) = report.split_once('\n').unwrap();
    assert!(first.starts_with(&format!("error: there is no {file} at http://127.0.0.1:")), "{first}");
    assert_eq!(
        rest,
        "  because: the server answers 404 Not Found
  hint: check the payload's address, and that its folder was copied whole: manifest.json, manifest.json.minisig and chunks/"
    );
}

#[test]
fn what_was_changed_behind_the_signature_is_refused() {
    let bench = Bench::new();
    bench.pack(&contents());
    let refused = |file: &str, change: fn(&mut Vec<u8>)| {
        let path = bench.out().join(file);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        change(&mut changed);
        fs::write(&path, changed).unwrap();
        let refused = bench.open_folder().unwrap_err();
        fs::write(&path, whole).unwrap();
        refused
    };
    let error = refused("manifest.json", |bytes| bytes[20] ^= 1);
    assert!(matches!(error, PayloadError::NotAsSigned { .. }), "{error:?}");
    let error = refused("manifest.json", |bytes| bytes.truncate(100));
    assert!(matches!(error, PayloadError::NotAsSigned { .. }), "{error:?}");
    let error = refused("manifest.json.minisig", |bytes| bytes.truncate(100));
    assert!(matches!(error, PayloadError::NoSignature { .. }), "{error:?}");
    let stranger = MediaKey::open(&bench.folder.path().join("other.key")).unwrap();
    let error = Bench { folder: bench.folder, key: stranger }.pack_of(bench.key);
    assert!(matches!(error, PayloadError::UnknownKey { .. }), "{error:?}");
}

impl Bench {
    /// What comes of a payload that another key has signed.
    fn pack_of(self, other: MediaKey) -> PayloadError {
        let packer = Packer { out: &self.out(), key: &other, created: 0, level: LEVEL };
        packer.pack(Streams::new()).unwrap();
        self.open_folder().unwrap_err()
    }
}

#[test]
fn a_stream_that_fails_leaves_the_payload_that_was_there() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("tar has failed"))
        }
    }
    let bench = Bench::new();
    let manifest = bench.pack(&BTreeMap::from([("source", noise(10))]));
    let half = noise(5 * MIB);
    let streams = Streams::from([(named("rootfs/storage"), boxed(half.as_slice().chain(Broken)))]);
    let error = bench.try_pack(streams).unwrap_err();
    assert_eq!(Shown(&error).to_string(), "error: cannot pack rootfs/storage\n  because: tar has failed");
    assert_eq!(bench.open_folder().unwrap().manifest(), &manifest);
}
