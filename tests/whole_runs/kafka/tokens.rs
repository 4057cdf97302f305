//! Brokers that want a token (SASL/OAUTHBEARER over TLS, as Amazon MSK with IAM): every client of the product shows one, and
//! has the next before the last expires. The signer is a stand-in: Kafka's own check takes unsigned tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use sluicebox_aws::renewed::Renewed;
use sluicebox_kafka::{Brokers, NoToken, Token, TokenSource, run, survey};
use sluicebox_pipeline::status::{PartitionStatus, status as compare};
use sluicebox_pipeline::{Changes, Health, Progress, RunOptions};
use sluicebox_sandbox::Sandbox;
use sluicebox_settings::{KafkaSettings, Secret, Settings, SourceSettings};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::Pipeline;
use tokio::sync::watch;

use crate::orders;

const NAME: &str = "guarded";
/// When a client asks for the next token, enough of this is left for a handshake on a busy machine.
const TOKEN_LIFE: Duration = Duration::from_secs(10);
const RUN_DURATION: Duration = Duration::from_secs(35);

/// An unsigned JSON Web Token, as RFC 7519 has it.
fn unsigned(expires_at: SystemTime) -> Result<Token, NoToken> {
    let seconds = |moment: SystemTime| moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let issued_at = seconds(SystemTime::now());
    let claims = json!({"sub": "sluicebox", "iat": issued_at, "exp": seconds(expires_at)}).to_string();
    let [header, claims] = [r#"{"alg":"none"}"#, &claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    Ok(Token { value: Secret::new(format!("{header}.{claims}.")), principal: "sluicebox".to_owned(), expires_at })
}

async fn tokens() -> Result<(Arc<Renewed>, Arc<AtomicUsize>)> {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let renewed = Renewed::start(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async {
            // Stands for a request over the network.
            tokio::time::sleep(Duration::from_millis(100)).await;
            unsigned(SystemTime::now() + TOKEN_LIFE)
        }
    })
    .await?;
    Ok((renewed, made))
}

fn settings(pipeline: &Pipeline) -> Result<(Settings, KafkaSettings)> {
    let settings = Settings::load(&pipeline.write()?)?;
    let SourceSettings::Kafka(kafka) = settings.source.clone() else { bail!("the source is not Kafka") };
    Ok((settings, kafka))
}

async fn status(settings: &Settings, brokers: &Brokers) -> Result<Vec<PartitionStatus>> {
    Ok(compare(settings, survey(brokers)?).await?)
}

/// A signer that cannot be reached.
#[derive(Debug)]
struct Expired;

impl TokenSource for Expired {
    fn token(&self) -> Result<Token, NoToken> {
        Err(NoToken("the signer is away".to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guarded_topic_is_read_through_many_tokens() -> Result<()> {
    needs!(kafka, readers);
    let cluster = tokio::task::spawn_blocking(Cluster::start_guarded).await??;
    let (brokers, certificate) = cluster.guarded().context("the cluster is not guarded")?;
    let source = json!({"kafka": {
        "brokers": brokers,
        "topics": [NAME],
        "authentication": {"msk_iam": {"region": "eu-central-1"}},
        "properties": {"ssl.ca.location": certificate},
    }});
    let mut pipeline = orders::pipeline(NAME, source)?;
    pipeline.settings["flush"] = json!({"interval": "500ms"});
    pipeline.settings["dead_letters"]["topic"] = json!("guarded-dead");
    cluster.create_topic("guarded-dead", 1, &[])?;
    let mut feed = orders::feed(NAME, 500);
    feed.produce(&cluster)?;

    let (tokens, made) = tokens().await?;
    let (settings, kafka) = settings(&pipeline)?;
    let brokers = Brokers::new(kafka.clone(), Some(tokens.clone()));
    let transform = sluicebox_registry::open(&settings.transform, &Sandbox::new()?, None).await?.transform;
    let (stop, stopped) = watch::channel(false);
    let (progress, _) = watch::channel(Progress::default());
    let (health, _) = watch::channel(Health::default());
    let changes = Changes::none();
    let options =
        RunOptions { drain: false, accepted_gaps: Vec::new(), stop: stopped, progress, health, changes, copies: None };
    let outside = settings.clone();
    let walk = tokio::spawn(async move { run(settings, &transform, Some(tokens), options).await });

    let mut looked = 0;
    let ends = tokio::time::Instant::now() + RUN_DURATION;
    while tokio::time::Instant::now() < ends {
        ensure!(!walk.is_finished(), "the walk ended by itself: {:?}", walk.await?);
        // `status` opens a new connection each time.
        match status(&outside, &brokers).await {
            Ok(partitions) => {
                ensure!(partitions.len() == orders::PARTITIONS as usize);
                looked += 1;
            }
            // A broker closes a connection when its token expires, also in the middle of a request.
            Err(error) => eprintln!("{error}"),
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let more: Vec<_> = (500..1_000).map(orders::order).collect();
    cluster.produce(NAME, &more)?;
    feed.extend(more);
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    ensure!(looked >= 5, "the brokers let in `status` {looked} times");
    while status(&outside, &brokers).await.map_or(true, |all| all.iter().any(|partition| partition.lag_records > 0)) {
        ensure!(tokio::time::Instant::now() < until, "what was produced after {RUN_DURATION:?} is not read");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop.send_replace(true);
    walk.await??;

    orders::ensure_exactly_once(&pipeline, &[&feed])?;
    let dead = cluster.read("guarded-dead", 0)?;
    ensure!(!dead.is_empty(), "the brokers refused the producer of dead letters");
    let made = made.load(Ordering::SeqCst);
    ensure!(made >= 5, "in {RUN_DURATION:?}, {made} tokens of {TOKEN_LIFE:?} were made");

    // Without a token the brokers refuse every client.
    let brokers = Brokers::new(kafka, Some(Arc::new(Expired)));
    ensure!(status(&outside, &brokers).await.is_err(), "the brokers let in a client without a token");
    Ok(())
}
