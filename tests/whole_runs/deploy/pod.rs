//! The chart's pod: the image's root with the rendered arguments, variables, mounts and user, asked by the rendered probes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::http::free_address;
use sluicebox_tests::image::Image;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::pipeline::await_until;
use sluicebox_tests::pod::Pod;
use sluicebox_tests::rendered::{helm, the};
use sluicebox_tests::s3::{BUCKET, S3};
use sluicebox_tests::tables::{self, Location};

use crate::orders::{self, PARTITIONS};

const NAME: &str = "rendered";
const RECORDS: usize = 400;
const SECRET: &str = "store";
const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Values as a user writes them: the store's keys are in a Secret.
fn values(cluster: &Cluster, store: &S3, port: u16) -> Value {
    let secret = |name| json!({"variable": name, "secretName": SECRET, "key": name});
    let place = format!("s3://{BUCKET}/{NAME}");
    json!({
        "image": {"repository": "registry.example.org/sluicebox"},
        "partitions": PARTITIONS,
        "port": port,
        "environment": {"AWS_REGION": "us-east-1"},
        "secrets": KEYS.map(secret),
        "pipeline": {
            "name": NAME,
            "source": {"kafka": {"brokers": cluster.bootstrap(), "topics": NAME}},
            "transform": {"artifact": "orders@prod", "registry": format!("{place}/transforms")},
            "tables": {"orders": {"path": format!("{place}/tables/orders")}},
            "dead_letters": {"path": format!("{place}/dead_letters")},
            "flush": {"interval": "500ms"},
            "s3": {"endpoint": format!("http://{}", store.address()), "region": "us-east-1", "path_style": true},
        },
    })
}

#[test]
fn records_go_through_the_pod_of_the_chart() -> Result<()> {
    needs!(kafka, s3, readers, helm, changed_root);
    let (cluster, store, folder) = (Cluster::shared()?, S3::shared()?, tempfile::tempdir()?);
    let feed = orders::feed(NAME, RECORDS);
    feed.produce(cluster)?;
    let objects = helm(&values(cluster, store, free_address()?.port()))?;
    let document = the(&objects, "ConfigMap")?["data"]["pipeline.yaml"].as_str().context("the map has no document")?;
    let document: Value = serde_json::from_str(document)?;
    super::publish(store, folder.path(), &document)?;
    let keys = store.environment().into_iter().filter(|(name, _)| KEYS.contains(&name.as_str()));
    let keys: serde_json::Map<_, _> = keys.map(|(name, value)| (name, json!(value))).collect();

    let image = Image::make(folder.path())?;
    let mut pod = Pod::start(&image, &objects, &json!({SECRET: keys}))?;
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        pod.await_probe(probe)?;
    }
    let ends = (0..PARTITIONS).map(|partition| Ok(Some(cluster.offsets(NAME, partition)?.1)));
    let ends = ends.collect::<Result<Vec<_>>>()?;
    let table = Location { path: format!("s3://{BUCKET}/{NAME}/tables/orders"), environment: store.environment() };
    let taken_in = await_until("the pod takes in the topic", Duration::from_secs(60), || {
        // The table comes with the first commit.
        Ok(tables::ledger(table.clone(), NAME, NAME, PARTITIONS).is_ok_and(|ledger| ledger == ends))
    });
    taken_in.with_context(|| pod.said())?;
    let said = pod.said();
    let status = pod.end().with_context(|| said.clone())?;
    ensure!(status.success(), "the container ended with {status}:\n{said}");
    super::ensure_taken_in(store, folder.path(), &document, &feed)
}
