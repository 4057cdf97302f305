//! Tokens that a background task renews before they expire, so that clients get the latest one at once and never wait for the
//! network. Does not know how tokens are made.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};

use sluicebox_kafka::{NoToken, Token, TokenSource};
use tokio::sync::Mutex;
use tracing::{debug, warn};

/// When to renew a token, as a share of its lifetime. librdkafka asks for the next after four fifths; this leaves time for
/// retries before that.
const RENEWED_AFTER_SHARE: f64 = 0.6;
/// How often the task checks the clock. Short, because timers stand still while a machine is suspended.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(10);
/// The pause after the first failure; it doubles up to [`RETRY_PAUSE_MAX`].
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause between attempts.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(30);

type Making = Pin<Box<dyn Future<Output = Result<Token, NoToken>> + Send>>;

/// The latest token, and the function that makes the next.
pub struct Renewed {
    make: Box<dyn Fn() -> Making + Send + Sync>,
    latest: RwLock<Latest>,
    making: Mutex<()>,
}

struct Latest {
    token: Token,
    renew_at: SystemTime,
    /// Why the last renewal failed.
    trouble: Option<NoToken>,
}

impl Latest {
    fn new(token: Token, made_at: SystemTime) -> Self {
        let life = token.expires_at.duration_since(made_at).unwrap_or_default();
        Self { renew_at: made_at + life.mul_f64(RENEWED_AFTER_SHARE), token, trouble: None }
    }
}

impl Renewed {
    /// Makes the first token, and spawns a task that makes the next ones until the result is dropped. The task runs on the
    /// caller's runtime, which needs a second thread for it, because librdkafka's poll blocks one.
    pub async fn start<M, F>(make: M) -> Result<Arc<Self>, NoToken>
    where
        M: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Token, NoToken>> + Send + 'static,
    {
        // Before the request: a slow answer has used up some of the token's life.
        let made_at = SystemTime::now();
        let latest = Latest::new(make().await?, made_at);
        let make = Box::new(move || -> Making { Box::pin(make()) });
        let renewed = Arc::new(Self { make, latest: RwLock::new(latest), making: Mutex::new(()) });
        // Weak: the task must not keep alive what its own end depends on.
        tokio::spawn(keep(Arc::downgrade(&renewed)));
        Ok(renewed)
    }

    /// Renews the token if that is due. For a function after a freeze between two invocations: its task could not run.
    pub async fn renew_if_due(&self) -> Result<(), NoToken> {
        // Held over the request: a second caller finds the token renewed, instead of asking too.
        let _making = self.making.lock().await;
        if self.due_in() > Duration::ZERO {
            return Ok(());
        }
        let made_at = SystemTime::now();
        let made = (self.make)().await;
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        match made {
            Ok(token) => {
                debug!("token renewed");
                *latest = Latest::new(token, made_at);
                Ok(())
            }
            Err(error) => {
                latest.trouble = Some(error.clone());
                Err(error)
            }
        }
    }

    fn due_in(&self) -> Duration {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.renew_at.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

async fn keep(renewed: Weak<Renewed>) {
    let mut pause = RETRY_PAUSE_MIN;
    loop {
        // Strong only within this statement: over the sleep it would outlive the last owner.
        let wait = match renewed.upgrade() {
            None => return,
            Some(renewed) => match renewed.renew_if_due().await {
                Ok(()) => {
                    pause = RETRY_PAUSE_MIN;
                    renewed.due_in().min(LOOK_INTERVAL_MAX)
                }
                Err(error) => {
                    warn!(%error, "Kafka token not renewed; trying again");
                    pause = (pause * 2).min(RETRY_PAUSE_MAX);
                    pause
                }
            },
        };
        tokio::time::sleep(wait).await;
    }
}

impl TokenSource for Renewed {
    fn token(&self) -> Result<Token, NoToken> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        if SystemTime::now() < latest.token.expires_at {
            return Ok(latest.token.clone());
        }
        let trouble = latest.trouble.clone();
        Err(trouble.unwrap_or_else(|| NoToken("the token has expired, and the next one is not ready yet".to_owned())))
    }
}

impl fmt::Debug for Renewed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Renewed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use sluicebox_settings::Secret;

    use super::*;

    async fn started(
        life: Duration,
        fails: impl Fn(u32) -> bool + Send + Sync + 'static,
    ) -> (Arc<Renewed>, Arc<AtomicU32>) {
        let made = Arc::new(AtomicU32::new(0));
        let count = made.clone();
        let renewed = Renewed::start(move || {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let fails = fails(number);
            async move {
                if fails {
                    return Err(NoToken("the signer is away".to_owned()));
                }
                let expires_at = SystemTime::now() + life;
                Ok(Token { value: Secret::new(number.to_string()), principal: "test".to_owned(), expires_at })
            }
        })
        .await
        .unwrap();
        (renewed, made)
    }

    fn value(renewed: &Renewed) -> String {
        renewed.token().map_or_else(|error| error.to_string(), |token| token.value.reveal().to_owned())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn there_is_always_one_that_has_not_expired() {
        let (renewed, made) = started(Duration::from_millis(500), |_| false).await;
        let ends = std::time::Instant::now() + Duration::from_secs(2);
        while std::time::Instant::now() < ends {
            assert!(renewed.token().is_ok());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(made.load(Ordering::SeqCst) >= 4, "{made:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_failure_is_followed_by_other_attempts_and_the_old_one_serves_until_its_end() {
        let (renewed, _) = started(Duration::from_secs(2), |number| number == 1).await;
        tokio::time::sleep(Duration::from_millis(1600)).await;
        assert_eq!(value(&renewed), "0");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_ne!(value(&renewed), "0");
        assert!(renewed.token().is_ok());
    }

    #[tokio::test]
    async fn an_expired_one_is_not_handed_out_and_the_reason_is_said() {
        let (renewed, _) = started(Duration::from_millis(50), |number| number > 0).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(value(&renewed), "the signer is away");
    }

    #[tokio::test]
    async fn who_stood_still_can_ask_for_another() {
        let (renewed, _) = started(Duration::from_millis(50), |_| false).await;
        std::thread::sleep(Duration::from_millis(100));
        assert!(renewed.token().is_err());
        renewed.renew_if_due().await.unwrap();
        assert_eq!(value(&renewed), "1");
    }

    #[tokio::test]
    async fn its_task_ends_with_it() {
        let (renewed, made) = started(Duration::from_millis(50), |_| false).await;
        drop(renewed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let count = made.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(made.load(Ordering::SeqCst), count);
    }
}
