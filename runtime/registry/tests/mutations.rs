//! Changes one object of a registry, 10,000 times: flips bits, cuts it, lengthens it, exchanges it for another, removes it.
//! Afterwards a load gives the original transform or fails, and changed machine code never runs.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::fs;
use std::path::{Path, PathBuf};

use scene::{change, here, judged, key, orders, other_key, pii, sandbox};
use sluicebox_registry::{Artifact, ArtifactReference, Registry, RegistryError, SigningKey};
use sluicebox_sandbox::{CacheFolder, Limits, Target, Transform};

const MUTATIONS: usize = 10_000;
const SEED: u64 = 4;

/// What an object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Component,
    FormForHere,
    FormForElsewhere,
    Manifest,
    ChannelEntry,
}

/// How the registry is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Question {
    by_channel: bool,
    with_keys: bool,
}

/// A registry of two artifacts, one with two versions, and its objects as they were put there.
struct World {
    registry: Registry,
    cache: CacheFolder,
    /// Those of the artifact that is asked for.
    subjects: Vec<(Kind, PathBuf)>,
    /// The bytes of all objects, to exchange them.
    all: Vec<Vec<u8>>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("registry");
        let registry = Registry::open(root.to_str().unwrap()).unwrap();
        let (ours, theirs) = (key(), other_key());
        let older = push(&registry, "orders", pii(), &ours).await;
        let artifact = push(&registry, "orders", orders(), &ours).await;
        let foreign = push(&registry, "pii", pii(), &theirs).await;
        registry.promote(&older, "prod", &change()).await.unwrap();
        registry.promote(&artifact, "prod", &change()).await.unwrap();
        registry.promote(&older, "staging", &change()).await.unwrap();
        registry.promote(&foreign, "prod", &change()).await.unwrap();
        let paths = files(&root);
        let all = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        let hex = artifact.pin.digest.hex();
        let subjects = paths.into_iter().filter_map(|path| Some((kind(&path, &hex)?, path))).collect();
        let cache = CacheFolder::open(folder.path().join("cache")).unwrap();
        // From here on, all that is compiled below is in the cache.
        let wasm = orders().wasm().to_vec();
        sandbox().load_bytes(Path::new("orders"), wasm, &Limits::default(), Some(&cache)).unwrap();
        World { registry, cache, subjects, all, _folder: folder }
    }

    async fn ask(&self, question: Question) -> Result<Transform, RegistryError> {
        let reference: ArtifactReference = match question.by_channel {
            true => "orders@prod".parse().unwrap(),
            false => format!("orders@{}", orders().digest()).parse().unwrap(),
        };
        let registry = match question.with_keys {
            true => self.registry.clone().requiring(key().public()),
            false => self.registry.clone(),
        };
        let (artifact, _) = registry.find(&reference).await?;
        registry.load(sandbox(), &artifact, &Limits::default(), Some(&self.cache)).await
    }
}

