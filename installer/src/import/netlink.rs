//! The kernel's NBD driver, over generic netlink (`include/uapi/linux/nbd-netlink.h`, `genetlink.h`, `netlink.h`). A request has a
//! header, one of its family, and attributes: length, kind and value, padded to four bytes. Numbers are the machine's.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use super::handshake::Offer;

/// `GENL_ID_CTRL`, which knows the numbers of the others.
const CONTROL: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// `NLMSG_ERROR`, with 0 where nothing went wrong.
const ERROR: u16 = 2;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST: u16 = 5;
/// Of the header, with that of the family.
const HEADERS: usize = 16 + 4;

const CONNECT: u8 = 1;
const DISCONNECT: u8 = 2;
const RECONFIGURE: u8 = 3;

const INDEX: u16 = 1;
const SIZE: u16 = 2;
const TIMEOUT: u16 = 4;
const SERVER_FLAGS: u16 = 5;
const SOCKETS: u16 = 7;
const DEAD_TIMEOUT: u16 = 8;
/// The same number on both levels below [`SOCKETS`].
const ITEM: u16 = 1;
/// `NLA_F_NESTED`.
const NESTED: u16 = 1 << 15;

/// Seconds until a request without an answer is sent again, over whatever connection there is then.
const RETRY: u64 = 10;
/// Seconds without any connection until requests fail. OCFS2 has fenced its node long before; others may wait.
const PATIENCE: u64 = 24 * 3600;

/// The driver.
#[derive(Debug)]
pub(super) struct Driver {
    socket: OwnedFd,
    family: u16,
}

impl Driver {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::GENERIC))?;
        let name = attribute(FAMILY_NAME, b"nbd\0");
        let answers = ask(&socket, &message(CONTROL, GET_FAMILY, &[name]))?;
        let family = answers.iter().find_map(|answer| find(answer, FAMILY_ID));
        let family = family.ok_or_else(|| io::Error::other("the kernel has no NBD"))?;
        Ok(Self { socket, family })
    }

    /// Makes `/dev/nbdMINOR` of what a server offers.
    pub(super) fn connect(&self, minor: u32, offer: &Offer, stream: &TcpStream) -> io::Result<()> {
        self.ask(
            CONNECT,
            &[
                attribute(INDEX, &minor.to_ne_bytes()),
                attribute(SIZE, &offer.size.to_ne_bytes()),
                attribute(TIMEOUT, &RETRY.to_ne_bytes()),
                attribute(DEAD_TIMEOUT, &PATIENCE.to_ne_bytes()),
                attribute(SERVER_FLAGS, &u64::from(offer.flags).to_ne_bytes()),
                sockets(stream),
            ],
        )
    }

    /// Gives it a connection in the place of one that is gone.
    pub(super) fn reconnect(&self, minor: u32, stream: &TcpStream) -> io::Result<()> {
        self.ask(RECONFIGURE, &[attribute(INDEX, &minor.to_ne_bytes()), sockets(stream)])
    }

    /// Ends it; requests fail from then on.
    pub(super) fn disconnect(&self, minor: u32) -> io::Result<()> {
        self.ask(DISCONNECT, &[attribute(INDEX, &minor.to_ne_bytes())])
    }

    fn ask(&self, command: u8, attributes: &[Vec<u8>]) -> io::Result<()> {
        ask(&self.socket, &message(self.family, command, attributes)).map(drop)
    }
}

fn sockets(stream: &TcpStream) -> Vec<u8> {
    let descriptor = attribute(ITEM, &stream.as_raw_fd().to_ne_bytes());
    attribute(SOCKETS | NESTED, &attribute(ITEM | NESTED, &descriptor))
}

fn message(family: u16, command: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
    let attributes = attributes.concat();
    let (length, sequence, port, version) = ((HEADERS + attributes.len()) as u32, 1_u32, 0_u32, 1_u8);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(family.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend([command, version, 0, 0]);
    bytes.extend(attributes);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((value.len() + 4) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Sends a request and takes what comes until it is acknowledged: the messages before that, whole.
fn ask(socket: &OwnedFd, request: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    sendto(socket, request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answers = Vec::new();
    loop {
        let mut buffer = [0; 8192];
        let (_, length) = recv(socket, &mut buffer[..], RecvFlags::empty())?;
        for message in messages(&buffer[..length]) {
            match outcome(message) {
                Some(0) => return Ok(answers),
                Some(error) => return Err(io::Error::from_raw_os_error(-error)),
                None => answers.push(message.to_vec()),
            }
        }
    }
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        let message = bytes.get(..length.max(HEADERS))?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// The number in an acknowledgement, 0 or an error below it; none of another message.
fn outcome(message: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(*message.get(4..)?.first_chunk()?);
    (kind == ERROR).then(|| message.get(16..)?.first_chunk().copied().map(i32::from_ne_bytes)).flatten()
}

/// The attribute of a message that is a number of two bytes.
fn find(message: &[u8], wanted: u16) -> Option<u16> {
    let mut rest = message.get(HEADERS..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        if kind == wanted {
            return rest.get(4..)?.first_chunk().copied().map(u16::from_ne_bytes);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::{attribute, find, message, messages, outcome};

    #[test]
    fn a_request_is_padded_and_has_its_length() {
        let request = message(0x10, 3, &[attribute(2, b"nbd\0"), attribute(9, b"x")]);
        assert_eq!(request.len(), 20 + 8 + 8);
        assert_eq!(request[..4], 36_u32.to_ne_bytes());
        assert_eq!(request[28..], [5, 0, 9, 0, b'x', 0, 0, 0]);
        assert_eq!(find(&request, 2), Some(u16::from_ne_bytes(*b"nb")));
        assert_eq!(find(&request, 7), None);
    }

    #[test]
    fn messages_come_one_behind_the_other() {
        let refused = message(2, 0, &[]);
        let mut bytes = message(0x1c, 1, &[attribute(1, &7_u16.to_ne_bytes())]);
        bytes.extend(&refused);
        let found: Vec<_> = messages(&bytes).collect();
        assert_eq!(found.len(), 2);
        assert_eq!((outcome(found[0]), find(found[0], 1)), (None, Some(7)));
        assert_eq!(outcome(found[1]), Some(i32::from_ne_bytes([0, 1, 0, 0])));
    }

    /// The kernel of the machine that this is built on: every one has the family of families.
    #[test]
    fn the_kernel_answers() {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};
        let kinds = (AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC);
        let socket = socket_with(kinds.0, kinds.1, kinds.2, Some(netlink::GENERIC)).expect("netlink");
        let answers =
            super::ask(&socket, &message(0x10, 3, &[attribute(2, b"nlctrl\0")])).expect("an answer");
        assert_eq!(answers.iter().find_map(|answer| find(answer, 1)), Some(0x10));
        let unknown =
            super::ask(&socket, &message(0x10, 3, &[attribute(2, b"no-such\0")])).expect_err("nothing");
        assert_eq!(unknown.kind(), std::io::ErrorKind::NotFound);
    }
}
