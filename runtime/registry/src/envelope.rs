//! A manifest and its signatures in one JSON file: a DSSE envelope (<https://github.com/secure-systems-lab/dsse>), which other
//! tools can read too. Does not know what is in the payload.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::signature::{PublicKeys, SigningKey};

/// The payload's type. It is signed too, so that a signature is valid for no other type of payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.sluicebox.transform.v1+json";

/// A payload with signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload_type: String,
    /// In base64.
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    /// In base64.
    sig: String,
}

impl Envelope {
    /// Puts a payload into an envelope, and signs it if there is a key.
    pub fn seal(payload: &[u8], key: Option<&SigningKey>) -> Envelope {
        let signature = key.map(|key| {
            let (keyid, signature) = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload));
            Signature { keyid, sig: STANDARD.encode(signature) }
        });
        Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: signature.into_iter().collect(),
        }
    }

    /// The stored form; the same envelope gives the same bytes.
    ///
    /// # Errors
    /// Never in practice: all parts are text.
    pub fn write(&self) -> serde_json::Result<Bytes> {
        serde_json::to_vec_pretty(self).map(Bytes::from)
    }

    /// Reads the stored form; an error says what is wrong with it.
    ///
    /// # Errors
    /// The bytes are not an envelope of this version.
    pub fn read(bytes: &[u8]) -> Result<Envelope, String> {
        let envelope: Envelope =
            serde_json::from_slice(bytes).map_err(|error| format!("it is not an envelope: {error}"))?;
        match envelope.payload_type == PAYLOAD_TYPE {
            true => Ok(envelope),
            false => Err(format!("it holds `{}`, which this version does not know", envelope.payload_type)),
        }
    }

    /// The payload, if one of the keys has signed it, or if there are no keys.
    ///
    /// # Errors
    /// The payload is damaged, or none of the keys has signed it.
    pub fn open(&self, keys: &PublicKeys) -> Result<Vec<u8>, OpenError> {
        let payload = STANDARD.decode(&self.payload);
        let payload = payload.map_err(|error| OpenError::Payload(format!("the payload is not base64: {error}")))?;
        // Without required keys, a signature that is there is not looked at either.
        if keys.is_empty() {
            return Ok(payload);
        }
        // A signature that is not base64 counts as none: another one may be good.
        let signatures: Vec<Vec<u8>> = self.signatures.iter().filter_map(|it| STANDARD.decode(&it.sig).ok()).collect();
        let message = pre_authentication_encoding(&self.payload_type, &payload);
        if keys.vouch_for(&message, signatures.iter().map(Vec::as_slice)) {
            return Ok(payload);
        }
        Err(OpenError::Signature(match self.signers().collect::<Vec<_>>().as_slice() {
            [] => "it is not signed".to_owned(),
            signers => format!(
                "none of the required keys ({}) has signed it, only {}",
                keys.ids().collect::<Vec<_>>().join(", "),
                signers.join(", ")
            ),
        }))
    }

    /// Hints at the keys that signed it; not verified, for display only.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|signature| signature.keyid.as_str())
    }
}

/// An envelope cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// The payload is damaged.
    Payload(String),
    /// None of the required keys has signed it.
    Signature(String),
}

/// The signed message: type and payload with their lengths, so that neither can pass for the other.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of DSSE's specification.
    #[test]
    fn the_signed_message_is_that_of_the_specification() {
        let message = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(message, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
