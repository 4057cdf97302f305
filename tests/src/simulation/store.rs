//! An in-memory S3 that all workers of a world share, each through a view of its own: `sim://<world>-<worker>/<table>`.
//!
//! Writes on the walk's thread wait at the gate. The Delta kernel reads logs and writes checkpoints on threads of its own
//! while the walk's stands still; there nothing can wait, and chance has no order. So what happens there is decided by
//! what is asked for and how often the worker has looked before, which is the same in every run.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, Once, PoisonError};

use deltalake::logstore::{ObjectStoreFactory, ObjectStoreRef, StorageConfig};
use deltalake::{DeltaResult, DeltaTableError};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use sluicebox_delta::store;
use url::Url;

use super::gate::{self, Fate, Step};
use super::worker;
use super::world::{Shared, World};

const SCHEME: &str = "sim";

/// The views that exist, by the host of their URLs.
static VIEWS: Mutex<BTreeMap<String, Arc<View>>> = Mutex::new(BTreeMap::new());

/// A write that was given up and is still under way.
pub struct LatePut {
    worker: usize,
    path: Path,
    payload: PutPayload,
    options: PutOptions,
}

impl LatePut {
    /// Whether it goes to a table.
    pub fn is_in(&self, table: &str) -> bool {
        self.path.parts().next().is_some_and(|part| part.as_ref() == table)
    }
}

/// One worker's view of the store.
pub struct View {
    world: Shared,
    worker: usize,
    inner: Arc<InMemory>,
    host: String,
}

struct Views;

impl ObjectStoreFactory for Views {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let host = url.host_str().unwrap_or_default();
        let views = VIEWS.lock().unwrap_or_else(PoisonError::into_inner);
        let view = views.get(host).cloned();
        let view = view.ok_or_else(|| DeltaTableError::generic(format!("there is no world {host}")))?;
        Ok((view, Path::from_url_path(url.path())?))
    }
}

/// A worker's view, for as long as it is kept.
pub struct Mounted(String);

impl Mounted {
    /// Makes a worker's view known under the host `host`.
    pub fn new(world: &Shared, worker: usize, host: String) -> Result<Self, DeltaTableError> {
        static REGISTERED: Once = Once::new();
        let mut registered = Ok(());
        REGISTERED.call_once(|| registered = store::register(SCHEME, Arc::new(Views)));
        registered?;
        let inner = world.lock().objects.clone();
        let view = View { world: world.clone(), worker, inner, host: host.clone() };
        VIEWS.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), Arc::new(view));
        Ok(Self(host))
    }

    /// Where a table lies, seen from here.
    pub fn location(&self, table: &str) -> String {
        format!("{SCHEME}://{}/{table}", self.0)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        VIEWS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// An object's name without what differs from run to run.
pub fn in_words(path: &Path) -> String {
    let parts: Vec<_> = path.parts().collect();
    let table = parts.first().map_or("", |part| part.as_ref());
    match parts.get(1).map(|part| part.as_ref()) {
        Some("_delta_log") => {
            let name = parts.get(2).map_or("", |part| part.as_ref());
            let (number, rest) = name.split_once('.').unwrap_or((name, ""));
            match (number.parse::<u64>(), rest) {
                (Ok(version), "json") => format!("{table} version {version}"),
                (Ok(version), _) => format!("{table} checkpoint {version}"),
                (Err(_), _) => format!("{table} {name}"),
            }
        }
        Some(folder) if folder.starts_with('_') => format!("{table} {folder}"),
        _ => format!("{table} file"),
    }
}

/// The table and the version that a path is the commit of.
fn commit_of(path: &Path) -> Option<(String, u64)> {
    let parts: Vec<_> = path.parts().collect();
    match &parts[..] {
        [table, log, name] if log.as_ref() == "_delta_log" => {
            let version = name.as_ref().strip_suffix(".json")?.parse().ok()?;
            Some((table.as_ref().to_owned(), version))
        }
        _ => None,
    }
}

impl World {
    /// A write has its effect.
    fn write(&mut self, worker: usize, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let bytes: Vec<u8> = payload.iter().flat_map(|part| part.iter().copied()).collect();
        let written = self.objects.put_opts(path, payload, options).now_or_never();
        let written = written.unwrap_or_else(|| Err(broken("memory does not answer")))?;
        if let Some((table, version)) = commit_of(path) {
            self.trace.note(format_args!("w{worker} has committed version {version} of {table}"));
            let objects = self.objects.clone();
            self.oracle.committed(worker, &table, version, &bytes, &objects, &mut self.trace);
        }
        Ok(written)
    }

    /// A write that was given up arrives.
    pub fn land_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let index = self.rng.usize(..self.late.len());
        let LatePut { worker, path, payload, options } = self.late.remove(index);
        let object = in_words(&path);
        self.trace.note(format_args!("a late put of {object} by w{worker} arrives"));
        if let Err(error) = self.write(worker, &path, payload, options) {
            self.trace.note(format_args!("it is refused: {}", kind(&error)));
        }
    }

    /// What happens to a request on a thread where nothing can wait.
    fn off_thread(&self, worker: usize, doing: &str, path: &str) -> Fate {
        let gate = &self.gates[worker];
        if gate.doomed {
            return Fate::Refused;
        }
        if self.calm {
            return Fate::Done;
        }
        let mut hasher = DefaultHasher::new();
        (self.seed, worker, gate.looks, doing, path).hash(&mut hasher);
        let mut rng = fastrand::Rng::with_seed(hasher.finish());
        let weather = &self.plan.weather;
        match rng.u32(..1_000) {
            chance if chance < weather.unread => Fate::Refused,
            chance if doing == "put" && chance < weather.unread + weather.unheard => Fate::Unheard,
            chance if doing == "put" && chance < weather.unread + weather.unheard + weather.fatal => Fate::Fatal,
            _ => Fate::Done,
        }
    }
}

