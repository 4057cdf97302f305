//! What is on the disk when a write returns, told by a disk that takes notes.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use object_store::ObjectStoreExt as _;
use tempfile::TempDir;

use super::*;

type Synced = (String, Vec<String>);

/// A folder, its store, and what the store has brought onto the disk, in order: what, and the names in `t` at that time.
struct Scene {
    folder: TempDir,
    store: Folder,
    synced: Arc<Mutex<Vec<Synced>>>,
    is_broken: Arc<AtomicBool>,
}

fn names(folder: &FilePath) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (synced, is_broken) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
    let (notes, broken) = (Arc::clone(&synced), Arc::clone(&is_broken));
    let sync: Sync = Arc::new(move |path: &FilePath| {
        if broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        if let Ok(path) = path.strip_prefix(&root) {
            notes.lock().unwrap().push((path.display().to_string(), names(&root.join("t"))));
        }
        Ok(())
    });
    let inner = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    Scene { store: Folder::new(inner, sync), folder, synced, is_broken }
}

impl Scene {
    fn take_notes(&self) -> Vec<(String, Vec<String>)> {
        std::mem::take(&mut self.synced.lock().unwrap())
    }
}

#[tokio::test]
async fn the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_answer() {
    let scene = scene();
    for (mode, name) in [(PutMode::Create, "entry"), (PutMode::Overwrite, "object")] {
        let path = Path::from(format!("t/{name}"));
        scene.store.put_opts(&path, "bytes".into(), mode.into()).await.unwrap();
        let notes = scene.take_notes();
        let (first, names_then) = &notes[0];
        assert!(first.starts_with(&format!("t/{name}#")), "{first}");
        assert!(!names_then.contains(&name.to_owned()), "{names_then:?}");
        let (second, names_then) = &notes[1];
        assert_eq!(second, "t");
        assert!(names_then.contains(&name.to_owned()), "{names_then:?}");
        assert_eq!(scene.store.get(&path).await.unwrap().bytes().await.unwrap(), "bytes");
    }
    assert_eq!(names(&scene.folder.path().join("t")), ["entry", "object"], "nothing is left over");
}

#[tokio::test]
async fn a_new_folder_has_its_name_on_the_disk_too() {
    let scene = scene();
    scene.store.put(&Path::from("t/new/er/object"), "bytes".into()).await.unwrap();
    let folders: Vec<String> = scene.take_notes().into_iter().skip(1).map(|(path, _)| path).collect();
    assert_eq!(folders, ["t/new/er", "t/new", "t", ""]);
    scene.store.put(&Path::from("t/new/er/another"), "bytes".into()).await.unwrap();
    assert_eq!(scene.take_notes().len(), 2, "the folders are known by now");
}

#[tokio::test]
async fn the_parts_of_a_large_object_are_on_the_disk_when_it_is_complete() {
    let scene = scene();
    let path = Path::from("t/large");
    let mut upload = scene.store.put_multipart(&path).await.unwrap();
    upload.put_part("one".into()).await.unwrap();
    upload.put_part("two".into()).await.unwrap();
    assert_eq!(scene.take_notes(), []);
    upload.complete().await.unwrap();
    let notes: Vec<String> = scene.take_notes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(notes, ["t/large", "t", ""]);
    assert_eq!(scene.store.get(&path).await.unwrap().bytes().await.unwrap(), "onetwo");
}

#[tokio::test]
async fn an_entry_that_exists_stays_and_one_that_the_disk_refuses_never_appears() {
    let scene = scene();
    let path = Path::from("t/entry");
    scene.store.put_opts(&path, "first".into(), PutMode::Create.into()).await.unwrap();
    let refused = scene.store.put_opts(&path, "second".into(), PutMode::Create.into()).await.unwrap_err();
    assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
    assert_eq!(scene.store.get(&path).await.unwrap().bytes().await.unwrap(), "first");

    scene.is_broken.store(true, Ordering::SeqCst);
    let another = Path::from("t/another");
    let refused = scene.store.put_opts(&another, "bytes".into(), PutMode::Create.into()).await.unwrap_err();
    assert!(refused.to_string().contains("the disk is gone"), "{refused}");
    assert_eq!(scene.store.list(None).collect::<Vec<_>>().await.len(), 1);
    assert_eq!(names(&scene.folder.path().join("t")), ["entry"]);
}

#[test]
fn tables_in_folders_are_written_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::store::url(folder.path().to_str().unwrap()).unwrap();
    let table = deltalake::DeltaTableBuilder::from_url(url).unwrap().build().unwrap();
    let store = format!("{:?}", table.log_store().object_store(None));
    assert!(store.contains("Folder("), "{store}");
    let store = format!("{:?}", crate::store::objects(folder.path().to_str().unwrap()).unwrap());
    assert!(store.contains("Folder("), "{store}");
}
