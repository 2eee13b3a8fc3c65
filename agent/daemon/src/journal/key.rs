//! 存证密钥: the gateway's ed25519 key (RFC 8032). It is made once and never overwritten; who has the public half can check
//! what the gateway signed, with openssl alone.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

/// A private key's file in the state folder, where the site file names none.
pub const KEY_FILE: &str = "evidence.key";

/// What stands before the 32 bytes of an ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A larger file is no key.
const KEY_BYTES_MAX: u64 = 4_096;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The file cannot be read or made.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file holds something else; it is left as it is.
    #[error("{0}: not an ed25519 key")]
    Foreign(PathBuf),
    /// The kernel gave no random numbers.
    #[error("no random numbers")]
    Random,
}

/// The private key.
#[derive(Debug)]
pub struct Key(Ed25519KeyPair);

impl Key {
    /// Reads the key at `path`, or makes one there; its public half lies beside it as PEM.
    ///
    /// # Errors
    /// Without a key that can be believed; what is at `path` is never overwritten.
    pub fn take(path: &Path) -> Result<Self, NoKey> {
        let failed = |error| NoKey::File(path.to_owned(), error);
        match path.try_exists() {
            Ok(false) => make(path)?,
            Ok(true) => {}
            Err(error) => return Err(failed(error)),
        }
        let key = Self::read(path)?;
        let public = path.with_extension("pub");
        if !public.exists() {
            write(&public, key.public().pem().as_bytes(), 0o644).map_err(failed)?;
        }
        Ok(key)
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    /// When there is none, or something else.
    pub fn read(path: &Path) -> Result<Self, NoKey> {
        let bytes = read_small(path).map_err(|error| NoKey::File(path.to_owned(), error))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes);
        pair.map(Self).map_err(|_| NoKey::Foreign(path.to_owned()))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> Public {
        Public(self.0.public_key().as_ref().try_into().unwrap_or_default())
    }

    /// The signature over `text`, 64 bytes.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.0.sign(text).as_ref().to_vec()
    }
}

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Public(pub [u8; 32]);

impl Public {
    /// The key in a PEM file's text, or written as 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(key) = from_hex(text.trim()) {
            return key.try_into().ok().map(Self);
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
        der.strip_prefix(&SPKI_HEAD)?.try_into().ok().map(Self)
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// When there is none, or something else.
    pub fn read(path: &Path) -> Result<Self, NoKey> {
        let bytes = read_small(path).map_err(|error| NoKey::File(path.to_owned(), error))?;
        let text = std::str::from_utf8(&bytes).ok();
        text.and_then(Self::parse).ok_or_else(|| NoKey::Foreign(path.to_owned()))
    }

    /// As 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        to_hex(&self.0)
    }

    /// As PEM, for openssl.
    #[must_use]
    pub fn pem(&self) -> String {
        let der = [&SPKI_HEAD[..], &self.0].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&der))
    }

    /// Whether it signed `text`.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(text, signature).is_ok()
    }
}

/// Makes a key; its name never shows anything but the whole file, and never replaces one.
fn make(path: &Path) -> Result<(), NoKey> {
    let failed = |error| NoKey::File(path.to_owned(), error);
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| NoKey::Random)?;
    let draft = path.with_extension("draft");
    write(&draft, pkcs8.as_ref(), 0o600).map_err(failed)?;
    std::fs::hard_link(&draft, path).map_err(failed)?;
    std::fs::remove_file(&draft).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_small(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?.take(KEY_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes behind hexadecimal digits.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| {
        let at = |index: usize| three.get(index).copied().unwrap_or(0);
        let bits = u32::from_be_bytes([0, at(0), at(1), at(2)]);
        let digits = [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]));
        digits.into_iter().take(three.len() + 1).chain(std::iter::repeat_n('=', 3 - three.len()))
    };
    bytes.chunks(3).flat_map(four).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        let key = Key::take(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::take(&path).unwrap().public(), key.public());
        let public = Public::read(&path.with_extension("pub")).unwrap();
        assert_eq!(public, key.public());
        assert_eq!(Public::parse(&public.hex()), Some(public));
        let signature = key.sign(b"text");
        assert!(public.verifies(b"text", &signature) && !public.verifies(b"Text", &signature));
    }

    #[test]
    fn what_is_no_key_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        std::fs::write(&path, "keep me").unwrap();
        assert!(matches!(Key::take(&path), Err(NoKey::Foreign(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"keep me");
        assert_eq!(Public::parse("0102"), None);
        assert_eq!(Public::parse("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), None);
    }
}
