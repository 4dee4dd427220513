//! What an install tells whoever wants to know: how it ended, and all that it said.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The end of an install, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which node.
    pub node: String,
    /// Whether the node is on its disks.
    pub installed: bool,
    /// Why it is not, with the state of each disk; empty if it is.
    pub error: String,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Everything that was said on the console.
    pub log: String,
}

impl Report {
    /// Of an install that ended like this.
    #[must_use]
    pub fn new(node: &str, result: &Result<()>, took: Duration, log: String) -> Self {
        let error = result.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        Self { node: node.to_owned(), installed: result.is_ok(), error, seconds: took.as_secs(), log }
    }

    /// Posts it.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn send(&self, address: &str) -> Result<()> {
        let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
        let body = serde_json::to_vec(self)?;
        let request = client.post(address).header("content-type", "application/json").body(body);
        request
            .send()
            .and_then(reqwest::blocking::Response::error_for_status)
            .with_context(|| address.to_owned())?;
        Ok(())
    }
}
