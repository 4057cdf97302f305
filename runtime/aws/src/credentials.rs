//! Credentials for AWS: looked up once, kept, and renewed shortly before they expire. The SDK's providers look them up at every
//! call, which takes longer over the network than most requests to S3.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::{Mutex, OnceCell};
use tracing::warn;

use crate::error::whole;

/// How long before their expiry credentials are renewed.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// Credentials are looked up again after this time even if they do not expire: the operator may have replaced them in a file.
const TRUSTED_MAX: Duration = Duration::from_secs(15 * 60);
/// The pause after a failed renewal, while the old credentials are still valid.
const PAUSE: Duration = Duration::from_secs(10);

/// The default chain of the AWS tools, set up at the first use: a pipeline without a bucket never needs it.
#[derive(Debug)]
pub struct Chain {
    region: Option<aws_config::Region>,
    chain: OnceCell<DefaultCredentialsChain>,
}

impl Chain {
    /// `region` is the region of the token service that is asked for roles; none: the environment names it.
    pub fn new(region: Option<String>) -> Self {
        Self { region: region.map(aws_config::Region::new), chain: OnceCell::new() }
    }

    async fn ask(&self) -> provider::Result {
        self.chain.get_or_init(|| self.build()).await.provide_credentials().await
    }

    async fn build(&self) -> DefaultCredentialsChain {
        let builder = DefaultCredentialsChain::builder();
        match self.region.clone() {
            Some(region) => builder.region(region).build().await,
            None => builder.build().await,
        }
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.ask())
    }
}

/// Keeps a provider's credentials.
#[derive(Debug)]
pub struct Kept<P> {
    provider: P,
    latest: RwLock<Option<Latest>>,
    /// Held by the one caller that asks the provider. The others use valid old credentials, or wait.
    asking: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Latest {
    credentials: Credentials,
    /// The same in the form that the store's client takes.
    for_store: Arc<AwsCredential>,
    /// When to ask the provider again.
    ask_again_at: SystemTime,
}

impl Latest {
    fn new(credentials: Credentials, now: SystemTime) -> Self {
        let for_store = Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        });
        let trusted_until = now + TRUSTED_MAX;
        let ask_again_at = credentials.expiry().map_or(trusted_until, |end| (end - AHEAD).min(trusted_until));
        Self { credentials, for_store, ask_again_at }
    }

    fn holds(&self, now: SystemTime) -> bool {
        self.credentials.expiry().is_none_or(|end| now < end)
    }
}

impl<P: ProvideCredentials> Kept<P> {
    /// Does not ask the provider yet.
    pub fn new(provider: P) -> Self {
        Self { provider, latest: RwLock::new(None), asking: Mutex::new(()) }
    }

    /// Credentials that are valid now, and usually for some minutes more.
    pub async fn credentials(&self) -> provider::Result {
        Ok(self.latest().await?.credentials)
    }

    async fn latest(&self) -> Result<Latest, provider::error::CredentialsError> {
        let now = SystemTime::now();
        let known = self.known();
        if let Some(known) = known.clone().filter(|known| now < known.ask_again_at) {
            return Ok(known);
        }
        // If many callers find them due at once, one asks; the others do not wait while the old ones are valid.
        let held = known.filter(|known| known.holds(now));
        let _asking = match (self.asking.try_lock(), &held) {
            (Ok(asking), _) => asking,
            (Err(_), Some(held)) => return Ok(held.clone()),
            (Err(_), None) => self.asking.lock().await,
        };
        // Again: the caller that held the lock may have renewed them meanwhile.
        if let Some(known) = self.known().filter(|known| now < known.ask_again_at) {
            return Ok(known);
        }
        let latest = match (self.provider.provide_credentials().await, held) {
            (Ok(credentials), _) => Latest::new(cleaned(credentials)?, now),
            (Err(error), Some(held)) => {
                warn!(error = whole(&error), "AWS credentials not renewed; using the current ones until they expire");
                // Not from `now`: the failed request may have taken longer than the pause.
                Latest { ask_again_at: SystemTime::now() + PAUSE, ..held }
            }
            (Err(error), None) => return Err(error),
        };
        // Never held over an await: the credentials can be read while another caller asks for new ones.
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(latest.clone());
        Ok(latest)
    }