async fn push(registry: &Registry, name: &str, transform: &Transform, key: &SigningKey) -> Artifact {
    registry.push(sandbox(), name, transform, &Target::ALL, Some(key)).await.unwrap().artifact
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn kind(path: &Path, hex: &str) -> Option<Kind> {
    let (path, name) = (path.to_str()?, path.file_name()?.to_str()?);
    if path.ends_with("orders/channels/prod/00000000000000000002.json") {
        return Some(Kind::ChannelEntry);
    }
    if !path.contains(hex) {
        return None;
    }
    Some(match name {
        "transform.wasm" => Kind::Component,
        name if name.starts_with("manifest.") => Kind::Manifest,
        name if name.starts_with(here().name()) => Kind::FormForHere,
        _ => Kind::FormForElsewhere,
    })
}

/// Changes bytes in one of five ways; none: the object goes.
fn mutated(original: &[u8], all: &[Vec<u8>], may_go: bool, random: &mut fastrand::Rng) -> Option<Vec<u8>> {
    loop {
        let mut bytes = original.to_vec();
        match random.u8(..10) {
            0..5 => {
                for _ in 0..random.usize(1..4) {
                    let place = random.usize(..bytes.len());
                    bytes[place] ^= 1 << random.u8(..8);
                }
            }
            5..7 => bytes.truncate(random.usize(..bytes.len())),
            7 => bytes.extend((0..random.usize(1..100)).map(|_| random.u8(..))),
            8 => bytes = random.choice(all).unwrap().clone(),
            _ if may_go => return None,
            _ => continue,
        }
        // The same bit twice, or an exchange for itself.
        if bytes != original {
            return Some(bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_change_the_original_runs_or_nothing_does() {
    let expected = judged(orders());
    let mut tasks = Vec::new();
    for worker in 0..2 {
        let expected = expected.clone();
        // Two at a time, each with a registry of its own: a change must not meet the question of the other task.
        tasks.push(tokio::spawn(async move {
            let world = World::new().await;
            let mut random = fastrand::Rng::with_seed(SEED + worker);
            let mut refused = 0;
            for round in 0..MUTATIONS / 2 {
                refused += usize::from(one(&world, round, &expected, &mut random).await);
            }
            refused
        }));
    }
    let mut refused = 0;
    for task in tasks {
        refused += task.await.unwrap();
    }
    println!("{MUTATIONS} mutations, seed {SEED}: {refused} refused, {} harmless", MUTATIONS - refused);
}

/// Changes one object, asks, and puts it back. Says whether it was refused.
async fn one(world: &World, round: usize, expected: &str, random: &mut fastrand::Rng) -> bool {
    let (kind, path) = random.choice(&world.subjects).unwrap();
    let question = Question { by_channel: random.bool() || *kind == Kind::ChannelEntry, with_keys: random.bool() };
    let original = fs::read(path).unwrap();
    // Removing the newest entry goes back to the one before; that is not a change of an object.
    let changed = mutated(&original, &world.all, *kind != Kind::ChannelEntry, random);
    match &changed {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    let asked = world.ask(question).await;
    fs::write(path, &original).unwrap();
    let what = format!("round {round}: {kind:?} changed, {question:?}");
    match (kind, asked) {
        (Kind::Component | Kind::Manifest | Kind::ChannelEntry, Ok(_)) => panic!("{what}: taken"),
        (Kind::Component | Kind::Manifest | Kind::ChannelEntry, Err(error)) => {
            let is_named = matches!(error, RegistryError::Damaged { .. } | RegistryError::Missing { .. });
            assert!(is_named, "{what}: {error}");
            true
        }
        (_, Err(error)) => panic!("{what}: {error}"),
        (_, Ok(transform)) => {
            // Changed code for this machine does not run: the component is compiled instead. Code for another machine
            // is not even looked at.
            assert_eq!(transform.is_precompiled(), *kind == Kind::FormForElsewhere, "{what}");
            assert_eq!(transform.digest(), orders().digest(), "{what}");
            // A sample: the digest tells already that the component is the original.
            if round.is_multiple_of(50) {
                assert_eq!(judged(&transform), expected, "{what}");
            }
            false
        }
    }
}

/// An attacker with write access to the registry but without a key forges manifests with the right names.
#[tokio::test]
async fn a_manifest_that_is_forged_with_care_is_refused_where_keys_are_asked_for() {
    let world = World::new().await;
    let (_, path) = world.subjects.iter().find(|(kind, _)| *kind == Kind::Manifest).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut forged = 0;
    while forged < 500 {
        let mut bytes = text.clone().into_bytes();
        let place = random.usize(..bytes.len());
        bytes[place] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \"{}"[random.usize(..40)];
        if bytes == text.as_bytes() {
            continue;
        }
        forged += 1;
        fs::remove_file(path).unwrap();
        let name = format!("manifest.{}.json", sluicebox_sandbox::Digest::of(&bytes).hex());
        let beside = path.with_file_name(name);
        fs::write(&beside, &bytes).unwrap();
        for by_channel in [true, false] {
            match world.ask(Question { by_channel, with_keys: true }).await {
                // White space and the key's hint are not signed, and mean nothing.
                Ok(transform) => assert_eq!((by_channel, transform.digest()), (false, orders().digest())),
                Err(error) => assert!(!error.kind().is_temporary(), "{error}"),
            }
        }
        fs::remove_file(&beside).unwrap();
        fs::write(path, &text).unwrap();
    }
}
