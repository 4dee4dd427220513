//! Devices of NBD. The kernel does the work; a process gives it a new connection whenever the one that it has is gone, which
//! `nbd-client` of Debian 13 cannot do without that requests fail in between.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::handshake::{self, Offer};
use super::netlink::Driver;
use super::{PAUSE, ready};

/// For a server to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Milliseconds without an acknowledgement until a connection is taken for dead.
const SILENCE: u32 = 10_000;

/// What is imported.
#[derive(Clone, Debug)]
pub(super) struct Import<'a> {
    /// The export's name on the server.
    pub(super) name: &'a str,
    /// Where the server is.
    pub(super) server: SocketAddr,
    /// It is `/dev/nbdMINOR`.
    pub(super) minor: u32,
}

impl Import<'_> {
    /// Connects the device, and connects it again and again; returns only with an error.
    pub(super) fn keep(&self, sys: &Path) -> Result<()> {
        let driver = Driver::open()?;
        if self.is_connected(sys) {
            // An earlier process has died, and what it has left cannot be watched.
            driver
                .disconnect(self.minor)
                .with_context(|| format!("cannot disconnect /dev/nbd{}", self.minor))?;
        }
        let (mut stream, offer) = self.connection();
        driver
            .connect(self.minor, &offer, &stream)
            .with_context(|| format!("cannot connect /dev/nbd{}", self.minor))?;
        println!("{} is /dev/nbd{}, {} bytes", self.name, self.minor, offer.size);
        ready()?;
        loop {
            until_gone(&stream)?;
            println!("the connection to {} is gone", self.server);
            // Also for the kernel, which takes a new one only in the place of one that it gave up.
            drop(stream.shutdown(Shutdown::Both));
            stream = self.replaced(&driver, &offer)?;
            println!("connected again to {}", self.server);
        }
    }

    /// Lets go of the device.
    pub(super) fn end(&self, sys: &Path) -> Result<()> {
        if self.is_connected(sys) {
            let driver = Driver::open()?;
            driver
                .disconnect(self.minor)
                .with_context(|| format!("cannot disconnect /dev/nbd{}", self.minor))?;
        }
        Ok(())
    }

    /// `pid` is there as long as a device is in use (`drivers/block/nbd.c`).
    fn is_connected(&self, sys: &Path) -> bool {
        sys.join(format!("block/nbd{}/pid", self.minor)).exists()
    }

    /// Tries until there is one: an export that moves is nowhere for a while.
    fn connection(&self) -> (TcpStream, Offer) {
        let mut said = String::new();
        loop {
            match self.connect() {
                Ok(connection) => return connection,
                Err(error) => {
                    let text = format!("{error:#}");
                    if text != said {
                        println!("waits for {}: {text}", self.server);
                        said = text;
                    }
                    thread::sleep(PAUSE);
                }
            }
        }
    }

    fn connect(&self) -> Result<(TcpStream, Offer)> {
        let mut stream = TcpStream::connect_timeout(&self.server, ANSWER)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let offer = handshake::go(&mut stream, self.name)?;
        stream.set_read_timeout(None)?;
        rustix::net::sockopt::set_tcp_user_timeout(&stream, SILENCE)?;
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        rustix::net::sockopt::set_tcp_keepidle(&stream, ANSWER)?;
        rustix::net::sockopt::set_tcp_keepintvl(&stream, PAUSE)?;
        Ok((stream, offer))
    }

    fn replaced(&self, driver: &Driver, before: &Offer) -> Result<TcpStream> {
        loop {
            let (stream, offer) = self.connection();
            ensure!(
                offer == *before,
                "{} is not what it was: {} bytes, and before {}",
                self.name,
                offer.size,
                before.size
            );
            match driver.reconnect(self.minor, &stream) {
                Ok(()) => return Ok(stream),
                // It has not noticed yet that the old one is gone.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOSPC) => thread::sleep(PAUSE),
                Err(error) => bail!("cannot connect /dev/nbd{} again: {error}", self.minor),
            }
        }
    }
}

/// The kernel reads from it as well; only its end is of interest here.
fn until_gone(stream: &TcpStream) -> io::Result<()> {
    let mut watched = [PollFd::new(stream, PollFlags::RDHUP)];
    loop {
        match poll(&mut watched, None) {
            Ok(_) if !watched[0].revents().is_empty() => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
