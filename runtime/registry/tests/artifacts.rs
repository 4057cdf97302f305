//! Push, find, load, promote and roll back, in a registry in a folder. The whole runs do the same on S3.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::fs;
use std::path::{Path, PathBuf};

use scene::{change, here, judged, key, orders, other_key, pii, registry, sandbox};
use sluicebox_registry::{Action, ArtifactReference, CandidateMode, ChangeRequest, Promotion, Registry, RegistryError};
use sluicebox_sandbox::{Limits, Target, Transform};

async fn load(registry: &Registry, reference: &str) -> Result<Transform, RegistryError> {
    let (artifact, _) = registry.find(&reference.parse::<ArtifactReference>().unwrap()).await?;
    registry.load(sandbox(), &artifact, &Limits::default(), None).await
}

/// The files below a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test]
async fn what_was_pushed_is_found_and_runs() {
    let (folder, registry) = registry();
    let pushed = registry.push(sandbox(), "orders", orders(), &Target::ALL, None).await.unwrap();
    assert!(!pushed.was_there);
    let manifest = &pushed.artifact.manifest;
    assert_eq!(manifest.targets(), ["arm64", "x86-64"]);
    assert_eq!(manifest.description, *orders().description());
    assert_eq!(files(folder.path()).len(), 1 + 4 + 1, "component, forms, manifest");

    let digest = format!("orders@{}", orders().digest());
    let loaded = load(&registry, &digest).await.unwrap();
    assert!(loaded.is_precompiled());
    assert_eq!((loaded.digest(), judged(&loaded)), (orders().digest(), judged(orders())));
    let prefix = &orders().digest().hex()[..12];
    assert_eq!(registry.complete("orders", prefix).await.unwrap(), *orders().digest());
    assert!(matches!(registry.complete("orders", "000000000000").await, Err(RegistryError::Missing { .. })));
}

#[tokio::test]
async fn the_same_push_again_changes_nothing_and_another_one_adds_to_it() {
    let (folder, registry) = registry();
    let first = registry.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap();
    let before = files(folder.path());
    let again = registry.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap();
    assert!(again.was_there && again.artifact.pin == first.artifact.pin);
    assert_eq!(files(folder.path()), before);

    let signed = registry.push(sandbox(), "orders", orders(), &[here()], Some(&key())).await.unwrap();
    assert!(!signed.was_there);
    assert_eq!(signed.artifact.pin.digest, first.artifact.pin.digest);
    assert_eq!(files(folder.path()).len(), before.len() + 1, "one more manifest, and nothing else");
}

#[tokio::test]
async fn pushes_that_come_at_once_do_no_harm() {
    let (_folder, registry) = registry();
    let targets = [here()];
    let pushes = (0..4).map(|_| registry.push(sandbox(), "orders", orders(), &targets, None));
    let pushed: Vec<_> = futures::future::join_all(pushes).await.into_iter().map(Result::unwrap).collect();
    assert!(pushed.iter().all(|push| push.artifact.pin == pushed[0].artifact.pin));
    assert!(load(&registry, &format!("orders@{}", orders().digest())).await.unwrap().is_precompiled());
}

/// As if the push had been killed before each of its objects, the manifest being the last.
#[tokio::test]
async fn a_push_that_broke_off_leaves_nothing_to_promote_and_can_be_repeated() {
    let (whole, complete) = registry();
    complete.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap();
    let manifest = files(whole.path()).into_iter().find(|file| file.to_string_lossy().contains("manifest.")).unwrap();
    fs::remove_file(manifest).unwrap();
    let reference = format!("orders@{}", orders().digest());
    assert!(matches!(load(&complete, &reference).await, Err(RegistryError::Missing { .. })));
    let pushed = complete.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap();
    assert!(!pushed.was_there);
    assert!(load(&complete, &reference).await.unwrap().is_precompiled());
}

#[tokio::test]
async fn what_is_not_compiled_for_this_machine_is_compiled_here() {
    let (_folder, registry) = registry();
    let other = Target::ALL.into_iter().find(|target| *target != here()).unwrap();
    registry.push(sandbox(), "orders", orders(), &[other], None).await.unwrap();
    let reference = format!("orders@{}", orders().digest());
    let loaded = load(&registry, &reference).await.unwrap();
    assert!(!loaded.is_precompiled());
    assert_eq!(judged(&loaded), judged(orders()));
    // The one that fits comes first, in either order of the pushes.
    registry.push(sandbox(), "orders", orders(), &Target::ALL, None).await.unwrap();
    assert!(load(&registry, &reference).await.unwrap().is_precompiled());
}

