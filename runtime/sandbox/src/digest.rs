//! The SHA-256 by which a transform is known, in dead letters and caches alike.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256 of a component's bytes. Displays as `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Its 64 hexadecimal digits, as objects are named: a colon is not legal everywhere.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// A text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: write `sha256:` and 64 lower-case hexadecimal digits")]
pub struct MalformedDigest(String);

impl FromStr for Digest {
    type Err = MalformedDigest;

    /// Reads exactly what [`Display`](fmt::Display) writes: one digest has one spelling.
    fn from_str(text: &str) -> Result<Digest, MalformedDigest> {
        let read = text.strip_prefix("sha256:").and_then(|digits| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(digits, &mut bytes).ok()?;
            Some(Digest(bytes))
        });
        // `hex` reads upper case as well; a second spelling of a digest would be a second name of one object.
        read.filter(|digest| digest.to_string() == text).ok_or_else(|| MalformedDigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest::of(b"component");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string(), format!("sha256:{}", digest.hex()));
        let text = digest.to_string();
        for other in
            [text.to_uppercase(), text.replace("sha256:", ""), format!("sha256:{}", digest.hex().to_uppercase())]
        {
            assert!(other.parse::<Digest>().is_err(), "{other}");
        }
        assert!("sha256:12".parse::<Digest>().is_err());
    }
}
