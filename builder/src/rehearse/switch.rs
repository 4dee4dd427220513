//! An Ethernet switch: it learns who is where, and sends to everybody what is for everybody or for nobody it knows.

use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Result as IoResult};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags};

use super::worker::{self, NAP, Stop, Worker};

/// The largest frame that QEMU makes of a packet: 64 KiB and its headers.
const LARGEST: usize = 66 << 10;
/// Frames that wait for a port whose machine is slow. The kernel itself keeps ten of a socket (`net.unix.max_dgram_qlen`).
const WAITING: usize = 512;
/// What waits longer than this is lost, as on any wire.
const PATIENCE: Duration = Duration::from_secs(1);
/// How soon a slow port is tried again.
const SOON: Duration = Duration::from_millis(1);

type Mac = [u8; 6];

/// What a port is connected to.
#[derive(Debug)]
pub enum Plug {
    /// A card of QEMU's, by the paths of our socket and of its own.
    Card {
        /// Ours; it must not be there yet.
        ours: PathBuf,
        /// QEMU's.
        theirs: PathBuf,
    },
    /// The other end of a pair.
    Wire(UnixDatagram),
}

/// A switch that works.
#[derive(Debug)]
pub struct Switch {
    ports: Arc<Vec<Port>>,
    _worker: Worker,
}

#[derive(Debug)]
struct Port {
    socket: UnixDatagram,
    /// None where the socket is one of a pair.
    peer: Option<PathBuf>,
    plugged: AtomicBool,
    powered: AtomicBool,
}

impl Switch {
    /// Starts a switch whose ports are numbered in this order.
    ///
    /// # Errors
    /// When a socket cannot be made.
    pub fn start(name: &str, plugs: Vec<Plug>) -> Result<Self> {
        let ports: Vec<Port> = plugs.into_iter().map(Port::new).collect::<Result<_>>()?;
        let ports = Arc::new(ports);
        let shared = ports.clone();
        let worker = Worker::start(&format!("switch {name}"), move |stop| work(&shared, stop))?;
        Ok(Self { ports, _worker: worker })
    }

    /// Pulls the cable out of a port, or plugs it in again.
    pub fn plug(&self, port: usize, plugged: bool) {
        self.ports.iter().skip(port).take(1).for_each(|port| port.plugged.store(plugged, Ordering::Relaxed));
    }

    /// Says whether the machine behind a port has power: a card without is dead.
    pub fn power(&self, port: usize, powered: bool) {
        self.ports.iter().skip(port).take(1).for_each(|port| port.powered.store(powered, Ordering::Relaxed));
    }
}

impl Port {
    fn new(plug: Plug) -> Result<Self> {
        let (socket, peer) = match plug {
            Plug::Card { ours, theirs } => (bind(&ours)?, Some(theirs)),
            Plug::Wire(socket) => (socket, None),
        };
        socket.set_nonblocking(true).context("cannot make a port of a switch")?;
        Ok(Self { socket, peer, plugged: AtomicBool::new(true), powered: AtomicBool::new(true) })
    }

    fn is_up(&self) -> bool {
        self.plugged.load(Ordering::Relaxed) && self.powered.load(Ordering::Relaxed)
    }

    fn send(&self, frame: &[u8]) -> IoResult<usize> {
        match &self.peer {
            Some(path) => self.socket.send_to(frame, path),
            None => self.socket.send(frame),
        }
    }
}

fn bind(path: &Path) -> Result<UnixDatagram> {
    UnixDatagram::bind(path).with_context(|| format!("cannot make the socket {}", path.display()))
}

/// A frame that a slow port has not taken yet.
struct Late {
    frame: Vec<u8>,
    since: Instant,
}

fn work(ports: &[Port], stop: &Stop) {
    let (mut table, mut buffer) = (Table::default(), vec![0; LARGEST]);
    let mut late: Vec<VecDeque<Late>> = ports.iter().map(|_| VecDeque::new()).collect();
    while !stop.is_told() {
        let waiting = late.iter().any(|queue| !queue.is_empty());
        let mut fds: Vec<_> = ports.iter().map(|port| PollFd::new(&port.socket, PollFlags::IN)).collect();
        worker::wait(&mut fds, if waiting { SOON } else { NAP });
        for from in 0..ports.len() {
            while let Ok(length) = ports[from].socket.recv(&mut buffer) {
                let frame = &buffer[..length];
                if ports[from].is_up() {
                    let targets = table.targets(from, frame, ports.len());
                    targets.for_each(|to| deliver(&ports[to], &mut late[to], frame));
                }
            }
        }
        ports.iter().zip(&mut late).for_each(|(port, queue)| catch_up(port, queue));
    }
}