/// Processes of two versions push, or machines of two kinds.
#[tokio::test]
async fn a_channel_serves_code_from_any_manifest_of_its_transform() {
    let (_folder, registry) = registry();
    let other = Target::ALL.into_iter().find(|target| *target != here()).unwrap();
    let theirs = registry.push(sandbox(), "orders", orders(), &[other], None).await.unwrap().artifact;
    registry.push(sandbox(), "orders", orders(), &[here()], Some(&key())).await.unwrap();
    registry.promote(&theirs, "prod", &change()).await.unwrap();
    assert!(load(&registry, "orders@prod").await.unwrap().is_precompiled());
    let strict = registry.clone().requiring(other_key().public());
    assert!(load(&strict, "orders@prod").await.is_err(), "nor is anything else believed then");
}

#[tokio::test]
async fn what_is_signed_comes_first_however_little_it_has_been_compiled_for() {
    let (_folder, registry) = registry();
    registry.push(sandbox(), "orders", orders(), &Target::ALL, None).await.unwrap();
    let signed = registry.push(sandbox(), "orders", orders(), &[here()], Some(&key())).await.unwrap().artifact;
    assert_eq!(registry.artifact("orders", orders().digest()).await.unwrap().pin, signed.pin);
}

#[tokio::test]
async fn an_artifact_is_whole_only_with_the_code_for_every_machine() {
    let (folder, registry) = registry();
    let artifact = registry.push(sandbox(), "orders", orders(), &Target::ALL, None).await.unwrap().artifact;
    registry.require_whole(&artifact).await.unwrap();
    for form in files(folder.path()).iter().filter(|file| file.extension().is_some_and(|it| it == "cwasm")) {
        let code = fs::read(form).unwrap();
        fs::write(form, &code[..code.len() / 2]).unwrap();
        let whole = registry.require_whole(&artifact).await;
        assert!(matches!(whole, Err(RegistryError::Damaged { .. })), "{}", form.display());
        fs::write(form, code).unwrap();
    }
}

#[tokio::test]
async fn only_what_one_of_the_keys_signed_is_believed() {
    let (_folder, registry) = registry();
    let unsigned = registry.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap().artifact;
    registry.push(sandbox(), "pii", pii(), &[here()], Some(&other_key())).await.unwrap();
    let strict = registry.clone().requiring(key().public());
    let (orders_, pii_) = (format!("orders@{}", orders().digest()), format!("pii@{}", pii().digest()));
    let Err(error @ RegistryError::Unsigned { .. }) = load(&strict, &orders_).await else { panic!("believed") };
    assert!(error.to_string().contains("it is not signed"), "{error}");
    let Err(error @ RegistryError::Unsigned { .. }) = load(&strict, &pii_).await else { panic!("believed") };
    assert!(error.to_string().contains("none of the required keys"), "{error}");
    assert!(load(&registry, &orders_).await.is_ok(), "who asks for no key takes all");

    registry.push(sandbox(), "orders", orders(), &[here()], Some(&key())).await.unwrap();
    assert!(load(&strict, &orders_).await.unwrap().is_precompiled());
    // A channel that names the unsigned manifest of the same component is refused all the same.
    registry.promote(&unsigned, "prod", &change()).await.unwrap();
    assert!(matches!(load(&strict, "orders@prod").await, Err(RegistryError::Unsigned { .. })));
}

#[tokio::test]
async fn a_channel_names_what_was_promoted_last_and_goes_back() {
    let (_folder, registry) = registry();
    assert!(matches!(load(&registry, "orders@prod").await, Err(RegistryError::Missing { .. })));
    let one = registry.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap().artifact;
    let two = registry.push(sandbox(), "orders", pii(), &[here()], None).await.unwrap().artifact;
    assert_eq!(registry.promote(&one, "prod", &change()).await.unwrap().entry().version, 1);
    assert_eq!(load(&registry, "orders@prod").await.unwrap().digest(), orders().digest());
    assert!(matches!(registry.promote(&one, "prod", &change()).await.unwrap(), Promotion::Unchanged(_)));
    assert_eq!(registry.promote(&two, "prod", &change()).await.unwrap().entry().version, 2);
    assert_eq!(load(&registry, "orders@prod").await.unwrap().digest(), pii().digest());
    assert_eq!(registry.newer("orders", "prod", 1).await.unwrap().unwrap().version, 2);
    assert_eq!(registry.newer("orders", "prod", 2).await.unwrap(), None);

    let back = registry.rollback("orders", "prod", &change()).await.unwrap();
    assert_eq!((back.entry().action, back.entry().pin), (Action::Rollback, one.pin));
    let Err(error) = registry.rollback("orders", "prod", &change()).await else { panic!("nothing was before") };
    assert!(error.to_string().contains("nothing to roll back to"), "{error}");
    let actions: Vec<&str> =
        registry.history("orders", "prod").await.unwrap().iter().map(|entry| entry.action.name()).collect();
    assert_eq!(actions, ["promote", "promote", "rollback"]);
}

