use std::fs;

use builder::vm::{Drive, Format};
use tempfile::TempDir;

use super::{Cut, History, Landed, Node, Replay};
use crate::recording::{Event, Recording};
use crate::write_log::{Entry, Kind, WriteLog};

const SECTOR: usize = 512;
const SIZE: u64 = 16 * 512;

/// A folder with a disk that is all 0x11, and a log of writes (sector, sectors, content) and flushes to it.
fn recorded(requests: &[Option<(u64, u64, u8)>]) -> (TempDir, Vec<Drive>, Recording) {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::write(&disk, vec![0x11; SIZE as usize]).unwrap();
    let (mut data, mut events) = (Vec::new(), Vec::new());
    for request in requests {
        let entry = match *request {
            None => Entry { at: 0, length: 0, kind: Kind::Flush },
            Some((sector, count, content)) => {
                let kind = Kind::Write((SECTOR + data.len()) as u64);
                data.resize(data.len() + count as usize * SECTOR, content);
                Entry { at: sector * 512, length: count * 512, kind }
            }
        };
        events.push(Event { disk: 0, entry });
    }
    // The entries are those above: what is in the file is what they have written.
    let mut bytes: Vec<u8> =
        [0x006a_7366_7773_6872_u64, 1, 0, 512].into_iter().flat_map(u64::to_le_bytes).collect();
    bytes.resize(SECTOR, 0);
    bytes.extend(data);
    fs::write(folder.path().join("log"), bytes).unwrap();
    let log = WriteLog::open(&folder.path().join("log")).unwrap();
    let drive = Drive { path: disk, format: Format::Raw, sector_size: 512 };
    (folder, vec![drive], Recording { log, events })
}

/// The first byte of each sector, as a digit.
fn seen(disks: &[Drive]) -> String {
    let bytes = fs::read(&disks[0].path).unwrap();
    bytes.chunks(SECTOR).map(|sector| format!("{:x}", sector[0] & 0xf)).collect()
}

/// Sector 0 and sectors 4 to 7 are critical.
fn history(recording: &Recording) -> History<'_> {
    History { recording, critical: vec![vec![0..512, 4 * 512..8 * 512]] }
}

const BOOT_AND_MORE: [Option<(u64, u64, u8)>; 5] =
    [Some((0, 1, 2)), None, Some((3, 6, 3)), Some((12, 1, 0)), None];

#[test]
fn any_part_of_what_is_not_flushed_may_land() {
    let (_folder, disks, recording) = recorded(&BOOT_AND_MORE);
    let history = history(&recording);
    let mut replay = Replay::new(&history, &disks);
    for (at, landed, expected) in [
        (0, Landed::Everything, "1111111111111111"),
        (1, Landed::Nothing, "1111111111111111"),
        (1, Landed::Heads, "2111111111111111"),
        (4, Landed::Everything, "2113333331110111"),
        (4, Landed::Others, "2113111131110111"),
        (4, Landed::Critical, "2111333311111111"),
        (4, Landed::Heads, "2111311111111111"),
        (4, Landed::Nothing, "2111111111111111"),
        (5, Landed::Nothing, "2113333331110111"),
    ] {
        replay.advance(Cut { at, landed });
        assert_eq!(seen(&disks), expected, "{landed:?} at {at}");
    }
}

#[test]
fn a_cut_before_each_flush_of_something_critical() {
    let (_folder, _disks, recording) = recorded(&BOOT_AND_MORE);
    let cuts: Vec<_> = history(&recording).cuts(0).into_iter().map(|cut| (cut.at, cut.landed)).collect();
    assert_eq!(
        cuts,
        [
            (0, Landed::Nothing),
            (1, Landed::Heads),
            (4, Landed::Heads),
            (4, Landed::Critical),
            (4, Landed::Others),
            (4, Landed::Everything),
        ]
    );
    let more = history(&recording).cuts(2);
    assert!(more.contains(&Cut { at: 3, landed: Landed::Everything }), "one lies between: {more:?}");
}

#[test]
fn a_node_is_old_until_something_else_changes_and_new_when_nothing_will() {
    let (_folder, disks, recording) = recorded(&[
        Some((0, 1, 2)),
        Some((8, 1, 0x11)),
        None,
        Some((8, 1, 5)),
        Some((9, 1, 5)),
        None,
        Some((0, 1, 3)),
    ]);
    let history = history(&recording);
    let changing = Replay::new(&history, &disks).finish();
    assert_eq!(changing, [3, 4], "the second one writes what is there");
    assert_eq!(seen(&disks), "3111111155111111");
    let node = |at, landed| history.node(&changing, Cut { at, landed });
    assert_eq!(node(3, Landed::Everything), Node::Old);
    assert_eq!(node(4, Landed::Everything), Node::Half);
    assert_eq!(node(5, Landed::Critical), Node::Old);
    assert_eq!(node(5, Landed::Others), Node::New);
    assert_eq!(node(7, Landed::Nothing), Node::New);
}
