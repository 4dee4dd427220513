//! Against a server that gives canned answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::Http;
use crate::payload::source::{ReadFailed, Source as _};
use crate::units::Bytes;

/// Long enough for a busy machine to answer in, short enough to wait for.
const STALLED: Duration = Duration::from_millis(500);
const PATIENT: Duration = Duration::from_secs(60);

/// What the server does behind its answer.
#[derive(Clone, Copy)]
enum Then {
    Closes,
    Waits,
}

/// Answers one request; the result is its address and the line that was asked.
fn server(answer: &'static str, then: Then) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/payload", listener.local_addr().unwrap());
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = head(&stream);
        stream.write_all(answer.as_bytes()).unwrap();
        if matches!(then, Then::Waits) {
            // Until the other side gives up.
            drop(stream.read(&mut [0]));
        }
        asked
    });
    (address, answering)
}

fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    head[0].clone()
}

fn read(answer: &'static str) -> Result<Vec<u8>, ReadFailed> {
    let (address, answering) = server(answer, Then::Closes);
    let read = Http::new(&address, PATIENT).unwrap().read("manifest.json", Bytes(5));
    assert_eq!(answering.join().unwrap(), "GET /payload/manifest.json HTTP/1.1");
    read
}

fn stalled(answer: &'static str) -> ReadFailed {
    let (address, answering) = server(answer, Then::Waits);
    let failed = Http::new(&address, STALLED).unwrap().read("manifest.json", Bytes(5)).unwrap_err();
    answering.join().unwrap();
    failed
}

fn for_now(because: &str) -> ReadFailed {
    ReadFailed::ForNow(because.to_owned())
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"), Ok(b"one".to_vec()));
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none, two"), Ok(b"one, ".to_vec()));
}

#[test]
fn a_status_says_whether_to_ask_again() {
    assert_eq!(
        read("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        Err(ReadFailed::NotThere("the server answers 404 Not Found".to_owned()))
    );
    assert_eq!(
        read("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        Err(ReadFailed::ForGood("the server answers 403 Forbidden".to_owned()))
    );
    assert_eq!(
        read("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        Err(for_now("the server answers 503 Service Unavailable"))
    );
    assert_eq!(
        read("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"),
        Err(for_now("the server answers 429 Too Many Requests"))
    );
}

#[test]
fn an_answer_that_is_cut_off_is_no_file() {
    assert_eq!(
        read("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none"),
        Err(for_now("end of file before message length reached"))
    );
}

#[test]
fn a_server_that_says_nothing_more_is_given_up() {
    let silent = for_now("no byte came for 0.5 s");
    assert_eq!(stalled(""), silent, "before the answer");
    assert_eq!(stalled("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none"), silent, "in the middle of it");
}

#[test]
fn nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let read = Http::new(&address, PATIENT).unwrap().read("manifest.json", Bytes(5));
    assert_eq!(read, Err(for_now("Connection refused (os error 111)")));
}

#[test]
fn an_address_is_shown_without_its_password() {
    let place = |address| Http::new(address, PATIENT).unwrap().place();
    assert_eq!(place("http://boot.example.net/payload/"), "http://boot.example.net/payload");
    assert_eq!(place("http://me:secret@boot/p"), "http://me:***@boot/p");
    assert_eq!(
        Http::new("ftp://boot/p", PATIENT).unwrap_err().report(),
        "error: cannot use the payload's address ftp://boot/p
  because: it is of kind ftp, not http or https
  hint: give an address such as http://boot.example.net/payload"
    );
}