#[tokio::test]
async fn a_candidate_is_tried_beside_what_the_channel_names() {
    let (_folder, registry) = registry();
    let one = registry.push(sandbox(), "orders", orders(), &[here()], None).await.unwrap().artifact;
    let two = registry.push(sandbox(), "orders", pii(), &[here()], None).await.unwrap().artifact;
    let shadow = CandidateMode::Shadow { share: 0.1 };
    assert!(registry.set_candidate(&two, "prod", &shadow, &change()).await.is_err(), "beside nothing");
    registry.promote(&one, "prod", &change()).await.unwrap();
    assert!(registry.set_candidate(&one, "prod", &shadow, &change()).await.is_err(), "beside itself");
    let entry = registry.set_candidate(&two, "prod", &shadow, &change()).await.unwrap().entry().clone();
    assert_eq!((entry.pin, entry.candidate.unwrap().pin), (one.pin, two.pin));
    let canary = CandidateMode::Canary { partitions: vec!["orders/0".to_owned()], rejected_share_max: 0.05 };
    let entry = registry.set_candidate(&two, "prod", &canary, &change()).await.unwrap().entry().clone();
    assert_eq!((entry.action, entry.candidate.clone().unwrap().mode), (Action::Canary, canary));

    let stale = ChangeRequest { only_at: Some(entry.version - 1), ..change() };
    assert!(registry.withdraw("orders", "prod", &stale).await.is_err(), "the channel has moved on");
    let withdrawn =
        registry.withdraw("orders", "prod", &ChangeRequest { only_at: Some(entry.version), ..change() }).await;
    assert_eq!(withdrawn.unwrap().entry().candidate, None);
    assert!(matches!(registry.withdraw("orders", "prod", &change()).await.unwrap(), Promotion::Unchanged(_)));
    registry.set_candidate(&two, "prod", &shadow, &change()).await.unwrap();
    assert_eq!(registry.promote(&two, "prod", &change()).await.unwrap().entry().candidate, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_promotions_that_come_at_once_none_is_lost() {
    const CHANGES: usize = 64;
    let (_folder, registry) = registry();
    let one = registry.push(sandbox(), "orders", orders(), &[], None).await.unwrap().artifact;
    let two = registry.push(sandbox(), "orders", pii(), &[], None).await.unwrap().artifact;
    let changes = (0..CHANGES).map(|index| {
        let (registry, artifact) = (registry.clone(), if index % 2 == 0 { one.clone() } else { two.clone() });
        tokio::spawn(async move { registry.promote(&artifact, "prod", &change()).await.unwrap() })
    });
    let changed: Vec<Promotion> = futures::future::join_all(changes).await.into_iter().map(Result::unwrap).collect();
    let mut versions: Vec<u64> = changed
        .iter()
        .filter_map(|promotion| match promotion {
            Promotion::Changed(entry) => Some(entry.version),
            Promotion::Unchanged(_) => None,
        })
        .collect();
    versions.sort_unstable();
    let history = registry.history("orders", "prod").await.unwrap();
    assert_eq!(versions, (1..=history.len() as u64).collect::<Vec<_>>(), "each has a version of its own");
    for pair in history.windows(2) {
        assert_ne!(pair[0].pin, pair[1].pin, "who came second has seen the first");
    }
    for promotion in &changed {
        assert!(history.contains(promotion.entry()), "{promotion:?}");
    }
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let (_folder, registry) = registry();
    for name in ["../orders", "a/b", "", ".orders"] {
        let push = registry.push(sandbox(), name, orders(), &[], None).await;
        assert!(matches!(push, Err(RegistryError::Name(_))), "{name}");
    }
    let artifact = registry.push(sandbox(), "orders", orders(), &[], None).await.unwrap().artifact;
    assert!(matches!(registry.promote(&artifact, "../prod", &change()).await, Err(RegistryError::Name(_))));
}

#[tokio::test]
async fn a_listing_names_what_there_is_and_what_is_damaged() {
    let (folder, registry) = registry();
    let one = registry.push(sandbox(), "orders", orders(), &Target::ALL, Some(&key())).await.unwrap().artifact;
    registry.push(sandbox(), "pii", pii(), &[here()], None).await.unwrap();
    registry.promote(&one, "prod", &change()).await.unwrap();
    let listed = registry.list().await.unwrap();
    assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["orders", "pii"]);
    let facts = listed[0].transforms[0].facts.as_ref().unwrap();
    assert_eq!((facts.transform.as_str(), facts.signers.len()), ("clean-orders", 1));
    assert_eq!(listed[0].channels[0].entry.as_ref().unwrap().version, 1);

    let manifest = files(&folder.path().join("pii")).into_iter().find(|file| file.extension() == Some("json".as_ref()));
    fs::write(manifest.unwrap(), "{}").unwrap();
    let listed = registry.list().await.unwrap();
    assert!(listed[1].transforms[0].refused.as_ref().unwrap().contains("damaged"));
}
