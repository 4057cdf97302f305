//! A store in memory, seen by a process that dies at a chosen request: from then on none of its requests has any effect.
//! What they have done so far stays, and others go on with it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use anyhow::Result;
use deltalake::logstore::{ObjectStoreFactory, ObjectStoreRef, StorageConfig};
use deltalake::{DeltaResult, DeltaTableError};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use sluicebox_delta::store;
use tokio::sync::watch;
use url::Url;

const SCHEME: &str = "mortal";

/// The views that exist, by the host of their URLs.
static VIEWS: Mutex<BTreeMap<String, Arc<View>>> = Mutex::new(BTreeMap::new());

/// How many there have been: each has a host of its own, as tests run side by side.
static MOUNTED: AtomicU64 = AtomicU64::new(0);

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Never.
    Never,
    /// At this request, counted from 0, before it has had its effect.
    Before(u64),
    /// At this request, after it has had its effect: the answer is lost.
    After(u64),
}

/// A view of the store, known under a location of its own for as long as this is kept.
pub struct Mounted {
    host: String,
    view: Arc<View>,
}

struct View {
    objects: Arc<InMemory>,
    death: Death,
    requests: AtomicU64,
    dead: watch::Sender<bool>,
}

impl Mounted {
    /// Makes `objects` known to a process that dies like this.
    pub fn new(objects: &Arc<InMemory>, death: Death) -> Result<Self> {
        static REGISTERED: Once = Once::new();
        let mut registered = Ok(());
        REGISTERED.call_once(|| registered = store::register(SCHEME, Arc::new(Views)));
        registered?;
        let view =
            View { objects: Arc::clone(objects), death, requests: AtomicU64::new(0), dead: watch::Sender::new(false) };
        let view = Arc::new(view);
        let host = format!("view-{}", MOUNTED.fetch_add(1, Ordering::SeqCst));
        VIEWS.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), Arc::clone(&view));
        Ok(Self { host, view })
    }

    /// Where a table lies, seen from here.
    pub fn location(&self, table: &str) -> String {
        format!("{SCHEME}://{}/{table}", self.host)
    }

    /// How many requests there have been.
    pub fn requests(&self) -> u64 {
        self.view.requests.load(Ordering::SeqCst)
    }

    /// Waits for the death.
    pub async fn died(&self) {
        // The sender lives as long as the view does.
        let _alive = self.view.dead.subscribe().wait_for(|dead| *dead).await.is_ok();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        VIEWS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.host);
    }
}

struct Views;

impl ObjectStoreFactory for Views {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let host = url.host_str().unwrap_or_default();
        let view = VIEWS.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
        let view = view.ok_or_else(|| DeltaTableError::generic(format!("nothing is mounted at {url}")))?;
        Ok((view, Path::from_url_path(url.path())?))
    }
}

/// What becomes of one request.
#[derive(PartialEq, Eq)]
enum Fate {
    Answered,
    EffectOnly,
    Nothing,
}

impl View {
    fn fate(&self) -> Fate {
        let request = self.requests.fetch_add(1, Ordering::SeqCst);
        let fate = match self.death {
            Death::Before(last) if request >= last => Fate::Nothing,
            Death::After(last) if request == last => Fate::EffectOnly,
            Death::After(last) if request > last => Fate::Nothing,
            _ => return Fate::Answered,
        };
        self.dead.send_replace(true);
        fate
    }

    async fn ask<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
        let fate = self.fate();
        if fate == Fate::Nothing {
            return Err(dead());
        }
        let answer = request.await;
        if fate == Fate::Answered { answer } else { Err(dead()) }
    }
}

fn dead() -> Error {
    Error::Generic { store: SCHEME, source: "the process that asked is dead".into() }
}

// Written out as `async_trait` would, which this crate does not depend on.
impl ObjectStore for View {
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
        self.ask(self.objects.put_opts(location, payload, options)).boxed()
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
        self.ask(self.objects.put_multipart_opts(location, options)).boxed()
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
        self.ask(self.objects.get_opts(location, options)).boxed()
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        match self.fate() {
            Fate::Answered => self.objects.delete_stream(locations),
            _ => futures::stream::once(async { Err(dead()) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        match self.fate() {
            Fate::Answered => self.objects.list(prefix),
            _ => futures::stream::once(async { Err(dead()) }).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        match self.fate() {
            Fate::Answered => self.objects.list_with_offset(prefix, offset),
            _ => futures::stream::once(async { Err(dead()) }).boxed(),
        }
    }

    fn list_with_delimiter<'a, 'b, 'c>(
        &'a self,
        prefix: Option<&'b Path>,
    ) -> BoxFuture<'c, object_store::Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.ask(self.objects.list_with_delimiter(prefix)).boxed()
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
        self.ask(self.objects.copy_opts(from, to, options)).boxed()
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)
    }
}
