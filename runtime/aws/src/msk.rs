//! Tokens for Amazon MSK with IAM access control: a presigned request to connect to the cluster. Signing needs no network;
//! only the credentials may have to be fetched.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::Region;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_msk_iam_sasl_signer::generate_auth_token_from_credentials_provider;
use sluicebox_kafka::{NoToken, Token};
use sluicebox_settings::{Authentication, KafkaSettings, Secret, Settings, SourceSettings};

use crate::AwsError;
use crate::credentials::{Chain, Kept};
use crate::error::whole;
use crate::renewed::Renewed;

/// What comes before the region in brokers' host names, as in `b-1.orders.x1y2z3.c2.kafka.eu-central-1.amazonaws.com`.
const BEFORE_REGION: &str = ".kafka.";
/// The same for MSK Serverless.
const SERVERLESS_BEFORE_REGION: &str = ".kafka-serverless.";
/// What comes after the region.
const AFTER_REGION: &str = ".amazonaws.com";

/// The tokens for a pipeline that reads from MSK with IAM access control; none if its settings do not ask for them. A task
/// renews them until the result is dropped.
///
/// # Errors
/// The region is not known, or the first token cannot be made.
pub async fn token_source(settings: &Settings) -> Result<Option<Arc<Renewed>>, AwsError> {
    let SourceSettings::Kafka(kafka) = &settings.source else { return Ok(None) };
    let Some(Authentication::MskIam { .. }) = kafka.authentication else { return Ok(None) };
    tokens(kafka).await.map(Some)
}

/// Tokens for the brokers of a source. Makes the first before it returns.
pub async fn tokens(kafka: &KafkaSettings) -> Result<Arc<Renewed>, AwsError> {
    let region = region(kafka).await.ok_or(AwsError::Region)?;
    let identity = Arc::new(Kept::new(Chain::new(Some(region.clone()))));
    Renewed::start(move || {
        let (identity, region) = (identity.clone(), region.clone());
        async move { token(&*identity, region).await.map_err(|error| NoToken(error.to_string())) }
    })
    .await
    .map_err(|NoToken(reason)| AwsError::Token(reason))
}

/// Signs a token. It expires with the credentials, if they expire first.
async fn token(identity: &impl ProvideCredentials, region: String) -> Result<Token, AwsError> {
    let credentials = identity.provide_credentials().await;
    let credentials = credentials.map_err(|error| AwsError::Credentials(whole(&error)))?;
    let end_of_credentials = credentials.expiry();
    let signer = SharedCredentialsProvider::new(credentials);
    let signed = generate_auth_token_from_credentials_provider(Region::new(region), signer).await;
    let (value, expires_at) = signed.map_err(|error| AwsError::Token(whole(&error)))?;
    let expires_at = UNIX_EPOCH + Duration::from_millis(u64::try_from(expires_at).unwrap_or_default());
    Ok(Token {
        value: Secret::new(value),
        principal: "sluicebox".to_owned(),
        expires_at: end_of_credentials.map_or(expires_at, |end: SystemTime| end.min(expires_at)),
    })
}

/// The region from the settings, else from the brokers' names, else from the environment.
async fn region(kafka: &KafkaSettings) -> Option<String> {
    let Some(Authentication::MskIam { region }) = &kafka.authentication else { return None };
    if let Some(region) = region.clone().or_else(|| region_of(&kafka.brokers)) {
        return Some(region);
    }
    let chain = aws_config::default_provider::region::DefaultRegionChain::builder().build();
    chain.region().await.map(|region| region.to_string())
}

/// The region in the name of the first broker, if it is an Amazon name.
fn region_of(brokers: &str) -> Option<String> {
    let host = brokers.split(',').next()?.trim().rsplit_once(':')?.0;
    let (before, _) = host.split_once(AFTER_REGION)?;
    // From the right: what comes before is the cluster's name, which its owner chooses.
    let (_, region) = before.rsplit_once(BEFORE_REGION).or_else(|| before.rsplit_once(SERVERLESS_BEFORE_REGION))?;
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use url::Url;

    use super::*;

    fn query(token: &Token) -> std::collections::BTreeMap<String, String> {
        let url = BASE64_URL_SAFE_NO_PAD.decode(token.value.reveal()).unwrap();
        let url = Url::parse(std::str::from_utf8(&url).unwrap()).unwrap();
        assert_eq!(url.host_str(), Some("kafka.eu-central-1.amazonaws.com"));
        url.query_pairs().into_owned().collect()
    }

    async fn signed(expiry: Option<SystemTime>) -> Token {
        let credentials = Credentials::new("AKIDEXAMPLE", "not-a-secret", Some("session".into()), expiry, "test");
        token(&credentials, "eu-central-1".to_owned()).await.unwrap()
    }

    #[tokio::test]
    async fn a_token_is_a_signed_request_to_connect() {
        let before = SystemTime::now();
        let token = signed(None).await;
        let query = query(&token);
        let has = |name: &str, value: &str| assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
        has("Action", "kafka-cluster:Connect");
        has("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        has("X-Amz-Expires", "900");
        has("X-Amz-Security-Token", "session");
        assert!(query["X-Amz-Credential"].starts_with("AKIDEXAMPLE/"));
        assert!(query["X-Amz-Credential"].ends_with("/eu-central-1/kafka-cluster/aws4_request"));
        assert_eq!(query["X-Amz-Signature"].len(), 64);
        let lifetime = token.expires_at.duration_since(before).unwrap();
        assert!((898..=901).contains(&lifetime.as_secs()), "{lifetime:?}");
        assert!(!format!("{token:?}").contains(token.value.reveal()));
    }

    #[tokio::test]
    async fn a_token_does_not_outlive_its_credentials() {
        let end = SystemTime::now() + Duration::from_secs(120);
        assert_eq!(signed(Some(end)).await.expires_at, end);
    }

    #[test]
    fn the_region_is_read_off_the_brokers_names() {
        let brokers = "b-2.orders.x1y2z3.c2.kafka.eu-central-1.amazonaws.com:9098,b-1.orders.x1y2z3.c2.kafka.eu-central-1.amazonaws.com:9098";
        assert_eq!(region_of(brokers).as_deref(), Some("eu-central-1"));
        let serverless = "boot-x1y2z3.c2.kafka-serverless.us-east-1.amazonaws.com:9098";
        assert_eq!(region_of(serverless).as_deref(), Some("us-east-1"));
        let china = "b-1.orders.x.c2.kafka.cn-north-1.amazonaws.com.cn:9098";
        assert_eq!(region_of(china).as_deref(), Some("cn-north-1"));
        assert_eq!(region_of("kafka.internal:9098"), None);
    }
}