/// In order: what is late goes first.
fn deliver(port: &Port, late: &mut VecDeque<Late>, frame: &[u8]) {
    let wait = port.is_up() && (!late.is_empty() || is_busy(&port.send(frame)));
    if wait && late.len() < WAITING {
        late.push_back(Late { frame: frame.to_owned(), since: Instant::now() });
    }
}

fn catch_up(port: &Port, late: &mut VecDeque<Late>) {
    while let Some(next) = late.front() {
        let lost = next.since.elapsed() > PATIENCE || !port.is_up();
        if !lost && is_busy(&port.send(&next.frame)) {
            return;
        }
        late.pop_front();
    }
}

/// Whoever is not there gets nothing; whoever is busy gets it later.
fn is_busy(sent: &IoResult<usize>) -> bool {
    sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Which address was last seen at which port.
#[derive(Debug, Default)]
struct Table(HashMap<Mac, usize>);

impl Table {
    /// Where a frame goes, of so many ports. What is no frame goes nowhere.
    fn targets(&mut self, from: usize, frame: &[u8], ports: usize) -> impl Iterator<Item = usize> + use<> {
        let mac = |at: usize| frame.get(at..at + 6).and_then(|bytes| Mac::try_from(bytes).ok());
        let (whole, known) = match (mac(0), mac(6)) {
            (Some(to), Some(source)) => {
                self.0.insert(source, from);
                (true, self.0.get(&to).copied().filter(|_| !is_group(to)))
            }
            _ => (false, None),
        };
        (0..ports).filter(move |to| whole && *to != from && known.is_none_or(|known| known == *to))
    }
}

fn is_group(mac: Mac) -> bool {
    mac[0] & 1 == 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Plug, Switch, Table};
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    const ANY: u8 = 0xff;

    fn frame(to: u8, from: u8) -> Vec<u8> {
        let mac = |last: u8| if last == ANY { [ANY; 6] } else { [2, 0, 0, 0, 0, last] };
        [&mac(to)[..], &mac(from), b"\x08\x00payload"].concat()
    }

    #[test]
    fn what_is_known_goes_to_one_port_and_the_rest_to_all_others() {
        let mut table = Table::default();
        let mut targets = |from, frame: &[u8]| table.targets(from, frame, 3).collect::<Vec<_>>();
        assert_eq!(targets(0, &frame(2, 1)), [1, 2]);
        assert_eq!(targets(1, &frame(1, 2)), [0]);
        assert_eq!(targets(0, &frame(2, 1)), [1]);
        assert_eq!(targets(0, &frame(ANY, 1)), [1, 2]);
        assert_eq!(targets(2, &frame(1, 2)), [0], "2 has moved to another port");
        assert_eq!(targets(0, &frame(2, 1)), [2]);
        assert_eq!(targets(2, &frame(2, 2)), [] as [usize; 0], "it is where it comes from");
        assert_eq!(targets(0, b"short"), [] as [usize; 0]);
    }

    #[test]
    fn a_pulled_cable_carries_nothing_in_either_direction() {
        let (pairs, plugs): (Vec<_>, Vec<_>) =
            (0..2).map(|_| UnixDatagram::pair().unwrap()).map(|(one, two)| (one, Plug::Wire(two))).unzip();
        let switch = Switch::start("test", plugs).unwrap();
        pairs.iter().for_each(|end| end.set_read_timeout(Some(Duration::from_millis(500))).unwrap());
        let mut buffer = [0; 100];
        let mut passes = |from: usize, to: usize| {
            pairs[from].send(&frame(ANY, from as u8)).unwrap();
            pairs[to].recv(&mut buffer).is_ok()
        };
        assert!(passes(0, 1));
        switch.plug(1, false);
        assert!(!passes(0, 1));
        assert!(!passes(1, 0));
        switch.plug(1, true);
        assert!(passes(1, 0));
        switch.power(0, false);
        assert!(!passes(1, 0));
    }
}