fn broken(what: &'static str) -> Error {
    Error::Generic { store: "simulated", source: what.into() }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::AlreadyExists { .. } => "already there",
        Error::NotFound { .. } => "not found",
        _ => "an error",
    }
}

impl View {
    /// A write on the walk's own thread.
    async fn put_at_gate(&self, path: Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let create = matches!(options.mode, PutMode::Create);
        if create && let Some((table, _)) = commit_of(&path) {
            self.world.lock().oracle.about_to_commit(self.worker, &table, &payload);
        }
        let fate = gate::pass(&self.world, self.worker, Step::Put { object: in_words(&path), create }).await;
        if let Fate::Slow(pause) = fate {
            tokio::time::sleep(pause).await;
        }
        let result = {
            let mut world = self.world.lock();
            match fate {
                Fate::Refused => return Err(broken("503 Slow Down")),
                Fate::Late => {
                    world.late.push(LatePut { worker: self.worker, path, payload, options });
                    return Err(broken("the request timed out"));
                }
                _ => {}
            }
            let result = world.write(self.worker, &path, payload, options);
            if let Err(error) = &result {
                world.trace.note(format_args!("w{}: {}", self.worker, kind(error)));
            }
            if fate == Fate::Fatal {
                world.gates[self.worker].doom();
            }
            result
        };
        match fate {
            Fate::Fatal => pending().await,
            Fate::Unheard => Err(broken("connection reset while reading the response")),
            Fate::Misheard if create => {
                Err(Error::AlreadyExists { path: path_text(&result), source: "412 Precondition Failed".into() })
            }
            _ => result,
        }
    }

    /// A write on a thread of the kernel's: a checkpoint.
    fn put_off_thread(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut world = self.world.lock();
        let object = in_words(path);
        let fate = world.off_thread(self.worker, "put", &object);
        world.trace.note(format_args!("w{} put {object}: {fate}", self.worker));
        if fate == Fate::Refused {
            return Err(broken("503 Slow Down"));
        }
        let result = world.write(self.worker, path, payload, options);
        if fate == Fate::Fatal {
            world.gates[self.worker].doom();
        }
        if fate == Fate::Done { result } else { Err(broken("connection reset while reading the response")) }
    }

    fn may_read(&self, doing: &str, path: &str) -> Result<()> {
        match self.world.lock().off_thread(self.worker, doing, path) {
            Fate::Refused => Err(broken("503 Slow Down")),
            _ => Ok(()),
        }
    }
}

fn path_text(result: &Result<PutResult>) -> String {
    match result {
        Err(Error::AlreadyExists { path, .. }) => path.clone(),
        _ => "the object".to_owned(),
    }
}

// Written out as `async_trait` would, which this crate does not depend on.
impl ObjectStore for View {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        if worker::is_stepping() {
            self.put_at_gate(location.clone(), payload, opts).boxed()
        } else {
            async move { self.put_off_thread(location, payload, opts) }.boxed()
        }
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        _location: &'b Path,
        _opts: PutMultipartOptions,
    ) -> BoxFuture<'c, Result<Box<dyn MultipartUpload>>>
    where
        'a: 'c,
        'b: 'c,
    {
        async { Err(Error::NotImplemented { operation: "multipart".into(), implementer: "simulation".into() }) }.boxed()
    }

    fn get_opts<'a, 'b, 'c>(&'a self, location: &'b Path, options: GetOptions) -> BoxFuture<'c, Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        if worker::is_stepping() {
            self.world.lock().gates[self.worker].looks += 1;
        }
        async move {
            self.may_read("get", &in_words(location))?;
            self.inner.get_opts(location, options).await
        }
        .boxed()
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.world.lock().gates[self.worker].looks += 1;
        match self.may_read("list", prefix.map_or("", Path::as_ref)) {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.world.lock().gates[self.worker].looks += 1;
        match self.may_read("list", prefix.map_or("", Path::as_ref)) {
            Ok(()) => self.inner.list_with_offset(prefix, offset),
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list_with_delimiter<'a, 'b, 'c>(&'a self, prefix: Option<&'b Path>) -> BoxFuture<'c, Result<ListResult>>
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
    ) -> BoxFuture<'c, Result<()>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
    {
        self.inner.copy_opts(from, to, options)
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}", self.host)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
