//! Who may sign: pinned archive keys, and the check of a clear-signed Release.

use std::io::Cursor;

use anyhow::{Result, ensure};
use pgp::composed::{CleartextSignedMessage, Deserializable as _, SignedPublicKey};
use pgp::types::KeyDetails as _;

use crate::cache::hex;
use crate::failure::with_hint;

/// Debian's archive keys, by the fingerprint of the primary key
/// (<https://ftp-master.debian.org/keys.html>): key material counts only if it has one of these.
const PINNED: [&str; 4] = [
    // Debian Archive Automatic Signing Key (13/trixie)
    "04b54c3cdca79751b16bc6b5225629df75b188bd",
    // Debian Security Archive Automatic Signing Key (13/trixie)
    "5e04a1e3223a19a20706e20f9904613d4cce68c6",
    // Debian Stable Release Key (13/trixie)
    "41587f7db8c774bccf131416762f67a0b2c39de4",
    // Debian Archive Automatic Signing Key (12/bookworm)
    "b8b80b5b623eab6ad8775c45b7c5d7d6350947f8",
];

/// Keys that are trusted to sign a Release.
#[derive(Debug)]
pub struct Keyring(Vec<SignedPublicKey>);

impl Keyring {
    /// Of the key files of Debian's keyring package only the pinned keys.
    ///
    /// # Errors
    /// When none of the pinned keys is among them.
    pub fn pinned(files: &[Vec<u8>]) -> Result<Self> {
        let keys: Vec<_> = files.iter().flat_map(|file| read_keys(file)).filter(is_pinned).collect();
        ensure!(
            !keys.is_empty(),
            with_hint(
                "none of the keys offered is a pinned Debian archive key",
                "the mirror's debian-archive-keyring package is not Debian's; use another mirror, \
                 or name the key of a private mirror with --keyring"
            )
        );
        Ok(Self(keys))
    }

    /// Every key in `file`, armored or not: the user vouches for them.
    ///
    /// # Errors
    /// When there is no key in it.
    pub fn of_user(file: &[u8]) -> Result<Self> {
        let keys = read_keys(file);
        ensure!(!keys.is_empty(), "no OpenPGP key in it");
        Ok(Self(keys))
    }

    /// The text of a clear-signed message, if one of our keys has signed it.
    ///
    /// # Errors
    /// When the message is malformed or no trusted key has made a good signature over it.
    pub fn verify(&self, message: &[u8]) -> Result<String> {
        let parsed =
            std::str::from_utf8(message).ok().and_then(|text| CleartextSignedMessage::from_string(text).ok());
        let (message, _) = parsed.ok_or_else(|| {
            with_hint(
                "it is not a clear-signed OpenPGP message",
                "this may be no Debian mirror, or something between it and here answers in its place",
            )
        })?;
        ensure!(
            self.0.iter().any(|key| signed_by(&message, key)),
            with_hint(
                "no trusted key has made a good signature over it",
                "the mirror may be broken, half-synchronised or forged; try another one with --mirror"
            )
        );
        // What the signature covers, not what the file says around it.
        Ok(message.signed_text().replace("\r\n", "\n"))
    }
}

/// The primary key or a subkey that it has bound. A subkey without a valid binding counts for nothing.
fn signed_by(message: &CleartextSignedMessage, key: &SignedPublicKey) -> bool {
    let by_subkey = |subkey: &pgp::composed::SignedPublicSubKey| {
        subkey.verify_bindings(&key.primary_key).is_ok() && message.verify(&subkey.key).is_ok()
    };
    message.verify(&key.primary_key).is_ok() || key.public_subkeys.iter().any(by_subkey)
}

fn read_keys(file: &[u8]) -> Vec<SignedPublicKey> {
    let Ok((keys, _)) = SignedPublicKey::from_reader_many(Cursor::new(file)) else { return Vec::new() };
    keys.filter_map(Result::ok).collect()
}

fn is_pinned(key: &SignedPublicKey) -> bool {
    let fingerprint = hex(key.primary_key.fingerprint().as_bytes());
    PINNED.contains(&fingerprint.as_str())
}
