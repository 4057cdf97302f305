//! How clients reach the brokers of a source: the settings, and the token source where brokers require tokens.

use std::sync::Arc;

use sluicebox_settings::KafkaSettings;

use crate::token::TokenSource;

/// How to reach the brokers. The token source is a live object, so it is not part of the settings.
#[derive(Clone, Debug)]
pub struct Brokers {
    /// The settings from the pipeline file.
    pub settings: KafkaSettings,
    /// Makes the tokens for SASL/OAUTHBEARER, where the brokers require them.
    pub tokens: Option<Arc<dyn TokenSource>>,
}

impl Brokers {
    /// The brokers of `settings`; `tokens` makes tokens for them, if they require any.
    pub fn new(settings: KafkaSettings, tokens: Option<Arc<dyn TokenSource>>) -> Self {
        Self { settings, tokens }
    }
}
