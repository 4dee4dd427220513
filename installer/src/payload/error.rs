//! What can be wrong with a payload.

use std::error::Error as _;
use std::io;

use super::sum::Sha256Sum;

/// Why something failed: the second link of the chain that an error makes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Because(pub String);

/// Two hashes that should be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// In the manifest.
    pub wanted: Sha256Sum,
    /// Of what came.
    pub found: Sha256Sum,
}

/// What can be wrong with a payload. The message says what failed, its source why, [`PayloadError::hint`] what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The fields are the parts of the messages.
pub enum PayloadError {
    /// The server or the medium says that it does not have it.
    #[error("there is no {file} at {place}")]
    NotThere {
        file: String,
        place: String,
        #[source]
        because: Because,
    },
    /// It may be there, but does not arrive.
    #[error("cannot read {file} at {place}")]
    Unreadable {
        file: String,
        place: String,
        #[source]
        because: Because,
    },
    /// A file's bytes are not those that the manifest names, however often they are fetched.
    #[error("{file} at {place} is damaged")]
    Damaged {
        file: String,
        place: String,
        hashes: Box<Hashes>,
        #[source]
        because: Because,
    },
    /// A chunk has the right hash, but is no frame as the format wants it.
    #[error("cannot unpack {file} of the stream {name}")]
    NoFrame {
        file: String,
        name: String,
        #[source]
        because: Because,
    },
    /// All chunks are right, but not what they are together.
    #[error("the stream {name} is not the one that the manifest describes")]
    WrongStream {
        name: String,
        #[source]
        because: Because,
    },
    /// Nobody packed it.
    #[error("the payload at {place} has no stream {name}")]
    NoStream {
        name: String,
        place: String,
        #[source]
        because: Because,
    },
    /// A public key of ours.
    #[error("cannot use the public key {name}")]
    BadKey {
        name: String,
        #[source]
        because: Because,
    },
    /// Not of the form of a signature.
    #[error("{file} at {place} is no signature")]
    NoSignature {
        file: String,
        place: String,
        #[source]
        because: Because,
    },
    /// Signed by somebody.
    #[error("the payload at {place} is signed with a key that is not trusted")]
    UnknownKey {
        place: String,
        #[source]
        because: Because,
    },
    /// Signed by one of ours, but changed since.
    #[error("the payload at {place} is not what was signed")]
    NotAsSigned {
        place: String,
        #[source]
        because: Because,
    },
    /// Rightly signed, but not understood.
    #[error("cannot understand {file} at {place}")]
    BadManifest {
        file: String,
        place: String,
        #[source]
        because: Because,
    },
    /// What should be the address of a payload.
    #[error("cannot use the payload's address {address}")]
    BadAddress {
        address: String,
        #[source]
        because: Because,
    },
    /// The threads that fetch.
    #[error("cannot fetch the stream {name}")]
    NoThread {
        name: String,
        #[source]
        because: Because,
    },
}

impl PayloadError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotThere { .. } => {
                "check the payload's address, and that its folder was copied whole: manifest.json, manifest.json.minisig and chunks/"
            }
            Self::Unreadable { .. } => {
                "check the cable, the network and the server, or the medium; then start the installation again"
            }
            Self::Damaged { .. } => {
                "copy the payload to the server or the medium once more; if that does not help, suspect its disk, a proxy or this machine's memory"
            }
            Self::NoFrame { .. } | Self::WrongStream { .. } => {
                "the payload was made like this: make it anew with xbuild, and tell its developers if the error stays"
            }
            Self::NoStream { .. } => "make a payload that has this node's profile",
            Self::BadKey { .. } => {
                "give a file that `xbuild keygen` or `minisign -G` has written as the public key"
            }
            Self::NoSignature { .. } => {
                "copy manifest.json.minisig to the server or the medium once more, as it was made"
            }
            Self::UnknownKey { .. } => {
                "boot a medium that was made with the same key as the payload, or make the payload anew with the key that this medium trusts"
            }
            Self::NotAsSigned { .. } => {
                "copy manifest.json and manifest.json.minisig once more, both of the same build; if that does not help, somebody has changed them"
            }
            Self::BadManifest { .. } => "install with media of the version of xbuild that made the payload",
            Self::BadAddress { .. } => "give an address such as http://boot.example.net/payload",
            Self::NoThread { .. } => "the machine may lack memory: 512 MiB are enough",
        }
    }

    /// What and because, on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let because = self.source().map(|because| format!(": {because}")).unwrap_or_default();
        format!("{self}{because}")
    }

    /// The whole error: what, because, hint, each on its line.
    #[must_use]
    pub fn report(&self) -> String {
        let because = self.source().map(|because| format!("\n  because: {because}")).unwrap_or_default();
        format!("error: {self}{because}\n  hint: {}", self.hint())
    }

    /// The error that a [`super::StreamReader`] has wrapped, if it is one of these.
    #[must_use]
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}
