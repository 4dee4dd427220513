//! The key that signs payloads: Ed25519, in the format of minisign, so that `minisign -V` can judge what we sign.
//!
//! Format: <https://jedisct1.github.io/minisign/>. An installer trusts the public half, which its medium carries.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Blake2b512, Digest as _};
use ed25519_dalek::{Signer as _, SigningKey};
use installer::payload::signature::KeyId;
use rand::RngCore as _;
use rand::rngs::OsRng;

use crate::failure::{Hinted as _, with_hint};
use crate::secret;

/// The name of the secret half.
pub const FILE: &str = "xbuild.key";

const ALGORITHM: &[u8; 2] = b"Ed";
const PREHASHED: &[u8; 2] = b"ED";
const NOT_ENCRYPTED: &[u8; 2] = &[0, 0];
const CHECKSUM: &[u8; 2] = b"B2";
/// Of the key derivation: salt, operations, memory. All zero without a passphrase.
const DERIVATION: usize = 32 + 8 + 8;
const SECRET_LENGTH: usize = 6 + DERIVATION + 8 + 64 + 32;

/// A key pair.
pub struct MediaKey {
    id: KeyId,
    key: SigningKey,
}

/// Nothing secret.
impl fmt::Debug for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaKey({})", self.id)
    }
}

/// The public half beside a secret one: `xbuild.pub` for `xbuild.key`.
#[must_use]
pub fn public_path(secret: &Path) -> PathBuf {
    secret.with_extension("pub")
}

impl MediaKey {
    /// `$XDG_DATA_HOME/xbuild/xbuild.key`, else below `~/.local/share`.
    ///
    /// # Errors
    /// When neither variable says where.
    pub fn default_path() -> Result<PathBuf> {
        secret::folder()
            .map(|folder| folder.join(FILE))
            .context("no place for the key that signs payloads")
            .hint("set HOME or XDG_DATA_HOME, or give `xbuild keygen` a folder with --out DIR")
    }

    /// Reads the key. If there is no such file a key pair is made, and the two files with it.
    ///
    /// # Errors
    /// When the file holds no key, or cannot be read or written.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            let in_the_way = Self::generate().write(path)?;
            // If another build makes one at the same time, the first one counts.
            if let Some(half) = in_the_way.filter(|there| there != path) {
                bail!(not_overwritten(&half));
            }
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the key {}", path.display()))?;
        Self::parse(&text)
            .with_context(|| format!("cannot use the key {}", path.display()))
            .hint("it must be a secret key as `xbuild keygen` or `minisign -G -W` makes it")
    }

    /// Makes a key pair and its two files.
    ///
    /// # Errors
    /// When one of the files is there already, or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let key = Self::generate();
        match key.write(path)? {
            None => Ok(key),
            Some(there) => bail!(not_overwritten(&there)),
        }
    }

    fn generate() -> Self {
        let (mut id, mut seed) = ([0; 8], [0; 32]);
        OsRng.fill_bytes(&mut id);
        OsRng.fill_bytes(&mut seed);
        Self { id: KeyId(u64::from_le_bytes(id)), key: SigningKey::from_bytes(&seed) }
    }

    /// Writes both halves. The result is the file that was in the way, if there was one.
    fn write(&self, path: &Path) -> Result<Option<PathBuf>> {
        let public = public_path(path);
        if let Some(there) = [path, public.as_path()].into_iter().find(|path| path.exists()) {
            return Ok(Some(there.to_owned()));
        }
        let make = |path: &Path, text: String, mode| {
            let made = secret::make(path, text.as_bytes(), mode);
            made.with_context(|| format!("cannot make the key {}", path.display()))
        };
        if !make(path, self.secret(), secret::SECRET)? {
            return Ok(Some(path.to_owned()));
        }
        let made = make(&public, self.public(), secret::PUBLIC)?;
        Ok(if made { None } else { Some(public) })
    }

    fn parse(text: &str) -> Result<Self> {
        let line = text.lines().nth(1).context("it has no second line")?;
        let bytes = STANDARD.decode(line.trim()).context("its second line is not base64")?;
        ensure!(bytes.len() == SECRET_LENGTH, "it has {} bytes, not {SECRET_LENGTH}", bytes.len());
        ensure!(bytes.starts_with(ALGORITHM), "it is no Ed25519 key");
        ensure!(
            bytes[2..4] == *NOT_ENCRYPTED,
            "it has a passphrase, and builds cannot ask for one; `minisign -C -W -s FILE` removes it from a copy"
        );
        let (id, pair) = bytes[6 + DERIVATION..].split_at(8);
        let pair = pair[..64].try_into().context("BUG: a pair of another length")?;
        let key = SigningKey::from_keypair_bytes(pair).context("its two halves do not match")?;
        Ok(Self { id: KeyId(u64::from_le_bytes(id.try_into()?)), key })
    }

    /// Its id. It is a name, not a fingerprint.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The public half, as its file.
    #[must_use]
    pub fn public(&self) -> String {
        let public = self.key.verifying_key();
        let bytes = [ALGORITHM.as_slice(), &self.id.0.to_le_bytes(), public.as_bytes()].concat();
        format!("untrusted comment: xbuild public key {}\n{}\n", self.id, STANDARD.encode(bytes))
    }

    fn secret(&self) -> String {
        let (id, pair) = (self.id.0.to_le_bytes(), self.key.to_keypair_bytes());
        let checksum: [u8; 32] = Blake2b::<U32>::new()
            .chain_update(ALGORITHM)
            .chain_update(id)
            .chain_update(pair)
            .finalize()
            .into();
        let bytes =
            [ALGORITHM.as_slice(), NOT_ENCRYPTED, CHECKSUM, &[0; DERIVATION], &id, &pair, &checksum].concat();
        format!("untrusted comment: xbuild secret key {}\n{}\n", self.id, STANDARD.encode(bytes))
    }

    /// A signature over the BLAKE2b-512 of `content` and over `comment`, as a `.minisig` file. Ed25519 takes no random
    /// numbers: the same input gives the same bytes.
    ///
    /// # Errors
    /// When the comment has more than one line.
    pub fn sign(&self, content: &[u8], comment: &str) -> Result<String> {
        ensure!(!comment.contains(['\n', '\r']), "BUG: a signature's comment of several lines");
        let signature = self.key.sign(&Blake2b512::digest(content)).to_bytes();
        let over_both = self.key.sign(&[&signature, comment.as_bytes()].concat()).to_bytes();
        let first = [PREHASHED.as_slice(), &self.id.0.to_le_bytes(), &signature].concat();
        Ok(format!(
            "untrusted comment: signature of xbuild with key {}\n{}\ntrusted comment: {comment}\n{}\n",
            self.id,
            STANDARD.encode(first),
            STANDARD.encode(over_both)
        ))
    }
}

fn not_overwritten(there: &Path) -> anyhow::Error {
    with_hint(
        format!("{} is there already, and is not overwritten", there.display()),
        "installers trust the key that their medium carries: keep it, or give another folder with --out DIR",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "media_key_tests.rs"]
mod tests;
