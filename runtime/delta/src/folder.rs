//! Folders of this machine as an object store whose writes survive a power loss. A write returns when the bytes are on the disk,
//! and the name, too; a name never appears before the bytes that it stands for. `object_store` itself leaves both to the kernel:
//! after a power loss a log entry could be empty, or could name a data file that is.
//!
//! Knows nothing of tables.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use deltalake::logstore::{ObjectStoreFactory, ObjectStoreRef, StorageConfig};
use deltalake::{DeltaResult, DeltaTableError};
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use url::Url;

/// Brings a file's bytes, or a folder's names, onto the disk.
type Sync = Arc<dyn Fn(&FilePath) -> io::Result<()> + Send + std::marker::Sync>;

/// Opens folders.
pub(crate) struct Folders;

impl ObjectStoreFactory for Folders {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let path = Path::from_url_path(url.path())
            .map_err(|error| DeltaTableError::InvalidTableLocation(format!("{url}: {error}")))?;
        Ok((Arc::new(Folder::new(LocalFileSystem::new(), Arc::new(sync))), path))
    }
}

/// The file system.
pub(crate) struct Folder {
    inner: LocalFileSystem,
    disk: Disk,
}

/// The way onto the disk, and the folders whose own names are there already.
#[derive(Clone)]
struct Disk {
    sync: Sync,
    known: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Folder {
    fn new(inner: LocalFileSystem, sync: Sync) -> Self {
        Self { inner, disk: Disk { sync, known: Arc::default() } }
    }
}

impl Disk {
    /// Brings the name of a file onto the disk, and the names of the folders above it that this process has not seen yet.
    fn sync_name(&self, path: &FilePath) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        (self.sync)(folder)?;
        for ancestor in folder.ancestors() {
            let is_known = self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(ancestor);
            match ancestor.parent() {
                Some(above) if !is_known => (self.sync)(above)?,
                _ => break,
            }
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(ancestor.to_owned());
        }
        Ok(())
    }

    /// Writes an object: under another name first, which `LocalFileSystem` does not list, and under its own when it is whole.
    fn put(&self, path: &FilePath, payload: &PutPayload, mode: &PutMode) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!("#{}", fastrand::u64(..)));
        let staged = PathBuf::from(staged);
        let named = self.write(&staged, payload).and_then(|()| match mode {
            PutMode::Create => fs::hard_link(&staged, path),
            _ => fs::rename(&staged, path),
        });
        let _leftover = fs::remove_file(&staged);
        named.and_then(|()| self.sync_name(path))
    }

    fn write(&self, path: &FilePath, payload: &PutPayload) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        payload.iter().try_for_each(|bytes| file.write_all(bytes))?;
        (self.sync)(path)
    }
}

/// Some file systems cannot sync a folder, and say so; their names are theirs to keep.
fn sync(path: &FilePath) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if path.is_dir() && matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Runs where the calling task's thread is not held up.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?)
}

fn error(path: &FilePath, source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::AlreadyExists => Error::AlreadyExists { path: path.display().to_string(), source: source.into() },
        _ => {
            let source = format!("{}: {source}", path.display());
            Error::Generic { store: "folder", source: source.into() }
        }
    }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) || !options.attributes.is_empty() {
            return self.inner.put_opts(location, payload, options).await;
        }
        let path = self.inner.path_to_filesystem(location)?;
        let disk = self.disk.clone();
        let (path, put) = off_thread(move || {
            let put = disk.put(&path, &payload, &options.mode);
            (path, put)
        })
        .await?;
        put.map_err(|source| error(&path, source))?;
        Ok(PutResult { e_tag: self.inner.head(location).await?.e_tag, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.inner.path_to_filesystem(location)?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(Parts { inner, path, disk: self.disk.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A large object, written in parts.
#[derive(Debug)]
struct Parts {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
    disk: Disk,
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.inner.complete().await?;
        let (disk, path) = (self.disk.clone(), self.path.clone());
        let synced = off_thread(move || (disk.sync)(&path).and_then(|()| disk.sync_name(&path))).await?;
        synced.map_err(|source| error(&self.path, source))?;
        Ok(completed)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Folder({})", self.inner)
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
