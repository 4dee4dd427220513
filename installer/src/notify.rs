//! What a unit tells systemd: sd_notify(3).

use std::env;
use std::io;
use std::os::unix::net::UnixDatagram;

/// It has started. Nothing to tell where systemd has not started us.
///
/// # Errors
/// When systemd's socket does not take it.
pub fn ready() -> io::Result<()> {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    UnixDatagram::unbound()?.send_to(b"READY=1", socket).map(drop)
}