    fn known(&self) -> Option<Latest> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Without a line's end, which a secret's file or variable often has. A key with other such characters cannot stand in a request's
/// header: the store's client would panic.
fn cleaned(credentials: Credentials) -> provider::Result {
    let (id, secret) = (credentials.access_key_id().trim(), credentials.secret_access_key().trim());
    let token = credentials.session_token().map(str::trim);
    if ![Some(id), Some(secret), token].into_iter().flatten().all(|text| text.chars().all(|c| c.is_ascii_graphic())) {
        let why = "the access key, its secret or the session token has a character that none may have";
        return Err(provider::error::CredentialsError::invalid_configuration(why));
    }
    let (id, secret, token) = (id.to_owned(), secret.to_owned(), token.map(str::to_owned));
    Ok(Credentials::new(id, secret, token, credentials.expiry(), "sluicebox"))
}

#[async_trait]
impl<P: ProvideCredentials> CredentialProvider for Kept<P> {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let latest = self.latest().await.map_err(|error| object_store::Error::Unauthenticated {
            path: "the bucket".to_owned(),
            source: crate::AwsError::Credentials(whole(&error)).into(),
        })?;
        Ok(latest.for_store)
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Kept<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_credential_types::provider::error::CredentialsError;

    use super::*;

    /// Answers slowly, from a list of lifetimes; none: a failure. The last answer is repeated.
    #[derive(Debug)]
    struct Scripted {
        answers: Vec<Option<Duration>>,
        asked: AtomicU32,
    }

    impl Scripted {
        fn of(answers: impl IntoIterator<Item = Option<u64>>) -> Kept<Self> {
            let answers = answers.into_iter().map(|seconds| seconds.map(Duration::from_secs)).collect();
            Kept::new(Self { answers, asked: AtomicU32::new(0) })
        }

        async fn answer(&self) -> provider::Result {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) as usize;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let lifetime = self.answers.get(number).or(self.answers.last()).copied().flatten();
            let lifetime = lifetime.ok_or_else(|| CredentialsError::provider_error("out of order"))?;
            let end = Some(SystemTime::now() + lifetime);
            Ok(Credentials::new(format!("key-{number}"), "secret", None, end, "test"))
        }
    }

    impl ProvideCredentials for Scripted {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(self.answer())
        }
    }

    #[test]
    fn keys_are_cleaned_of_the_end_of_their_line() {
        let keys = |id: &str, token| cleaned(Credentials::new(id, " secret\n", token, None, "test"));
        let clean = keys("id\r\n", Some("token\n".to_owned())).unwrap();
        assert_eq!(
            (clean.access_key_id(), clean.secret_access_key(), clean.session_token()),
            ("id", "secret", Some("token"))
        );
        for bad in ["i\nd", "ïd", "i d"] {
            let error = whole(&keys(bad, None).unwrap_err());
            assert!(error.contains("character") && !error.contains(bad), "{error}");
        }
    }

    async fn key(kept: &Kept<Scripted>) -> String {
        kept.get_credential().await.unwrap().key_id.clone()
    }

    #[tokio::test]
    async fn many_at_once_make_one_question() {
        let kept = Scripted::of([Some(3600)]);
        let all: [_; 8] = std::array::from_fn(|_| key(&kept));
        let mut keys = Vec::new();
        let [a, b, c, d, e, f, g, h] = all;
        let (a, b, c, d, e, f, g, h) = tokio::join!(a, b, c, d, e, f, g, h);
        keys.extend([a, b, c, d, e, f, g, h]);
        assert_eq!(keys, vec!["key-0"; 8]);
        assert_eq!(kept.provider.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn they_are_renewed_ahead_of_their_end() {
        let kept = Scripted::of([Some(60), Some(3600)]);
        assert_eq!(key(&kept).await, "key-0");
        assert_eq!(key(&kept).await, "key-1", "less than five minutes are left");
        assert_eq!(key(&kept).await, "key-1");
    }

    #[tokio::test]
    async fn while_one_asks_the_others_go_on_with_what_holds() {
        let kept = Scripted::of([Some(60), Some(3600)]);
        assert_eq!(key(&kept).await, "key-0");
        let (asks, does_not) = tokio::join!(key(&kept), key(&kept));
        assert_eq!((asks.as_str(), does_not.as_str()), ("key-1", "key-0"));
    }

    #[tokio::test]
    async fn a_failed_renewal_is_put_up_with_while_the_old_ones_hold() {
        let kept = Scripted::of([Some(60), None]);
        for _ in 0..5 {
            assert_eq!(key(&kept).await, "key-0");
        }
        assert_eq!(kept.provider.asked.load(Ordering::SeqCst), 2, "a failure is followed by a pause");
    }

    #[tokio::test]
    async fn without_any_that_hold_a_failure_is_said() {
        let kept = Scripted::of([None]);
        let error = kept.get_credential().await.unwrap_err().to_string();
        assert!(error.contains("no AWS credentials") && error.contains("out of order"), "{error}");
        assert!(!format!("{kept:?}").contains("secret"));
    }
}
