//! Against a server that takes one report.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{Known, Report};
use crate::apply::{DiskState, Failure};
use crate::facts::{DiskFacts, Firmware, Found, Machine, Nic};
use crate::units::{Bytes, SectorSize};

/// Takes one report and answers with `status`; the result is its address, and the report that it got.
fn server(status: &'static str) -> (String, thread::JoinHandle<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/installed", listener.local_addr().unwrap());
    let answering = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let head: Vec<String> =
            reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        assert_eq!(head[0], "POST /installed HTTP/1.1");
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        (&stream).write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
        serde_json::from_slice(&body).unwrap()
    });
    (address, answering)
}

fn machine(disks: &[&str]) -> Machine {
    let nic = Nic { name: "eth0".to_owned(), mac: "52:54:00:00:00:09".to_owned(), driver: None };
    let found = |name: &&str| Found::blank(DiskFacts::new(*name, Bytes::GIB, SectorSize::B512));
    let disks = disks.iter().map(found).collect();
    Machine { firmware: Firmware::Bios, memory: Bytes::GIB, serial: "S9".to_owned(), nics: vec![nic], disks }
}

/// What somebody who is told gets to see; times apart.
fn told(known: &Known, failed: Option<&anyhow::Error>) -> Value {
    let (address, answering) = server("200 OK");
    Report::new(known, failed, "what was said\n".to_owned()).send(&address).unwrap();
    let mut report = answering.join().unwrap();
    assert!(report["seconds"].take().is_u64());
    report
}

#[test]
fn a_machine_that_nobody_knows_is_told_with_all_that_was_found() {
    let known = Known { machine: Some(machine(&["/dev/sda"])), ..Known::default() };
    let failed = anyhow!("this machine is no node\nhint: write its MAC address at its [[node]]");
    let report = told(&known, Some(&failed));
    assert_eq!(report["facts"]["nics"][0]["mac"], "52:54:00:00:00:09");
    assert_eq!(report["facts"]["serial"], "S9");
    let rest = [
        &report["node"],
        &report["installed"],
        &report["error"],
        &report["hint"],
        &report["disks"],
        &report["log"],
    ];
    let expected = [
        &Value::Null,
        &json!(false),
        &json!("this machine is no node"),
        &json!("write its MAC address at its [[node]]"),
        &json!([{ "disk": "/dev/sda", "state": "untouched" }]),
        &json!("what was said\n"),
    ];
    assert_eq!(rest, expected);
}

#[test]
fn nothing_may_be_known_but_the_error() {
    let report = told(&Known::default(), Some(&anyhow!("cannot read sysfs")));
    let expected = json!({
        "node": null, "installed": false, "error": "cannot read sysfs", "hint": "", "disks": [], "facts": null,
        "seconds": null, "log": "what was said\n",
    });
    assert_eq!(report, expected);
}

#[test]
fn every_refusal_is_told_with_its_way_out() {
    let known = Known { node: Some("n1".to_owned()), ..Known::default() };
    let report = told(&known, Some(&anyhow!("one\nhint: first\nerror: two\nhint: second")));
    assert_eq!([&report["node"], &report["error"], &report["hint"]], ["n1", "one\ntwo", "first\nsecond"]);
}

#[test]
fn disks_are_in_the_state_that_a_failure_left_them_in() {
    let disks = ["/dev/sda", "/dev/sdb", "/dev/sdc"];
    let known = Known {
        machine: Some(machine(&disks)),
        planned: disks[..2].iter().map(|disk| (*disk).to_owned()).collect(),
        ..Known::default()
    };
    let states = |report: &Value| {
        let disks = report["disks"].as_array().unwrap().iter();
        disks.map(|disk| disk["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let failure = Failure {
        step: 3,
        what: "syncing".to_owned(),
        action: "sync /dev/sdb".to_owned(),
        because: anyhow!("no"),
        disks: vec![
            ("/dev/sda".to_owned(), DiskState::Complete),
            ("/dev/sdb".to_owned(), DiskState::BeingWritten),
        ],
        left: vec![],
    };
    let failed = told(&known, Some(&failure.into()));
    assert_eq!(states(&failed), ["complete", "being written: boots nothing", "untouched"]);
    assert_eq!(
        failed["error"],
        "syncing: no\nin: sync /dev/sdb\n/dev/sda: complete\n/dev/sdb: being written: boots nothing"
    );
    assert_eq!(states(&told(&known, None)), ["complete", "complete", "untouched"]);
}

#[test]
fn nobody_takes_it() {
    let (address, answering) = server("500 Internal Server Error");
    let report = Report::new(&Known::default(), None, String::new());
    let error = format!("{:#}", report.send(&address).unwrap_err());
    answering.join().unwrap();
    let expected =
        format!("{address}: HTTP status server error (500 Internal Server Error) for url ({address})");
    assert_eq!(error, expected);
    assert!(Known::default().start.elapsed() < Duration::from_secs(1));
}
