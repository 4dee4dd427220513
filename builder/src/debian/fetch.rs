//! Bytes from a mirror: retried, hashed while they arrive, kept under their hash.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::blocking::{Client, Response};
use sha2::{Digest as _, Sha256};

use crate::cache::{Cache, hex};
use crate::failure::{Hinted as _, hinted, with_hint};

const TRIES: u32 = 4;
const AT_ONCE: usize = 4;
const CONNECT: Duration = Duration::from_secs(20);
/// Nothing at all for this long: the connection is dead (reqwest applies it to each read, not to the whole).
const STALLED: Duration = Duration::from_secs(60);

/// A file as a signed index describes it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How messages call it.
    pub name: String,
    /// Where from.
    pub url: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Fetches, or in offline mode only looks into the cache.
#[derive(Debug)]
pub struct Fetcher {
    client: Client,
    offline: bool,
    blobs: PathBuf,
    tmp: PathBuf,
}

impl Fetcher {
    /// Files go into and come from `cache`.
    ///
    /// # Errors
    /// When the cache folder cannot be made or TLS cannot be set up.
    pub fn new(cache: &Cache, offline: bool) -> Result<Self> {
        // An error here means that a provider is installed already, which is what we want.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let client = || Client::builder().user_agent("xbuild").timeout(STALLED).connect_timeout(CONNECT);
        // A machine without CA certificates can still use http: what counts is the archive's signature.
        let client = client()
            .build()
            .or_else(|_| client().tls_certs_only([]).build())
            .context("cannot set up HTTP")?;
        let blobs = cache.root().join("blobs");
        fs::create_dir_all(&blobs).context("cannot make the cache's package folder")?;
        Ok(Self { client, offline, blobs, tmp: cache.root().join("tmp") })
    }

    /// Whether the network may be used.
    #[must_use]
    pub fn offline(&self) -> bool {
        self.offline
    }

    /// A small file whose hash nobody knows yet.
    ///
    /// # Errors
    /// When the server cannot be reached or does not have it.
    pub fn text(&self, url: &str) -> Result<Vec<u8>> {
        self.retry(url, url, |response| {
            let mut body = Vec::new();
            response.read_to_end(&mut body).map_err(|error| Failed::ForNow(error.into()))?;
            Ok(body)
        })
    }

    /// Where the file lies in the cache, if it does.
    #[must_use]
    pub fn cached(&self, sha256: &str) -> Option<PathBuf> {
        Some(self.blobs.join(sha256)).filter(|path| path.exists())
    }

    /// The file, from the cache or the mirror. `progress` gets the number of bytes as they arrive.
    ///
    /// # Errors
    /// When it cannot be had, or its hash is wrong; nothing is kept then.
    pub fn file(&self, wanted: &Wanted, progress: &(dyn Fn(u64) + Sync)) -> Result<PathBuf> {
        if let Some(path) = self.cached(&wanted.sha256) {
            progress(wanted.size);
            return Ok(path);
        }
        let path = self.blobs.join(&wanted.sha256);
        // In the folder that is swept: what a killed build leaves must not stay.
        let part = tempfile::Builder::new()
            .prefix("part-")
            .tempfile_in(&self.tmp)
            .context("cannot write to the cache")?;
        let hash =
            self.retry(&wanted.name, &wanted.url, |response| download(response, part.as_file(), progress))?;
        ensure!(
            hash == wanted.sha256,
            with_hint(
                format!(
                    "{} from {} is not the file that was asked for: its SHA-256 is {hash}, not {}",
                    wanted.name, wanted.url, wanted.sha256
                ),
                "the mirror is broken or forged; nothing of it was used; try another one with --mirror"
            )
        );
        part.persist(&path).with_context(|| format!("cannot keep {}", path.display()))?;
        Ok(path)
    }

