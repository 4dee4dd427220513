//! Who has signed a manifest: Ed25519 signatures in the format of minisign.
//!
//! Format: <https://jedisct1.github.io/minisign/#signature-format>. A signature is over the file itself (`Ed`, legacy) or
//! over its BLAKE2b-512 (`ED`); a second one covers the first and the trusted comment.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{PublicKey, Signature};

use super::error::{Because, PayloadError};
use crate::units::Bytes;

/// The name of a manifest's signature.
pub const FILE: &str = "manifest.json.minisig";
/// Bytes of a signature, at most. minisign's comments have 1024 and 8192 letters at most.
pub const MAX_SIGNATURE: Bytes = Bytes(16 << 10);

/// The id of a key, as minisign shows it: 16 upper-case hexadecimal digits. It is a name, not a fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl KeyId {
    /// Keys and signatures alike have it behind two bytes that name the algorithm, on their second line.
    fn on_second_line(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.lines().nth(1)?.trim()).ok()?;
        let id = bytes.get(2..10)?.try_into().ok()?;
        Some(Self(u64::from_le_bytes(id)))
    }
}

/// The public keys that may sign a payload.
#[derive(Clone, Default)]
pub struct TrustedKeys(Vec<(KeyId, PublicKey)>);

impl fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl TrustedKeys {
    /// Reads public key files, each with the name that messages call it and its text.
    ///
    /// # Errors
    /// The first one that is no public key of minisign.
    pub fn read<N: Into<String>, T: AsRef<str>>(
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, PayloadError> {
        let read = |(name, text): (N, T)| read_key(name.into(), text.as_ref());
        files.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Their ids, in the order in which they were given.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().map(|(id, _)| *id)
    }

    /// Checks that one of the keys has signed `content`; the result is the trusted comment, which is signed too. `place`
    /// is what messages call the payload.
    ///
    /// # Errors
    /// When `signature` is none, is not of one of these keys, or not over these bytes.
    pub fn verify(&self, place: &str, content: &[u8], signature: &[u8]) -> Result<String, PayloadError> {
        let (id, signature) = read_signature(signature).map_err(|because| PayloadError::NoSignature {
            file: FILE.to_owned(),
            place: place.to_owned(),
            because: Because(because),
        })?;
        // Ids are no more than names, so two keys may have the same.
        let mut keys = self.0.iter().filter(|(trusted, _)| *trusted == id).peekable();
        if keys.peek().is_none() {
            let because = Because(format!("it is of the key {id}; {}", self.listed()));
            return Err(PayloadError::UnknownKey { place: place.to_owned(), because });
        }
        if keys.any(|(_, key)| key.verify(content, &signature, true).is_ok()) {
            return Ok(signature.trusted_comment().to_owned());
        }
        let because = Because(format!("the key {id} made another signature for these bytes or this comment"));
        Err(PayloadError::NotAsSigned { place: place.to_owned(), because })
    }

    fn listed(&self) -> String {
        let ids: Vec<String> = self.ids().map(|id| id.to_string()).collect();
        match ids.as_slice() {
            [] => "no key is trusted".to_owned(),
            [only] => format!("trusted is {only}"),
            several => format!("trusted are {}", several.join(", ")),
        }
    }
}

fn read_key(name: String, text: &str) -> Result<(KeyId, PublicKey), PayloadError> {
    let key = PublicKey::decode(text.trim()).map_err(|error| error.to_string());
    let with_id = key.and_then(|key| {
        let id = KeyId::on_second_line(text.trim()).ok_or_else(|| "it has no id".to_owned())?;
        Ok((id, key))
    });
    with_id.map_err(|because| PayloadError::BadKey { name, because: Because(because) })
}

fn read_signature(bytes: &[u8]) -> Result<(KeyId, Signature), String> {
    let text = str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let signature = Signature::decode(text).map_err(|error| error.to_string())?;
    let id = KeyId::on_second_line(text).ok_or_else(|| "it names no key".to_owned())?;
    Ok((id, signature))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "signature_tests.rs"]
mod tests;
