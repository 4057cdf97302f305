//! Payloads for people: their length and the beginning of their digest; the bytes only on request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluicebox_sandbox::Digest;

/// Whether payloads are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payloads {
    Masked,
    Shown,
}

/// How many digits of a digest are enough to see that two payloads differ.
const DIGITS: usize = 12;

impl Payloads {
    /// For people.
    pub(super) fn text(self, bytes: Option<&[u8]>) -> String {
        match (bytes, self) {
            (None, _) => "none".to_owned(),
            (Some(bytes), Self::Masked) => format!("{} bytes, sha256 {}…", bytes.len(), digits(bytes)),
            (Some(bytes), Self::Shown) => match std::str::from_utf8(bytes) {
                // Control characters of a stranger's record could rewrite the terminal.
                Ok(text) if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') => text.to_owned(),
                _ => format!("base64 {}", STANDARD.encode(bytes)),
            },
        }
    }

    /// For programs.
    pub(super) fn value(self, bytes: Option<&[u8]>) -> Value {
        match (bytes, self) {
            (None, _) => Value::Null,
            (Some(bytes), Self::Masked) => json!({ "bytes": bytes.len(), "sha256_prefix": digits(bytes) }),
            (Some(bytes), Self::Shown) => match std::str::from_utf8(bytes) {
                Ok(text) => json!({ "text": text }),
                Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
            },
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.trim_start_matches("sha256:").chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_seen_only_when_asked_for() {
        let payload = Some(&b"secret"[..]);
        assert_eq!(Payloads::Masked.text(payload), "6 bytes, sha256 2bb80d537b1d…");
        assert_eq!(Payloads::Masked.value(payload), json!({ "bytes": 6, "sha256_prefix": "2bb80d537b1d" }));
        assert_eq!(Payloads::Shown.text(payload), "secret");
        assert_eq!(Payloads::Shown.text(Some(b"\x1b[31m")), "base64 G1szMW0=", "no escape reaches the terminal");
        assert_eq!(Payloads::Shown.value(Some(b"\xff")), json!({ "base64": "/w==" }));
        assert_eq!(Payloads::Masked.text(None), "none");
    }
}
