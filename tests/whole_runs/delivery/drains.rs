//! Drains whose store fails before, in or after a flush: a drain says that it is complete only if every ledger is at its end. The
//! real source over librdkafka's mock of a broker, the real walk and real tables, in this process, as `run --drain` and the
//! function's drain have them. `DRAINS=200` runs more of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use deltalake::logstore::{ObjectStoreFactory, ObjectStoreRef, StorageConfig};
use deltalake::{DeltaResult, DeltaTableError};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use rdkafka::config::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, Producer};
use serde_json::json;
use sluicebox_delta::{Table, store};
use sluicebox_ledger::TopicPartition;
use sluicebox_pipeline::{Changes, Health, Progress, RunOptions};
use sluicebox_sandbox::{CacheFolder, Limits, Sandbox, Transform};
use sluicebox_settings::Settings;
use sluicebox_tests::place;
use tokio::sync::watch;
use url::Url;

use crate::orders;

const SCHEME: &str = "faulty";
const RECORDS: usize = 60;
/// How many drains run at a time.
const AT_A_TIME: usize = 12;

/// The stores that exist, by the host of their URLs.
static STORES: Mutex<BTreeMap<String, Arc<Faulty>>> = Mutex::new(BTreeMap::new());

/// A store that refuses some writes after the first ones, or does them and loses the answer.
#[derive(Debug)]
struct Faulty {
    inner: InMemory,
    writes: AtomicU64,
    /// The writes that fail, counted from the beginning.
    failing: std::ops::Range<u64>,
    is_unheard: bool,
}

impl Faulty {
    fn fault(&self) -> Error {
        Error::Generic { store: SCHEME, source: "503 Slow Down".into() }
    }

    /// Whether a drain had to live with a fault.
    fn has_failed(&self) -> bool {
        self.writes.load(Ordering::Relaxed) > self.failing.start
    }

    fn mend(&self) {
        self.writes.store(self.failing.end, Ordering::Relaxed);
    }
}

struct Stores;

impl ObjectStoreFactory for Stores {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        let store = stores.get(url.host_str().unwrap_or_default()).cloned();
        let store = store.ok_or_else(|| DeltaTableError::generic(format!("there is no store {url}")))?;
        Ok((store, Path::from_url_path(url.path())?))
    }
}

fn mount(name: &str, faulty: Faulty) -> Result<Arc<Faulty>> {
    static REGISTERED: Once = Once::new();
    let mut registered = Ok(());
    REGISTERED.call_once(|| registered = store::register(SCHEME, Arc::new(Stores)));
    registered?;
    let faulty = Arc::new(faulty);
    STORES.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), faulty.clone());
    Ok(faulty)
}

/// How a drain ended.
enum End {
    Complete,
    /// It said that something is left.
    Open,
}

async fn drain(settings: &Settings, transform: &Transform) -> Result<End> {
    let (_stop, stop) = watch::channel(false);
    let options = RunOptions {
        drain: true,
        accepted_gaps: Vec::new(),
        stop,
        progress: watch::channel(Progress::default()).0,
        health: watch::channel(Health::default()).0,
        changes: Changes::none(),
        copies: None,
    };
    let drained = sluicebox_kafka::run(settings.clone(), transform, None, options);
    let drained = tokio::time::timeout(Duration::from_secs(170), drained).await.context("the drain does not end")?;
    Ok(if drained.is_ok() { End::Complete } else { End::Open })
}

/// The next offset of each partition, in each table.
async fn ledgers(settings: &Settings) -> Result<Vec<Option<i64>>> {
    let partitions: Vec<_> =
        (0..orders::PARTITIONS).map(|number| TopicPartition::new(settings.name.as_str(), number)).collect();
    let mut ledgers = Vec::new();
    for (name, location) in [("orders", &settings.tables["orders"].path), ("dead_letters", &settings.dead_letters.path)]
    {
        let ledger = Table::ledger_of(&settings.name, name, location, &partitions).await?;
        ledgers.extend(partitions.iter().map(|partition| ledger.next(partition)));
    }
    Ok(ledgers)
}

