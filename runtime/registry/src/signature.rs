//! Keys and signatures: ed25519, as `openssl genpkey -algorithm ed25519` writes them. Does not know what is signed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{SecretKey, Signature, Signer as _, VerifyingKey};
use sluicebox_sandbox::Digest;
use zeroize::{Zeroize as _, Zeroizing};

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not hold a private key.
    #[error("{path} is not a private ed25519 key in PEM: `sluicebox keys new key.pem` makes one")]
    Private {
        /// The file.
        path: PathBuf,
    },
    /// A text is not a public key.
    #[error(
        "key {position} is not a public ed25519 key: give what `sluicebox keys show key.pem` prints, or the PEM of \
         `openssl pkey -pubout`"
    )]
    Public {
        /// The key's position in the list, from 1.
        position: usize,
    },
}

/// A private key. Dropping it wipes its bytes, and nothing shows them.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// The file cannot be read, or does not hold a private key.
    pub fn read(path: &Path) -> Result<SigningKey, KeyError> {
        let pem = std::fs::read_to_string(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        SigningKey::from_pem(&pem).ok_or_else(|| KeyError::Private { path: path.to_owned() })
    }

    /// Reads a PEM; none if it is not a private key.
    pub fn from_pem(pem: &str) -> Option<SigningKey> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem.trim()).ok().map(SigningKey)
    }

    /// A new key, from the operating system's random numbers.
    ///
    /// # Errors
    /// The operating system gives none.
    pub fn generate() -> std::io::Result<SigningKey> {
        let mut secret = SecretKey::default();
        getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
        let key = ed25519_dalek::SigningKey::from_bytes(&secret);
        secret.zeroize();
        Ok(SigningKey(key))
    }

    /// The private key as PEM, in the form that openssl writes and reads: without the public half.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        // Encoding 32 bytes cannot fail; an empty file would be refused when it is read.
        bytes.to_pkcs8_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The public half as `keys` take it: the base64 within a PEM.
    pub fn public_text(&self) -> String {
        let der = self.0.verifying_key().to_public_key_der();
        der.map(|der| STANDARD.encode(der.as_bytes())).unwrap_or_default()
    }

    /// A short name by which people tell keys apart.
    pub fn id(&self) -> String {
        key_id(&self.0.verifying_key())
    }

    /// The signature of a message, and a hint at its key.
    pub(crate) fn sign(&self, message: &[u8]) -> (String, [u8; 64]) {
        (key_id(&self.0.verifying_key()), self.0.sign(message).to_bytes())
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKeys {
        PublicKeys(vec![self.0.verifying_key()])
    }
}

/// The keys one of which must have signed. If there are none, no signature is required.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys(Vec<VerifyingKey>);

impl PublicKeys {
    /// Reads keys, each a PEM or the base64 within; base64 of the bare 32 bytes works too.
    ///
    /// # Errors
    /// A text is not a public key; names the first.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<PublicKeys, KeyError> {
        texts
            .into_iter()
            .enumerate()
            .map(|(index, text)| public_key(text).ok_or(KeyError::Public { position: index + 1 }))
            .collect::<Result<_, _>>()
            .map(PublicKeys)
    }

    /// Whether no signature is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the keys has signed the message with one of the signatures.
    pub(crate) fn vouch_for<'a>(&self, message: &[u8], mut signatures: impl Iterator<Item = &'a [u8]>) -> bool {
        signatures.any(|signature| {
            let Ok(signature) = Signature::from_slice(signature) else { return false };
            // Strict: the plain check accepts points of small order.
            self.0.iter().any(|key| key.verify_strict(message, &signature).is_ok())
        })
    }

    /// Hints at the keys, for messages.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(key_id)
    }
}

fn public_key(text: &str) -> Option<VerifyingKey> {
    let text = text.trim();
    let key = if text.starts_with("-----BEGIN") {
        VerifyingKey::from_public_key_pem(text).ok()
    } else {
        let bytes = STANDARD.decode(text).ok()?;
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(bare) => VerifyingKey::from_bytes(&bare).ok(),
            Err(_) => VerifyingKey::from_public_key_der(&bytes).ok(),
        }
    };
    // A weak key verifies signatures that its owner never made.
    key.filter(|key| !key.is_weak())
}

/// A short id by which people tell keys apart; not used to verify.
fn key_id(key: &VerifyingKey) -> String {
    Digest::of(key.as_bytes()).hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl genpkey -algorithm ed25519`, and `openssl pkey -pubout` of it. Signs nothing but tests.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";

    #[test]
    fn keys_are_read_as_openssl_writes_them() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        let inner = PUBLIC.lines().nth(1).unwrap();
        let bare = STANDARD.encode(key.0.verifying_key().as_bytes());
        for text in [PUBLIC, inner, &bare] {
            assert_eq!(PublicKeys::parse([text]).unwrap(), key.public(), "{text}");
        }
        assert!(SigningKey::from_pem(PUBLIC).is_none());
        for text in ["", "key", PRIVATE, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert!(matches!(PublicKeys::parse([PUBLIC, text]), Err(KeyError::Public { position: 2 })), "{text}");
        }
    }

    #[test]
    fn a_new_key_is_read_back_and_is_another_each_time() {
        let key = SigningKey::generate().unwrap();
        let read = SigningKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(PublicKeys::parse([key.public_text().as_str()]).unwrap(), read.public());
        assert_ne!(key.id(), SigningKey::generate().unwrap().id());
        // The form of `openssl genpkey`, byte for byte.
        assert_eq!(SigningKey::from_pem(PRIVATE).unwrap().to_pem().as_str(), PRIVATE);
    }

    #[test]
    fn only_the_key_that_signed_vouches() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        let (_, signature) = key.sign(b"manifest");
        let signatures = || [&b"no signature"[..], &signature].into_iter();
        assert!(key.public().vouch_for(b"manifest", signatures()));
        assert!(!key.public().vouch_for(b"manifesto", signatures()));
        let other = SigningKey(ed25519_dalek::SigningKey::from_bytes(&[7; 32]));
        assert!(!other.public().vouch_for(b"manifest", signatures()));
        assert!(!PublicKeys::default().vouch_for(b"manifest", signatures()), "without keys no signature is valid");
    }
}
