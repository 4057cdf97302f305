//! A registry on S3: many commands promote at once over a line that loses responses, a pipeline runs what a channel names, and
//! the command refuses objects that were changed on the store.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use futures::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Object;
use object_store::{ObjectStoreExt as _, PutPayload};
use serde_json::{Value, json};
use sluicebox_tests::fault_proxy::{FaultProxy, Faults};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::s3::{BUCKET, S3, environment};
use sluicebox_tests::{place, tables};

use crate::orders;

const PROMOTERS: usize = 24;
const MUTATIONS: usize = 200;

/// `sluicebox` with what it needs to reach the store at this address.
fn sluicebox(folder: &Path, address: &str, arguments: &[&str]) -> Result<Child> {
    let mut command = Command::new(place::sluicebox()?);
    command.args(arguments).current_dir(folder).envs(environment(address)).env_remove("SLUICEBOX_LOG");
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// What a command that succeeds prints on stdout.
fn good(folder: &Path, address: &str, arguments: &[&str]) -> Result<String> {
    let output = sluicebox(folder, address, arguments)?.wait_with_output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn push(folder: &Path, address: &str, guest: &str, to: &str) -> Result<String> {
    let wasm = place::guest(guest)?;
    let said = good(folder, address, &["push", &wasm.to_string_lossy(), "--to", to, "--format", "json"])?;
    let pushed: Value = serde_json::from_str(&said)?;
    Ok(pushed["digest"].as_str().context("no digest")?.to_owned())
}

#[test]
fn promotions_over_a_line_that_loses_responses_all_count() -> Result<()> {
    needs!(s3);
    let store = S3::shared()?;
    let proxy = FaultProxy::start(store.address(), 4)?;
    let folder = tempfile::tempdir()?;
    let registry = format!("s3://{BUCKET}/promoted");
    let to = format!("{registry}/orders");
    let one = push(folder.path(), store.address(), "clean_orders", &to)?;
    let two = push(folder.path(), store.address(), "mask_pii", &to)?;
    proxy.set(Faults { lost_response: 0.05, ..Faults::NONE });
    let promoters = (0..PROMOTERS).map(|index| {
        let reference = format!("{to}@{}", if index % 2 == 0 { &one } else { &two });
        let by = format!("promoter-{index}");
        sluicebox(folder.path(), &proxy.address(), &["promote", &reference, "--channel", "prod", "--by", &by])
    });
    for promoter in promoters.collect::<Result<Vec<_>>>()? {
        let output = promoter.wait_with_output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let said = good(folder.path(), store.address(), &["ls", &format!("{to}@prod"), "--format", "json"])?;
    let history: Value = serde_json::from_str(&said)?;
    let history = history["history"].as_array().context("no history")?;
    ensure!(!history.is_empty() && proxy.counts().lost_responses > 0, "nothing was lost on the way");
    for (index, entry) in history.iter().enumerate() {
        ensure!(entry["version"] == json!(index + 1), "{entry}");
        let is_new = index == 0 || history[index - 1]["digest"] != entry["digest"];
        ensure!(is_new, "who came second has not seen the first: {entry}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_runs_what_a_channel_on_s3_names() -> Result<()> {
    needs!(s3, readers);
    let store = tokio::task::spawn_blocking(S3::shared).await??;
    let folder = tempfile::tempdir()?;
    let registry = format!("s3://{BUCKET}/run-from");
    let to = format!("{registry}/orders");
    let digest = push(folder.path(), store.address(), "clean_orders", &to)?;
    good(folder.path(), store.address(), &["promote", &format!("{to}@{}", &digest[..19]), "--channel", "prod"])?;

    let source = json!({"file": {"path": "orders.jsonl", "format": "jsonl"}});
    let mut pipeline = orders::pipeline("run-from", source)?.on_s3(store, store.address().to_owned());
    pipeline.settings["transform"] = json!({"artifact": "orders@prod", "registry": registry});
    let mut feed = Feed::new("run-from");
    feed.extend((0..100).map(orders::order));
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    pipeline.drain()?;
    ensure!(!tables::rows(pipeline.location("orders"))?.is_empty(), "no rows");
    let (objects, mut commits) = (objects(store)?, String::new());
    for name in names(&objects, "run-from/orders/_delta_log").await? {
        commits += &String::from_utf8_lossy(&objects.get(&name).await?.bytes().await?);
    }
    ensure!(commits.contains(&digest), "the commits do not name the transform");
    Ok(())
}

/// `registry/tests/mutations.rs` changes the objects that a pipeline loads; here the command refuses to promote them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_s3_is_not_promoted() -> Result<()> {
    needs!(s3);
    let store = tokio::task::spawn_blocking(S3::shared).await??;
    let folder = tempfile::tempdir()?;
    let to = format!("s3://{BUCKET}/changed/orders");
    let digest = push(folder.path(), store.address(), "clean_orders", &to)?;
    good(folder.path(), store.address(), &["promote", &format!("{to}@{digest}"), "--channel", "prod"])?;
    let objects = objects(store)?;
    let names = names(&objects, "changed").await?;
    ensure!(names.len() == 7, "component, four forms, manifest, entry: {names:?}");
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..MUTATIONS {
        let name = random.choice(&names).context("no objects")?;
        let original = objects.get(name).await?.bytes().await?;
        let mut changed = original.to_vec();
        let place = random.usize(..changed.len());
        if random.bool() {
            changed[place] ^= 1 << random.u8(..8)
        } else {
            changed.truncate(place)
        }
        objects.put(name, PutPayload::from(changed)).await?;
        // Promoting the digest that the channel names already loads every object and changes none.
        let asked = ["promote", &format!("{to}@prod"), "--channel", "prod"];
        let output = sluicebox(folder.path(), store.address(), &asked)?.wait_with_output()?;
        objects.put(name, PutPayload::from_bytes(original)).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        let is_refused = output.status.code() == Some(2) && said.contains("is damaged and will not be used");
        ensure!(is_refused, "round {round}, {name}: {said}");
    }
    Ok(())
}

async fn names(objects: &impl object_store::ObjectStore, folder: &str) -> Result<Vec<Object>> {
    Ok(objects.list(Some(&Object::from(folder))).map_ok(|meta| meta.location).try_collect().await?)
}

fn objects(store: &S3) -> Result<impl object_store::ObjectStore> {
    let value = |name: &str| {
        let found = store.environment().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
        found.with_context(|| format!("the store has no {name}"))
    };
    Ok(AmazonS3Builder::new()
        .with_endpoint(value("AWS_ENDPOINT_URL")?)
        .with_allow_http(true)
        .with_region(value("AWS_REGION")?)
        .with_access_key_id(value("AWS_ACCESS_KEY_ID")?)
        .with_secret_access_key(value("AWS_SECRET_ACCESS_KEY")?)
        .with_bucket_name(BUCKET)
        .build()?)
}
