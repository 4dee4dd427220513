//! The beginning of NBD: fixed newstyle negotiation, as far as `NBD_OPT_GO`
//! (<https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>). All numbers are big-endian.

use std::io::{Read, Write};

use anyhow::{Result, bail, ensure};

const MAGIC: &[u8; 16] = b"NBDMAGICIHAVEOPT";
const OPTION: &[u8; 8] = b"IHAVEOPT";
const REPLY: u64 = 0x0003_e889_0455_65a9;
/// The server speaks fixed newstyle, the client too.
const FIXED: u16 = 1;
/// Enter transmission: with the name of an export and the number of things to be told of it.
const GO: u32 = 7;
const ACK: u32 = 1;
const INFO: u32 = 3;
/// The set bit of replies that are errors; what follows is a text.
const ERROR: u32 = 1 << 31;
/// Of [`INFO`]: size and flags.
const EXPORT: u16 = 0;
/// No answer of a server is longer.
const LONGEST: u32 = 4096;

/// What a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Bytes.
    pub(super) size: u64,
    /// Transmission flags, for the kernel.
    pub(super) flags: u16,
}

/// From the first byte to transmission.
///
/// # Errors
/// When the server is none of NBD, or has no such export.
pub(super) fn go(stream: &mut (impl Read + Write), name: &str) -> Result<Offer> {
    let mut magic = [0; 16];
    stream.read_exact(&mut magic)?;
    ensure!(magic == *MAGIC, "this is no server of NBD");
    let flags = u16(stream)?;
    ensure!(flags & FIXED != 0, "the server knows no options");
    stream.write_all(&u32::from(FIXED).to_be_bytes())?;
    stream.write_all(&request(name))?;
    let mut offer = None;
    loop {
        let (kind, data) = reply(stream)?;
        match (kind, offer) {
            (INFO, _) => offer = info(&data).or(offer),
            (ACK, Some(offer)) => return Ok(offer),
            (ACK, None) => bail!("the server says nothing about `{name}`"),
            _ if kind & ERROR != 0 => bail!("the server refuses `{name}`: {}", refusal(kind, &data)),
            _ => bail!("the server answers what nobody has asked ({kind})"),
        }
    }
}

fn request(name: &str) -> Vec<u8> {
    let (length, nothing) = (name.len() as u32, 0_u16);
    let mut bytes = OPTION.to_vec();
    bytes.extend(GO.to_be_bytes());
    bytes.extend((length + 6).to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend(nothing.to_be_bytes());
    bytes
}

fn reply(stream: &mut impl Read) -> Result<(u32, Vec<u8>)> {
    ensure!(u64(stream)? == REPLY, "the server answers in another language");
    ensure!(u32(stream)? == GO, "the server answers another question");
    let (kind, length) = (u32(stream)?, u32(stream)?);
    ensure!(length <= LONGEST, "the server's answer has {length} bytes");
    let mut data = vec![0; length as usize];
    stream.read_exact(&mut data)?;
    Ok((kind, data))
}

/// Kind, size and flags; there are other kinds, of which nothing is needed.
fn info(data: &[u8]) -> Option<Offer> {
    let (kind, rest) = data.split_first_chunk()?;
    let (size, rest) = rest.split_first_chunk()?;
    let (flags, _) = rest.split_first_chunk()?;
    let offer = Offer { size: u64::from_be_bytes(*size), flags: u16::from_be_bytes(*flags) };
    (u16::from_be_bytes(*kind) == EXPORT).then_some(offer)
}

fn refusal(kind: u32, data: &[u8]) -> String {
    match data {
        [] => format!("error {}", kind & !ERROR),
        text => String::from_utf8_lossy(text).into_owned(),
    }
}

fn u16(stream: &mut impl Read) -> Result<u16> {
    let mut bytes = [0; 2];
    stream.read_exact(&mut bytes)?;
    Ok(u16::from_be_bytes(bytes))
}

fn u32(stream: &mut impl Read) -> Result<u32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn u64(stream: &mut impl Read) -> Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::{Offer, go};

    /// What a server says, and what it has heard.
    struct Server {
        says: Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Server {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Kinds and data.
    type Replies<'a> = &'a [(u32, &'a [u8])];

    fn server(replies: Replies<'_>) -> Server {
        let mut says = b"NBDMAGICIHAVEOPT\x00\x03".to_vec();
        for (kind, data) in replies {
            says.extend(0x0003_e889_0455_65a9_u64.to_be_bytes());
            for number in [7, *kind, data.len() as u32] {
                says.extend(number.to_be_bytes());
            }
            says.extend(*data);
        }
        Server { says: Cursor::new(says), heard: Vec::new() }
    }

    /// Size 0x10000, flags 0x2d.
    const EXPORT: &[u8] = b"\0\0\0\0\0\0\0\x01\0\0\0\x2d";
    const BLOCK_SIZE: &[u8] = b"\0\x03\0\0\0\x01\0\0\x10\0\x02\0\0\0";

    #[test]
    fn a_server_says_what_it_has() {
        let mut server = server(&[(3, EXPORT), (3, BLOCK_SIZE), (1, b"")]);
        assert_eq!(go(&mut server, "disk").unwrap(), Offer { size: 0x10000, flags: 0x2d });
        assert_eq!(server.heard, b"\0\0\0\x01IHAVEOPT\0\0\0\x07\0\0\0\x0a\0\0\0\x04disk\0\0");
    }

    #[test]
    fn what_is_no_offer_is_said() {
        let cases: [(Replies<'_>, &str); 4] = [
            (&[(0x8000_0006, b"")], "the server refuses `disk`: error 6"),
            (&[(0x8000_0006, b"unknown export")], "the server refuses `disk`: unknown export"),
            (&[(1, b"")], "the server says nothing about `disk`"),
            (&[(2, b"")], "the server answers what nobody has asked (2)"),
        ];
        for (replies, expected) in cases {
            assert_eq!(go(&mut server(replies), "disk").unwrap_err().to_string(), expected);
        }
        let mut web =
            Server { says: Cursor::new(b"HTTP/1.1 400 Bad Request\r\n".to_vec()), heard: Vec::new() };
        assert_eq!(go(&mut web, "disk").unwrap_err().to_string(), "this is no server of NBD");
    }
}
