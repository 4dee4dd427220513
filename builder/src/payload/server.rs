//! A web server for a folder that fails as it is told.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What goes wrong with a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Half of it comes, then nothing more.
    Stalls,
    /// Half of it comes, then the connection is closed.
    IsCut,
    /// One bit of it is another.
    IsCorrupt,
    /// The server is busy.
    IsUnavailable,
}

/// Says what is wrong with the n-th chunk that is asked for, counted from 0.
type Faults = dyn Fn(usize) -> Option<Fault> + Send + Sync;

/// Serves `folder` until the test ends; the result is its address.
pub(super) fn serve(
    folder: &Path,
    faults: impl Fn(usize) -> Option<Fault> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (folder, faults, asked) = (folder.to_owned(), Arc::new(faults), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (folder, faults, asked) = (folder.clone(), Arc::clone(&faults), Arc::clone(&asked));
            // A client that goes away is what these tests are about.
            thread::spawn(move || drop(answer(stream.unwrap(), &folder, &*faults, &asked)));
        }
    });
    address
}

fn answer(mut stream: TcpStream, folder: &Path, faults: &Faults, asked: &AtomicUsize) -> io::Result<()> {
    let path = asked_for(&stream, folder)?;
    let Ok(mut content) = fs::read(&path) else { return head(&mut stream, "404 Not Found", 0) };
    let is_chunk = path.extension().is_some_and(|end| end == "zst");
    let fault = if is_chunk { faults(asked.fetch_add(1, Ordering::Relaxed)) } else { None };
    match fault {
        Some(Fault::IsUnavailable) => return head(&mut stream, "503 Service Unavailable", 0),
        Some(Fault::IsCorrupt) => content[0] ^= 1,
        _ => {}
    }
    head(&mut stream, "200 OK", content.len())?;
    match fault {
        Some(Fault::IsCut) => stream.write_all(&content[..content.len() / 2]),
        Some(Fault::Stalls) => {
            stream.write_all(&content[..content.len() / 2])?;
            // Until the other side gives up.
            stream.read(&mut [0]).map(drop)
        }
        _ => stream.write_all(&content),
    }
}

fn asked_for(stream: &TcpStream, folder: &Path) -> io::Result<PathBuf> {
    let lines: Vec<String> = BufReader::new(stream)
        .lines()
        .take_while(|line| !matches!(line.as_deref(), Ok("") | Err(_)))
        .collect::<io::Result<_>>()?;
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    Ok(folder.join(path.trim_start_matches('/')))
}

fn head(stream: &mut TcpStream, status: &str, length: usize) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
}