    /// All files, a few at a time, in the order of `wanted`.
    ///
    /// # Errors
    /// The first file that cannot be had.
    pub fn files(&self, wanted: &[Wanted], progress: &(dyn Fn(u64) + Sync)) -> Result<Vec<PathBuf>> {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<()> {
            while let Some(one) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                // The others need not go on once one has failed.
                self.file(one, progress).inspect_err(|_| next.store(wanted.len(), Ordering::Relaxed))?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a download thread died")))
        })?;
        Ok(wanted.iter().map(|one| self.blobs.join(&one.sha256)).collect())
    }

    fn retry<T>(
        &self,
        name: &str,
        url: &str,
        mut read: impl FnMut(&mut Response) -> Result<T, Failed>,
    ) -> Result<T> {
        ensure!(
            !self.offline,
            with_hint(
                format!("{url} is not in the cache"),
                "run once without --offline while the mirror can be reached"
            )
        );
        let mut attempt = 1;
        loop {
            match self.once(url, &mut read) {
                Ok(done) => return Ok(done),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::NotThere(status)) => {
                    return Err(NotThere { name: name.to_owned(), url: url.to_owned(), status }.into());
                }
                Err(Failed::ForNow(error)) if attempt == TRIES => {
                    return Err(error)
                        .with_context(|| format!("cannot fetch {url}"))
                        .hint(unreachable_hint(url));
                }
                Err(Failed::ForNow(_)) => std::thread::sleep(Duration::from_millis(250 << attempt)),
            }
            attempt += 1;
        }
    }

    fn once<T>(
        &self,
        url: &str,
        read: &mut impl FnMut(&mut Response) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let mut response = self.client.get(url).send().map_err(|error| Failed::ForNow(innermost(&error)))?;
        let status = response.status();
        if status.is_client_error() {
            return Err(Failed::NotThere(status.to_string()));
        }
        if !status.is_success() {
            return Err(Failed::ForNow(anyhow::anyhow!("the server answers {status}")));
        }
        read(&mut response)
    }
}

/// What comes of asking once.
enum Failed {
    /// The network's fault: it is worth another try.
    ForNow(anyhow::Error),
    /// The server does not have it.
    NotThere(String),
    /// Our own fault, such as a full disk.
    ForGood(anyhow::Error),
}

/// The libraries between us and the kernel each have a word for it; the last one says it.
fn innermost(error: &reqwest::Error) -> anyhow::Error {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    anyhow::anyhow!("{last}")
}

fn unreachable_hint(url: &str) -> String {
    let hint = "check the address (--mirror, --mirror-security) and the network; what was fetched stays in the cache";
    if url.starts_with("https:") {
        return format!(
            "{hint}; https needs this machine's CA certificates (Debian: apt install ca-certificates), http does not"
        );
    }
    hint.to_owned()
}

/// The server says that it does not have it.
#[derive(Debug, thiserror::Error)]
#[error("{url}: the server answers {status}")]
pub struct NotThere {
    /// What messages call it.
    pub name: String,
    url: String,
    status: String,
}

/// Explains the absence of a file that a signed index lists; other errors stay as they are.
#[must_use]
pub fn explain_absence(error: anyhow::Error) -> anyhow::Error {
    let Some(NotThere { name, .. }) = error.downcast_ref() else { return error };
    let message = format!("the mirror lists {name}, but does not have it");
    let hint = "it may be in the middle of an update: try again in a while, or name another one with --mirror or --mirror-security";
    hinted(error.context(message), hint)
}

/// Writes from the start of `file`: an earlier try may have left something.
fn download(
    response: &mut Response,
    mut file: &File,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<String, Failed> {
    let ours = |error: std::io::Error| {
        Failed::ForGood(anyhow::Error::new(error).context("cannot write to the cache"))
    };
    file.set_len(0).and_then(|()| file.rewind()).map_err(ours)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = response.read(&mut buffer).map_err(|error| Failed::ForNow(error.into()))?;
        if count == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(ours)?;
        progress(count as u64);
    }
}

/// Links `from` to `to`, or copies it where links cannot be.
///
/// # Errors
/// When neither works.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}
