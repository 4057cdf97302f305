//! Hands tokens to librdkafka, which asks for one within a poll and must not wait there. So a token source that needs the
//! network makes its token beforehand. Does not know who makes tokens, or how.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use sluicebox_ledger::{ClientError, ErrorKind};
use sluicebox_settings::Authentication;

use crate::Brokers;
use crate::quiet_log::QuietLog;
use crate::token::{Token, TokenSource};

/// How long a client without a group is polled until librdkafka has asked for its token.
const HANDING_OVER_MAX: Duration = Duration::from_secs(5);

/// Hands tokens to a client. Part of every client's context; the whole context of a client that needs nothing else.
#[derive(Debug, Default)]
pub(crate) struct Bearer {
    tokens: Option<Arc<dyn TokenSource>>,
    has_handed_over: AtomicBool,
    log: QuietLog,
}

impl Bearer {
    /// The context for clients of these brokers.
    pub(crate) fn of(brokers: &Brokers) -> Self {
        Self { tokens: brokers.tokens.clone(), ..Self::default() }
    }

    /// The answer to [`ClientContext::generate_oauth_token`].
    pub(crate) fn oauth_token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        self.has_handed_over.store(true, Ordering::Release);
        let tokens = self.tokens.as_ref();
        let tokens = tokens.ok_or(
            "the brokers require an OAUTHBEARER token, but no token source is set: see `source.kafka.authentication`",
        )?;
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

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.oauth_token()
    }
}

impl ConsumerContext for Bearer {}

/// Sets what the configured authentication requires of a client.
pub(crate) fn authenticate(brokers: &Brokers, configuration: &mut ClientConfig) -> Result<(), ClientError> {
    let Some(Authentication::MskIam { .. }) = brokers.settings.authentication else { return Ok(()) };
    if brokers.tokens.is_none() {
        let message = "`source.kafka.authentication: msk_iam` is not set up: this program was built without it";
        return Err(ClientError::new(ErrorKind::Configuration, "kafka", "authenticating", message));
    }
    token_properties(configuration);
    Ok(())
}

/// What a client needs to hand over tokens.
pub(crate) fn token_properties(configuration: &mut ClientConfig) {
    configuration.set("security.protocol", "SASL_SSL").set("sasl.mechanisms", "OAUTHBEARER");
}

/// Polls a client without a group until it has its token: librdkafka asks for the token within a poll, and connects to no
/// broker before.
pub(crate) fn hand_over(consumer: &BaseConsumer<Bearer>) {
    let bearer = consumer.context();
    let deadline = Instant::now() + HANDING_OVER_MAX;
    while bearer.tokens.is_some() && !bearer.has_handed_over.load(Ordering::Acquire) && Instant::now() < deadline {
        // A consumer without a subscription delivers events such as this one, but no records.
        drop(consumer.poll(Duration::from_millis(10)));
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_settings::Secret;

    use super::*;
    use crate::NoToken;

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
    fn a_missing_token_has_a_reason() {
        let reason = |bearer: Bearer| bearer.oauth_token().err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(reason(bearer(Err(NoToken("no credentials".to_owned())))), "no credentials");
        assert!(reason(Bearer::default()).contains("source.kafka.authentication"));
    }
}
