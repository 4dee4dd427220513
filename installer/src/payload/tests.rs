//! Payloads and streams of a source that fails as it is told.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::faulty::{Fault, Faulty, hasty};
use super::manifest::Stream;
use super::source::{Folder, ReadFailed};
use super::{Patience, Payload, PayloadError, Sha256Sum, StreamReader, TrustedKeys};
use crate::units::Bytes;

const DEADLINE: Duration = Duration::from_secs(60);

fn recorded() -> (Arc<Folder>, TrustedKeys) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payload");
    let key = std::fs::read_to_string(folder.join("xbuild.pub")).unwrap();
    (Arc::new(Folder::new(folder)), TrustedKeys::read([("xbuild.pub", key)]).unwrap())
}

fn start(source: Faulty, stream: &Stream) -> StreamReader {
    StreamReader::start(Arc::new(source), hasty(), "rootfs/storage", stream).unwrap()
}

/// What comes out before the end, and the error that ends it.
fn fails(mut reader: StreamReader) -> (Vec<u8>, PayloadError) {
    let mut bytes = Vec::new();
    let first = reader.read_to_end(&mut bytes).unwrap_err();
    let again = reader.read(&mut [0]).unwrap_err();
    assert_eq!(PayloadError::within(&first), PayloadError::within(&again), "an error stays");
    (bytes, PayloadError::within(&first).unwrap().clone())
}

