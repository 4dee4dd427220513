//! A web server for one test: some files on a port of 127.0.0.1 that the system picks. It stops when dropped.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// What lies behind a path.
#[derive(Clone, Debug)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What is in this file.
    File(PathBuf),
    /// The right one, but the first so many answers go wrong.
    Wrong(Box<Body>, Wrong, usize),
}

/// How an answer goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A bit in the middle of it is another one.
    Flipped,
    /// The connection ends with the first half of it.
    CutOff,
    /// Nothing comes behind the first half of it, until the client has had enough.
    Stalled,
}

impl Body {
    /// The file, and the first so many answers go wrong.
    #[must_use]
    pub fn wrong(file: PathBuf, wrong: Wrong, times: usize) -> Self {
        Self::Wrong(Box::new(Self::File(file)), wrong, times)
    }

    /// All of it, as it should be.
    fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(file) => fs::read(file),
            Self::Wrong(body, ..) => body.read(),
        }
    }
}

/// Everything there is, by path; a path begins with `/`.
pub type Site = BTreeMap<String, Body>;

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    site: Site,
    gate: Mutex<Gate>,
    changed: Condvar,
    /// How often each path was asked for.
    asked: Mutex<BTreeMap<String, usize>>,
}

/// Requests that get half of what they ask for, and no more until they are let go.
#[derive(Debug, Default)]
struct Gate {
    hold: Option<String>,
    held: usize,
    stopped: bool,
}

impl Server {
    /// Serves `site`.
    #[must_use]
    pub fn start(site: Site) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of 127.0.0.1");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            site,
            gate: Mutex::default(),
            changed: Condvar::new(),
            asked: Mutex::default(),
        });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Such as `http://127.0.0.1:40000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on whoever asks for a path with `part` in it gets half of it, and waits.
    pub fn hold(&self, part: &str) {
        let mut gate = self.shared.gate();
        (gate.hold, gate.held) = (Some(part.to_owned()), 0);
    }

    /// Whether somebody is being held, at the latest after `deadline`.
    #[must_use]
    pub fn holds(&self, deadline: Duration) -> bool {
        let nobody = |gate: &mut Gate| gate.held == 0;
        let waited = self.shared.changed.wait_timeout_while(self.shared.gate(), deadline, nobody);
        waited.is_ok_and(|(gate, _)| gate.held > 0)
    }

    /// Lets everybody go.
    pub fn let_go(&self) {
        self.shared.gate().hold = None;
        self.shared.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.gate().stopped = true;
        self.let_go();
        // Wakes the thread, which then sees that it has to stop.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().expect("no thread dies with the gate")
    }

    fn answer(&self, mut client: &TcpStream) -> io::Result<()> {
        let path = requested(client)?;
        let found = self.site.get(&path).map(Body::read).transpose()?;
        let wrong = self.wrong(&path);
        let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
        let mut body = found.unwrap_or_default();
        let half = body.len() / 2;
        if wrong == Some(Wrong::Flipped) {
            body[half] ^= 1;
        }
        write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
        let (now, later) = body.split_at(half);
        client.write_all(now)?;
        self.wait_at_gate(&path);
        match wrong {
            Some(Wrong::CutOff) => Ok(()),
            // It closes the connection in the end.
            Some(Wrong::Stalled) => client.read(&mut [0]).map(drop),
            Some(Wrong::Flipped) | None => client.write_all(later),
        }
    }

    /// How this answer goes wrong, if it does.
    fn wrong(&self, path: &str) -> Option<Wrong> {
        let Some(Body::Wrong(_, wrong, times)) = self.site.get(path) else { return None };
        let mut asked = self.asked.lock().expect("no thread dies with the count");
        let asked = asked.entry(path.to_owned()).or_default();
        *asked += 1;
        (*asked <= *times).then_some(*wrong)
    }

    fn wait_at_gate(&self, path: &str) {
        let held = |gate: &Gate| gate.hold.as_ref().is_some_and(|part| path.contains(part));
        let mut gate = self.gate();
        if !held(&gate) {
            return;
        }
        gate.held += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(gate, |gate| held(gate)));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().filter_map(Result::ok) {
        if shared.gate().stopped {
            return;
        }
        let shared = Arc::clone(shared);
        // A client that goes away is its own problem.
        thread::spawn(move || drop(shared.answer(&client)));
    }
}

/// The path of a request; its headers are read, and say nothing to us.
fn requested(client: &TcpStream) -> io::Result<String> {
    let mut lines = BufReader::new(client).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    Ok(percent_decode_str(path).decode_utf8_lossy().into_owned())
}
