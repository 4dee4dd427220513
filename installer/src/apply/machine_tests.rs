use std::fs;
use std::io::Write;
use std::time::Duration;

use tempfile::{TempDir, tempdir};

use super::super::door::Door as _;
use super::Machine;
use crate::format::Piece;
use crate::host::{Command, Run as _};
use crate::units::{Bytes, SectorSize};

/// A file of 8 KiB, as a disk.
fn disk(dir: &TempDir) -> String {
    let path = dir.path().join("disk");
    fs::write(&path, [0xaa; 8192]).unwrap();
    path.to_str().unwrap().to_owned()
}

fn lock(machine: &mut Machine, disk: &str, size: u64) -> Result<(), String> {
    machine.lock(disk, Bytes(size), SectorSize::B512).map_err(|error| error.to_string())
}

#[test]
fn a_disk_has_one_installer_at_a_time() {
    let dir = tempdir().unwrap();
    let disk = disk(&dir);
    let (mut one, mut other) = (Machine::default(), Machine::default());
    lock(&mut one, &disk, 8192).unwrap();
    let refused = format!("{disk} is in use: another program has locked it");
    assert_eq!(lock(&mut other, &disk, 8192), Err(refused));
    one.unlock(&disk).unwrap();
    lock(&mut other, &disk, 8192).unwrap();
    drop(other);
    lock(&mut one, &disk, 8192).unwrap();
}

#[test]
fn another_disk_under_the_name_is_refused() {
    let dir = tempdir().unwrap();
    let disk = disk(&dir);
    let refused = format!("{disk} has 8192 bytes, and the plan is for one of 4096");
    assert_eq!(lock(&mut Machine::default(), &disk, 4096), Err(refused));
    lock(&mut Machine::default(), &disk, 8192).unwrap();
}

#[test]
fn only_the_pieces_are_written() {
    let dir = tempdir().unwrap();
    let disk = disk(&dir);
    let pieces = [(0, vec![1; 440]), (4096, vec![2; 10])].map(|(at, bytes)| Piece { at: Bytes(at), bytes });
    Machine::default().write(&disk, &pieces).unwrap();
    let found = fs::read(&disk).unwrap();
    assert_eq!((found.len(), &found[..440], &found[4096..4106]), (8192, &[1; 440][..], &[2; 10][..]));
    assert!(found[440..4096].iter().chain(&found[4106..]).all(|byte| *byte == 0xaa));
}

#[test]
fn a_device_that_is_not_there_is_not_made() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("sdz").to_str().unwrap().to_owned();
    let error = Machine::default().write(&path, &[]).unwrap_err();
    assert_eq!(format!("{error:#}"), format!("cannot open {path}: No such file or directory (os error 2)"));
    assert!(!dir.path().join("sdz").exists());
}

#[test]
fn a_device_is_waited_for_until_it_has_its_size() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("late").to_str().unwrap().to_owned();
    let wait = |size| Machine::default().wait_for(&path, Bytes(size), Duration::ZERO);
    let error = wait(4096).unwrap_err();
    let missing = format!("waited 0 s for {path}: cannot open it: No such file or directory (os error 2)");
    assert_eq!(format!("{error:#}"), missing);
    fs::write(&path, [0; 512]).unwrap();
    let error = wait(4096).unwrap_err();
    let small = format!("waited 0 s for {path}: {path} has 512 bytes, and the plan is for one of 4096");
    assert_eq!(format!("{error:#}"), small);
    let grows = std::thread::spawn({
        let path = path.clone();
        move || fs::write(path, [0; 4096]).unwrap()
    });
    Machine::default().wait_for(&path, Bytes(4096), Duration::from_secs(60)).unwrap();
    grows.join().unwrap();
}

#[test]
fn a_file_is_put_and_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("new/folder/file").to_str().unwrap().to_owned();
    let mut machine = Machine::default();
    machine.put(&path, b"content").unwrap();
    assert_eq!(machine.read(&path).unwrap(), b"content");
    assert_eq!(machine.run(&Command::new(["cat", &path])).unwrap(), "content");
}

fn feed(script: &str, content: &mut dyn FnMut(&mut dyn Write) -> anyhow::Result<()>) -> Result<(), String> {
    let command = Command::new(["sh", "-c", script]);
    Machine::default().feed(&command, content).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_program_gets_all_that_is_written() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fed").to_str().unwrap().to_owned();
    let bytes = vec![7; 3 << 20];
    feed(&format!("cat > {path}"), &mut |out| Ok(out.write_all(&bytes)?)).unwrap();
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn of_program_and_content_the_one_that_failed_is_named() {
    let bytes = vec![7; 3 << 20];
    let full = feed("echo disk full >&2; exit 2", &mut |out| Ok(out.write_all(&bytes)?));
    assert_eq!(full, Err("`sh -c 'echo disk full >&2; exit 2'` failed with status 2: disk full".to_owned()));
    let damaged = feed("cat > /dev/null", &mut |_| anyhow::bail!("chunk 3 is damaged"));
    assert_eq!(damaged, Err("chunk 3 is damaged".to_owned()));
    let quiet = feed("cat > /dev/null; exit 1", &mut |out| Ok(out.write_all(b"x")?));
    assert_eq!(quiet, Err("`sh -c 'cat > /dev/null; exit 1'` failed with status 1".to_owned()));
}
