//! Messages of customers, without what identifies them: e-mail addresses, phone and card numbers are masked in the text,
//! and the sender becomes a key that is the same for the same person, so that tables can still be joined.

mod masking;

use sha2::{Digest, Sha256};
use sluicebox::prelude::*;

/// A message as it comes in.
#[derive(Debug, Deserialize)]
pub struct Message {
    id: String,
    email: String,
    #[serde(default)]
    phone: Option<String>,
    text: String,
}

/// A message that may be read by more people.
#[derive(Debug, Row, Serialize)]
#[row(table = "messages", key = ["id"], format = "json")]
pub struct MaskedMessage {
    id: String,
    /// The same for the same e-mail address and salt.
    sender: String,
    email: String,
    phone: Option<String>,
    text: String,
}

/// How senders become keys.
#[derive(Debug, Deserialize, Configuration)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Keys differ for every salt. A person who knows the salt can compute the key of an address. 16 characters or more.
    salt: Salt,
}

/// A salt that is long enough.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Salt(String);

impl TryFrom<String> for Salt {
    type Error = &'static str;

    fn try_from(salt: String) -> Result<Self, Self::Error> {
        if salt.len() < 16 { Err("a salt has 16 characters or more") } else { Ok(Self(salt)) }
    }
}

/// Masks one message.
#[transform]
pub fn mask(message: Json<Message>, settings: &Settings) -> Result<MaskedMessage, Reject> {
    let Json(message) = message;
    let address = message.email.trim_ascii().to_ascii_lowercase();
    let Some(email) = masking::email(&address) else {
        return Err(Reject::new("invalid_email", "not an e-mail address").at("email"));
    };
    Ok(MaskedMessage {
        id: message.id,
        sender: settings.salt.key(&address),
        email,
        phone: message.phone.as_deref().map(masking::digits),
        text: masking::text(&message.text),
    })
}

impl Salt {
    /// 128 bits of SHA-256 over salt and address, in hexadecimal digits.
    fn key(&self, address: &str) -> String {
        let hash = Sha256::new().chain_update(&self.0).chain_update([0]).chain_update(address).finalize();
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicebox::{
        Transform,
        testing::{Runner, Verdict, check_cases, rejected},
    };

    use super::mask;

    fn masked(salt: &str, email: &str) -> Verdict {
        Runner::<mask>::configured(&json!({"salt": salt})).run(json!({"id": "m-1", "email": email, "text": ""}))
    }

    #[test]
    fn the_same_person_has_the_same_key_under_one_salt() {
        let ada = masked("0123456789abcdef", "ada@example.com");
        assert_eq!(ada, masked("0123456789abcdef", " Ada@Example.com"));
        assert_ne!(ada, masked("fedcba9876543210", "ada@example.com"));
        assert_ne!(ada, masked("0123456789abcdef", "bob@example.com"));
        assert_eq!(masked("0123456789abcdef", "nobody"), rejected("invalid_email", "email"));
    }

    #[test]
    fn the_salt_is_needed_and_long_enough() {
        let error = |configuration| mask::configure(configuration).err().map(|error| error.to_string());
        assert_eq!(error("{}").as_deref(), Some("salt: the field `salt` is missing"));
        assert_eq!(error(r#"{"salt": "short"}"#).as_deref(), Some("salt: a salt has 16 characters or more"));
    }

    #[test]
    fn the_cases_come_out_as_expected() {
        check_cases::<mask>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
