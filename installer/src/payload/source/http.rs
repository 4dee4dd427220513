//! A payload behind a web server.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::{StatusCode, Url};

use super::{ReadFailed, Source, read_up_to};
use crate::payload::error::{Because, PayloadError};
use crate::units::Bytes;

const CONNECT: Duration = Duration::from_secs(20);
/// A connection on which no byte comes for so long is given up.
pub const STALLED: Duration = Duration::from_secs(30);

/// A payload at an address.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    base: Url,
    stalled: Duration,
}

impl Http {
    /// The payload whose manifest is `address/manifest.json`; http or https. A connection without a byte for `stalled` is
    /// broken off, see [`STALLED`].
    ///
    /// # Errors
    /// When the address is none, or TLS cannot be set up.
    pub fn new(address: &str, stalled: Duration) -> Result<Self, PayloadError> {
        let wrong = |because: String| PayloadError::BadAddress {
            address: address.to_owned(),
            because: Because(because),
        };
        let base = folder_url(address).map_err(wrong)?;
        let client = client(stalled).map_err(|error| wrong(innermost(&error)))?;
        Ok(Self { client, base, stalled })
    }

    fn explain(&self, error: &reqwest::Error) -> String {
        match (error.is_timeout(), error.is_connect()) {
            (true, true) => "the server does not take the connection".to_owned(),
            (true, false) => format!("no byte came for {} s", self.stalled.as_secs_f64()),
            _ => innermost(error),
        }
    }

    fn explain_io(&self, error: &io::Error) -> String {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        inner.map_or_else(|| innermost(error), |inner| self.explain(inner))
    }
}

impl Source for Http {
    /// Without the password that it may hold.
    fn place(&self) -> String {
        let mut shown = self.base.clone();
        // An address that cannot have a password shows none.
        if shown.password().is_some() && shown.set_password(Some("***")).is_err() {
            return String::new();
        }
        shown.as_str().trim_end_matches('/').to_owned()
    }

    fn read(&self, file: &str, most: Bytes) -> Result<Vec<u8>, ReadFailed> {
        let url = self.base.join(file).map_err(|error| ReadFailed::ForGood(error.to_string()))?;
        let response =
            self.client.get(url).send().map_err(|error| ReadFailed::ForNow(self.explain(&error)))?;
        judge(response.status())?;
        read_up_to(response, most).map_err(|error| ReadFailed::ForNow(self.explain_io(&error)))
    }
}

/// What comes behind it belongs to the folder, not beside it.
fn folder_url(address: &str) -> Result<Url, String> {
    let url =
        Url::parse(&format!("{}/", address.trim_end_matches('/'))).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("it is of kind {other}, not http or https")),
    }
}

fn client(stalled: Duration) -> Result<Client, reqwest::Error> {
    // An error here means that a provider is installed already, which is what we want.
    let _already = rustls::crypto::ring::default_provider().install_default();
    // An installer has no environment that could name a proxy, so none counts elsewhere either.
    // The blocking client applies the time to each read, not to the whole.
    let builder = || {
        ClientBuilder::new()
            .user_agent("xinstall")
            .no_proxy()
            .timeout(stalled)
            .connect_timeout(CONNECT.min(stalled))
    };
    // A machine without CA certificates can still use http: what counts is the payload's signature.
    builder().build().or_else(|_| builder().tls_certs_only([]).build())
}

/// 408, 425 and 429 are the client errors that ask for another try.
fn judge(status: StatusCode) -> Result<(), ReadFailed> {
    let because = format!("the server answers {status}");
    match status.as_u16() {
        200 => Ok(()),
        404 | 410 => Err(ReadFailed::NotThere(because)),
        408 | 425 | 429 => Err(ReadFailed::ForNow(because)),
        400..=499 => Err(ReadFailed::ForGood(because)),
        _ => Err(ReadFailed::ForNow(because)),
    }
}

/// The libraries between us and the kernel each have a word for it; the last one says it.
fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "http_tests.rs"]
mod tests;
