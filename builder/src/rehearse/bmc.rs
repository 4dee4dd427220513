//! The BMC of a node: an address on a switch, behind which `ipmi_sim` answers.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint};

use super::chassis::{Chassis, Power};
use super::ipmi::{COMMANDS, Settings};
use super::keeper::Keeper;
use super::vlan;
use super::worker::{self, NAP, Stop, Worker};
use crate::tools::Tools;

/// RMCP.
const PORT: u16 = 623;
/// More than any message of IPMI.
const LARGEST: usize = 2048;
/// Messages that may wait for each other.
const QUEUE: usize = 32;
/// Whoever talks to the BMC has a connection of its own to the simulator; so many are kept.
const CLIENTS: usize = 64;

/// What a BMC has.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its address.
    pub address: Ipv4Addr,
    /// The prefix of its network.
    pub prefix: u8,
    /// The MAC of its card.
    pub mac: [u8; 6],
    /// The VLAN that it is in, on the cables of others; switches leave tags as they are.
    pub vlan: Option<u16>,
    /// Who may log in.
    pub user: String,
    /// With what.
    pub password: String,
}

/// A BMC that answers.
#[derive(Debug)]
pub struct Bmc {
    simulator: Keeper,
    _relay: Worker,
    _chassis: Chassis,
}

impl Bmc {
    /// Starts it in a new folder; `wire` leads to its switch.
    ///
    /// # Errors
    /// When any of its parts does not start.
    pub fn start(
        tools: &Tools,
        folder: &Path,
        account: &Account,
        wire: UnixDatagram,
        power: impl Power + 'static,
    ) -> Result<Self> {
        DirBuilder::new().mode(0o700).create(folder).context("cannot make the folder of a BMC")?;
        let listen = free_port()?;
        let chassis = Chassis::start(folder, power)?;
        let simulator = simulate(tools, folder, account, listen)?;
        wire.set_nonblocking(true)?;
        let account = account.clone();
        let relay = Worker::start("bmc", move |stop| {
            Relay::new(Wire(wire, account.vlan), &account, listen).run(stop)
        })?;
        Ok(Self { simulator, _relay: relay, _chassis: chassis })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// How it has ended.
    pub fn check(&self) -> Result<()> {
        self.simulator.check()
    }
}

/// One that nobody has at the moment: the simulator takes it right away.
fn free_port() -> Result<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no free UDP port")?;
    Ok(socket.local_addr()?)
}

fn simulate(tools: &Tools, folder: &Path, account: &Account, listen: SocketAddr) -> Result<Keeper> {
    let inside = folder.display().to_string();
    let [lan, commands] = ["lan.conf", "commands"].map(|name| folder.join(name));
    let program = Chassis::program(folder);
    let settings = Settings { user: &account.user, password: &account.password, listen, program: &program };
    // The folder is ours alone.
    fs::write(&lan, settings.text()).context("cannot write lan.conf")?;
    fs::write(&commands, COMMANDS).context("cannot write the BMC's commands")?;
    let [lan, commands] = [lan, commands].map(|path| path.display().to_string());
    let argv = ["ipmi_sim", "--nopersist", "--nostdio", "-s", &inside, "-c", &lan, "-f", &commands];
    let sandbox = tools.run(argv).network().bind(folder, &inside);
    Keeper::start("ipmi_sim", sandbox, &folder.join("log"), |_| false)
}

/// A network card that is one end of a pair of sockets, and the VLAN that it is in.
struct Wire(UnixDatagram, Option<u16>);

struct Frame(Vec<u8>);

impl phy::Device for Wire {
    type RxToken<'a> = Frame;
    type TxToken<'a> = &'a Wire;

    fn receive(&mut self, _: Instant) -> Option<(Frame, &Self)> {
        let mut buffer = vec![0; LARGEST];
        loop {
            let length = self.0.recv(&mut buffer).ok()?;
            if let Some(frame) = vlan::without(&buffer[..length], self.1) {
                return Some((Frame(frame), self));
            }
        }
    }

    fn transmit(&mut self, _: Instant) -> Option<&Self> {
        Some(self)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl phy::RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl phy::TxToken for &Wire {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let filled = fill(&mut frame);
        let _lost_as_on_any_wire = self.0.send(&vlan::with(&frame, self.1));
        filled
    }
}

/// What carries messages between the wire and the simulator.
struct Relay {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    port: SocketHandle,
    simulator: SocketAddr,
    clients: HashMap<IpEndpoint, UdpSocket>,
}

impl Relay {
    fn new(mut wire: Wire, account: &Account, simulator: SocketAddr) -> Self {
        let config = Config::new(EthernetAddress(account.mac).into());
        let mut interface = Interface::new(config, &mut wire, Instant::now());
        let address = IpCidr::new(account.address.into(), account.prefix);
        // There is room for one address.
        interface.update_ip_addrs(|addresses| addresses.extend([address]));
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; QUEUE], vec![0; QUEUE * LARGEST]);
        let mut sockets = SocketSet::new(vec![]);
        let port = sockets.add(udp::Socket::new(buffer(), buffer()));
        Self { wire, interface, sockets, port, simulator, clients: HashMap::new() }
    }

    fn run(mut self, stop: &Stop) {
        let port = self.sockets.get_mut::<udp::Socket>(self.port);
        // A new socket can be bound to any port but 0.
        let _bound = port.bind(PORT);
        let mut message = vec![0; LARGEST];
        while !stop.is_told() {
            let mut fds = vec![PollFd::new(&self.wire.0, PollFlags::IN)];
            fds.extend(self.clients.values().map(|socket| PollFd::new(socket, PollFlags::IN)));
            worker::wait(&mut fds, NAP);
            self.interface.poll(Instant::now(), &mut self.wire, &mut self.sockets);
            self.inward();
            self.outward(&mut message);
            self.interface.poll(Instant::now(), &mut self.wire, &mut self.sockets);
        }
    }

    fn inward(&mut self) {
        let port = self.sockets.get_mut::<udp::Socket>(self.port);
        while let Ok((message, from)) = port.recv() {
            if !self.clients.contains_key(&from.endpoint) {
                if self.clients.len() >= CLIENTS {
                    self.clients.clear();
                }
                self.clients.extend(client(self.simulator).ok().map(|socket| (from.endpoint, socket)));
            }
            let socket = self.clients.get(&from.endpoint);
            let _lost_as_on_any_wire = socket.map(|socket| socket.send(message));
        }
    }

    fn outward(&mut self, message: &mut [u8]) {
        let port = self.sockets.get_mut::<udp::Socket>(self.port);
        for (endpoint, socket) in &self.clients {
            while let Ok(length) = socket.recv(message) {
                let _lost_as_on_any_wire = port.send_slice(&message[..length], *endpoint);
            }
        }
    }
}

fn client(simulator: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(simulator)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
