//! Tokens for brokers that require SASL/OAUTHBEARER, and the trait of their makers. Does not know who makes tokens, or how.

use std::fmt::Debug;
use std::time::SystemTime;

use sluicebox_settings::Secret;

/// A token for brokers.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token's text.
    pub value: Secret,
    /// The principal that brokers show in their logs; they do not check it.
    pub principal: String,
    /// When the token expires. librdkafka asks for another after four fifths of its lifetime.
    pub expires_at: SystemTime,
}

/// Why there is no token, for people; contains no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoToken(pub String);

/// Makes tokens.
pub trait TokenSource: Debug + Send + Sync {
    /// A token that is valid now. librdkafka calls this within a poll, so it must return at once, without the network.
    fn token(&self) -> Result<Token, NoToken>;
}