fn text() -> Vec<u8> {
    (0..100_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn unavailable() -> Fault {
    Fault::Fails(ReadFailed::ForNow("the server answers 503 Service Unavailable".to_owned()))
}

#[test]
fn a_recorded_payload_is_read() {
    let (folder, keys) = recorded();
    let payload = Payload::open(folder, &keys, hasty()).unwrap();
    assert_eq!(payload.comment(), "recorded from minisign 0.11");
    assert_eq!(payload.manifest().created, 1_763_000_000);
    let mut reader = payload.stream("rootfs/storage").unwrap();
    let progress = reader.progress();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "Debian GNU/Linux 13 \\n \\l\n".repeat(1000));
    assert_eq!((progress.done(), progress.total(), progress.retries()), (Bytes(26_000), Bytes(26_000), 0));
}

#[test]
fn a_stream_that_nobody_packed_is_named() {
    let (folder, keys) = recorded();
    let payload = Payload::open(folder.clone(), &keys, hasty()).unwrap();
    let place = super::Source::place(&*folder);
    assert_eq!(
        payload.stream("rootfs/mesh").unwrap_err().report(),
        format!(
            "error: the payload at {place} has no stream rootfs/mesh
  because: it has rootfs/storage
  hint: make a payload that has this node's profile"
        )
    );
}

#[test]
fn a_folder_without_a_payload_is_said() {
    let (_, keys) = recorded();
    let error = Payload::open(Arc::new(Folder::new("/nowhere")), &keys, hasty()).unwrap_err();
    assert_eq!(
        error.report(),
        "error: there is no manifest.json at /nowhere
  because: No such file or directory (os error 2)
  hint: check the payload's address, and that its folder was copied whole: manifest.json, manifest.json.minisig and chunks/"
    );
}

#[test]
fn a_manifest_without_end_is_not_read() {
    let (_, keys) = recorded();
    let mut source = Faulty::default();
    source.files.insert("manifest.json".to_owned(), vec![b' '; (8 << 20) + 100]);
    let error = Payload::open(Arc::new(source), &keys, hasty()).unwrap_err();
    assert_eq!(
        error.report(),
        "error: cannot read manifest.json at memory
  because: it has more than 8388608 bytes
  hint: check the cable, the network and the server, or the medium; then start the installation again"
    );
}

#[test]
fn a_stream_is_put_together() {
    for (bytes, cut) in [(text(), 1000), (text(), 1 << 20), (Vec::new(), 1), (vec![7], 1)] {
        let mut source = Faulty::default();
        let stream = source.add(&bytes, cut);
        let mut read = Vec::new();
        start(source, &stream).read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
}

#[test]
fn what_is_wrong_once_is_fetched_again() {
    let mut source = Faulty::default();
    let stream = source.add(&text(), 100_000);
    source.fail([
        unavailable(),
        Fault::FlipsABit,
        Fault::None,
        Fault::IsCutOff,
        unavailable(),
        unavailable(),
    ]);
    let mut reader = start(source, &stream);
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == text());
    assert_eq!(reader.progress().retries(), 5);
    let files = [0, 1].map(|chunk| stream.chunks[chunk].file());
    let unavailable = |chunk: usize, tries: &str| {
        let file = &files[chunk];
        format!("cannot read {file} at memory: the server answers 503 Service Unavailable{tries}")
    };
    let damaged = |chunk: usize| format!("{} at memory is damaged: it", files[chunk]);
    let told = [unavailable(0, ""), damaged(0), damaged(1), unavailable(1, ""), unavailable(1, " (2 tries)")];
    let troubles = reader.progress().troubles();
    assert_eq!(troubles.len(), told.len());
    assert!(troubles.iter().zip(&told).all(|(trouble, told)| trouble.starts_with(told)), "{troubles:#?}");
    assert_eq!(reader.progress().troubles(), Vec::<String>::new(), "each is told once");
}

#[test]
fn a_damaged_chunk_is_named_with_both_hashes() {
    let mut source = Faulty::default();
    let stream = source.add(b"one, two", 5);
    source.fail([Fault::None, Fault::FlipsABit, Fault::FlipsABit, Fault::FlipsABit]);
    let mut flipped = source.files[&stream.chunks[1].file()].clone();
    flipped[0] ^= 1;
    let (bytes, error) = fails(start(source, &stream));
    assert_eq!(bytes, b"one, ", "what was right comes out");
    let (wanted, found) = (stream.chunks[1].sha256, Sha256Sum::of(&flipped));
    assert_eq!(
        error.report(),
        format!(
            "error: {} at memory is damaged
  because: its SHA-256 is {found} instead of {wanted} (3 tries)
  hint: copy the payload to the server or the medium once more; if that does not help, suspect its disk, a proxy or this machine's memory",
            stream.chunks[1].file()
        )
    );
}

#[test]
fn a_chunk_of_another_length_is_named() {
    let because = |change: fn(&mut Vec<u8>)| {
        let mut source = Faulty::default();
        let stream = source.add(b"one", 3);
        source.files.values_mut().for_each(change);
        let (bytes, error) = fails(start(source, &stream));
        assert_eq!(bytes, b"");
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert_eq!(because(|packed| packed.truncate(5)), "it has 5 bytes instead of 12 (3 tries)");
    assert_eq!(because(|packed| packed.push(0)), "it has more than 12 bytes (3 tries)");
}

#[test]
fn patience_ends() {
    let mut source = Faulty::default();
    let stream = source.add(b"one", 3);
    source.fail(vec![unavailable(); 4]);
    let (_, error) = fails(start(source, &stream));
    assert_eq!(
        error.report(),
        format!(
            "error: cannot read {} at memory
  because: the server answers 503 Service Unavailable (4 tries)
  hint: check the cable, the network and the server, or the medium; then start the installation again",
            stream.chunks[0].file()
        )
    );
}

#[test]
fn what_is_not_there_is_not_asked_for_twice() {
    let mut source = Faulty::default();
    let stream = source.add(b"one", 3);
    source.files.clear();
    let (reads, heard) = channel();
    source.reads = Some(reads);
    let (_, error) = fails(start(source, &stream));
    assert!(matches!(error, PayloadError::NotThere { .. }), "{error:?}");
    assert_eq!(heard.iter().count(), 1);
}

#[test]
fn a_chunk_is_one_frame_of_4_mib() {
    let because = |packed: &[u8]| {
        let mut source = Faulty::default();
        let chunks = vec![source.add_chunk(packed)];
        let stream = Stream { size: Bytes(3), chunks };
        let (bytes, error) = fails(start(source, &stream));
        assert_eq!(bytes, b"");
        assert!(matches!(error, PayloadError::NoFrame { .. }), "{error:?}");
        std::error::Error::source(&error).unwrap().to_string()
    };
    let frame = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).unwrap();
    assert_eq!(because(b"no frame"), "it is no zstd frame");
    assert_eq!(because(&[frame(b"on"), frame(b"e")].concat()), "it is more than one zstd frame");
    assert_eq!(because(&frame(b"")), "there is nothing in it");
    let large = because(&frame(&vec![0; (4 << 20) + 1]));
    assert_eq!(large, "Destination buffer is too small: 4194305 bytes needed, 4194304 given");
    let unsized_frame = zstd::stream::encode_all(&vec![0; (4 << 20) + 1][..], 1).unwrap();
    assert_eq!(because(&unsized_frame), "Destination buffer is too small");
}

#[test]
fn the_size_of_the_whole_stream_is_checked_too() {
    for (size, because) in [(7, "it has more than 7 bytes"), (9, "it has 8 bytes instead of 9")] {
        let mut source = Faulty::default();
        let stream = Stream { size: Bytes(size), ..source.add(b"one, two", 5) };
        let (_, error) = fails(start(source, &stream));
        assert_eq!(
            error.report(),
            format!(
                "error: the stream rootfs/storage is not the one that the manifest describes
  because: {because}
  hint: the payload was made like this: make it anew with xbuild, and tell its developers if the error stays"
            )
        );
    }
}

#[test]
fn only_a_few_chunks_are_fetched_ahead() {
    let mut source = Faulty::default();
    let bytes: Vec<u8> = (0..20).collect();
    let stream = source.add(&bytes, 1);
    let (reads, heard) = channel();
    let (dropped, ended) = channel();
    (source.reads, source.dropped) = (Some(reads), Some(dropped));
    let mut reader = start(source, &stream);
    reader.read_exact(&mut [0]).unwrap();
    // One was read, one is unpacked, one waits for that, one waits to be handed on.
    for _ in 0..4 {
        heard.recv_timeout(DEADLINE).unwrap();
    }
    drop(reader);
    ended.recv_timeout(DEADLINE).unwrap();
    // Whoever was about to fetch another one when the reader went may have done so.
    assert!(heard.iter().count() <= 2);
}

#[test]
fn a_pause_ends_with_the_reader() {
    let mut source = Faulty::default();
    let stream = source.add(b"one", 3);
    source.fail([unavailable()]);
    let (reads, heard) = channel();
    let (dropped, ended) = channel();
    (source.reads, source.dropped) = (Some(reads), Some(dropped));
    let patience = Patience { pause: Duration::from_secs(100_000), ..hasty() };
    let reader = StreamReader::start(Arc::new(source), patience, "source", &stream).unwrap();
    heard.recv_timeout(DEADLINE).unwrap();
    drop(reader);
    ended.recv_timeout(DEADLINE).unwrap();
    assert_eq!(heard.iter().count(), 0);
}
