//! The brokers of a source, as a client reaches them: the settings, and the token source where brokers want tokens.

use std::sync::Arc;

use sluicebox_settings::KafkaSettings;

use crate::token::TokenSource;

/// How to reach the brokers. The token source is live, so it cannot stand in the settings.
#[derive(Clone, Debug)]
pub struct Brokers {
    /// What the pipeline file says of them.
    pub settings: KafkaSettings,
    /// Makes the tokens for SASL/OAUTHBEARER, where the brokers want them.
    pub tokens: Option<Arc<dyn TokenSource>>,
}

impl Brokers {
    /// Brokers without tokens, unless `tokens` makes them.
    pub fn new(settings: KafkaSettings, tokens: Option<Arc<dyn TokenSource>>) -> Self {
        Self { settings, tokens }
    }
}