/// Drains a topic of its own with a fault on the way; a drain that leaves something is followed by another, without a fault. Says
/// whether the fault was met.
async fn drain_with_a_fault(number: usize, brokers: String, transform: Transform) -> Result<bool> {
    let name = format!("drained-{number}");
    let mut random = fastrand::Rng::with_seed(number as u64);
    // Two tables are created, and two starts are noted, with a write each. A flush is two commits and a file or two.
    let begin = random.u64(2..12);
    let failing = begin..begin + random.u64(1..6);
    let faulty = Faulty { inner: InMemory::new(), writes: AtomicU64::new(0), failing, is_unheard: random.u8(..4) == 0 };
    let store = mount(&name, faulty)?;
    let source = json!({"kafka": {"brokers": brokers, "topics": [name]}});
    let mut pipeline = orders::pipeline(&name, source)?;
    // Several flushes a drain.
    pipeline.settings["batch"] = json!({"records_max": 10});
    pipeline.settings["flush"] = json!({"rows_max": 15});
    let mut settings = Settings::load(&pipeline.write()?)?;
    settings.tables.get_mut("orders").context("no table")?.path = format!("{SCHEME}://{name}/orders");
    settings.dead_letters.path = format!("{SCHEME}://{name}/dead_letters");

    let ends = vec![Some(RECORDS as i64 / i64::from(orders::PARTITIONS)); 2 * orders::PARTITIONS as usize];
    for attempt in 0..2 {
        if let End::Complete = drain(&settings, &transform).await? {
            let found = ledgers(&settings).await?;
            ensure!(found == ends, "drain {number} says that it is complete, and the ledgers are at {found:?}");
            return Ok(store.has_failed());
        }
        ensure!(attempt == 0, "drain {number} does not end well although the store works again");
        store.mend();
    }
    Ok(true)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_complete_only_if_every_ledger_is_at_its_end() -> Result<()> {
    let count: usize = std::env::var("DRAINS").map_or(Ok(24), |count| count.parse())?;
    let cluster = MockCluster::new(1)?;
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create()?;
    for number in 0..count {
        let topic = format!("drained-{number}");
        cluster.create_topic(&topic, orders::PARTITIONS, 1)?;
        for message in (0..RECORDS).map(orders::order) {
            producer.send(message.record(&topic)).map_err(|(error, _)| error)?;
        }
    }
    producer.flush(Duration::from_secs(30))?;
    let wasm = place::guest(orders::GUEST)?;
    let transform = Sandbox::new()?.load(&wasm, &Limits::default(), None::<&CacheFolder>)?;

    let mut drains = FuturesUnordered::new();
    let (mut met, mut begun) = (0, 0);
    loop {
        while begun < count && drains.len() < AT_A_TIME {
            let (brokers, transform) = (cluster.bootstrap_servers(), transform.clone());
            drains.push(tokio::spawn(drain_with_a_fault(begun, brokers, transform)));
            begun += 1;
        }
        let Some(drained) = drains.next().await else { break };
        met += usize::from(drained??);
    }
    ensure!(met > count / 2, "only {met} of {count} drains met a fault");
    Ok(())
}

impl ObjectStore for Faulty {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> BoxFuture<'c, object_store::Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        async move {
            let fails = self.failing.contains(&self.writes.fetch_add(1, Ordering::Relaxed));
            if fails && !self.is_unheard {
                return Err(self.fault());
            }
            let written = self.inner.put_opts(location, payload, options).await;
            if fails { Err(self.fault()) } else { written }
        }
        .boxed()
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: PutMultipartOptions,
    ) -> BoxFuture<'c, object_store::Result<Box<dyn MultipartUpload>>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.inner.put_multipart_opts(location, options)
    }

    fn get_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: GetOptions,
    ) -> BoxFuture<'c, object_store::Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.inner.get_opts(location, options)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_delimiter<'a, 'b, 'c>(
        &'a self,
        prefix: Option<&'b Path>,
    ) -> BoxFuture<'c, object_store::Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.inner.list_with_delimiter(prefix)
    }

    fn copy_opts<'a, 'b, 'd, 'c>(
        &'a self,
        from: &'b Path,
        to: &'d Path,
        options: CopyOptions,
    ) -> BoxFuture<'c, object_store::Result<()>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        self.inner.copy_opts(from, to, options)
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)
    }
}
