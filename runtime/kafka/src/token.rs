//! Who we are to brokers that want a token (SASL/OAUTHBEARER). librdkafka asks for one from within a poll, and must not be
//! kept waiting there: whoever needs the network to make a token makes it beforehand, and here it is only handed over.
//!
//! Knows nothing of who makes tokens, or how.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use sluicebox_ledger::{ClientError, ErrorKind};
use sluicebox_settings::{Authentication, Secret};

use crate::Brokers;

/// How long a client that joins no group is polled until it has been given its token.
const HANDING_OVER_MAX: Duration = Duration::from_secs(5);

/// A token as brokers want it.
#[derive(Clone, Debug)]
pub struct Token {
    /// What is sent.
    pub value: Secret,
    /// Whom it stands for; of no account to brokers, shown in their logs.
    pub principal: String,
    /// From then on brokers refuse it. librdkafka asks for another after four fifths of the time till then.
    pub expires_at: SystemTime,
}

/// Why there is no token: for people, without anything secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoToken(pub String);

/// Where tokens come from.
pub trait TokenSource: Debug + Send + Sync {
    /// A token that brokers take now. Called by librdkafka's client in the middle of a poll: it must answer at once, from
    /// what is at hand.
    fn token(&self) -> Result<Token, NoToken>;
}

/// Gives a client its tokens; a part of every client's context, or all of it for one that has nothing else to hear.
#[derive(Debug, Default)]
pub(crate) struct Bearer {
    tokens: Option<Arc<dyn TokenSource>>,
    has_handed_over: AtomicBool,
}

impl Bearer {
    /// For clients of these brokers.
    pub(crate) fn of(brokers: &Brokers) -> Self {
        Self { tokens: brokers.tokens.clone(), has_handed_over: AtomicBool::new(false) }
    }

    /// The answer to [`ClientContext::generate_oauth_token`].
    pub(crate) fn oauth_token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        self.has_handed_over.store(true, Ordering::Release);
        let tokens = self.tokens.as_ref();
        let tokens = tokens.ok_or("nobody here makes OAUTHBEARER tokens: see `source.kafka.authentication`")?;
        let Token { value, principal, expires_at } = tokens.token()?;
        let lifetime = expires_at.duration_since(UNIX_EPOCH)?.as_millis();
        Ok(OAuthToken {
            token: value.reveal().to_owned(),
            principal_name: principal,
            lifetime_ms: i64::try_from(lifetime)?,
        })
    }
}

impl ClientContext for Bearer {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.oauth_token()
    }
}

impl ConsumerContext for Bearer {}

/// Puts into a client's configuration what the way of authentication asks for.
pub(crate) fn authenticate(brokers: &Brokers, configuration: &mut ClientConfig) -> Result<(), ClientError> {
    let Some(Authentication::MskIam { .. }) = brokers.settings.authentication else { return Ok(()) };
    if brokers.tokens.is_none() {
        let message = "`source.kafka.authentication: msk_iam`: this program was built without it, or did not set it up";
        return Err(ClientError::new(ErrorKind::Configuration, "kafka", "authenticating", message));
    }
    configuration.set("security.protocol", "SASL_SSL").set("sasl.mechanisms", "OAUTHBEARER");
    Ok(())
}

/// Sees to it that a client that is about to ask questions, without joining a group, has its token: librdkafka asks for it
/// in a poll, and until then it connects to nobody.
pub(crate) fn hand_over(consumer: &BaseConsumer<Bearer>) {
    let bearer = consumer.context();
    let deadline = Instant::now() + HANDING_OVER_MAX;
    while bearer.tokens.is_some() && !bearer.has_handed_over.load(Ordering::Acquire) && Instant::now() < deadline {
        // Of a consumer without a subscription nothing comes but signs like this one.
        drop(consumer.poll(Duration::from_millis(10)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(Result<Token, NoToken>);

    impl TokenSource for Fixed {
        fn token(&self) -> Result<Token, NoToken> {
            self.0.clone()
        }
    }

    fn bearer(token: Result<Token, NoToken>) -> Bearer {
        Bearer { tokens: Some(Arc::new(Fixed(token))), ..Bearer::default() }
    }

    #[test]
    fn a_token_is_handed_over_with_its_expiry_in_milliseconds() {
        let expires_at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let token = Token { value: Secret::new("v"), principal: "p".to_owned(), expires_at };
        let handed = bearer(Ok(token)).oauth_token().expect("there is one");
        assert_eq!((handed.token.as_str(), handed.principal_name.as_str()), ("v", "p"));
        assert_eq!(handed.lifetime_ms, 1_700_000_000_123);
    }

    #[test]
    fn why_there_is_none_is_said() {
        let reason = |bearer: Bearer| bearer.oauth_token().err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(reason(bearer(Err(NoToken("no credentials".to_owned())))), "no credentials");
        assert!(reason(Bearer::default()).contains("source.kafka.authentication"));
    }
}
