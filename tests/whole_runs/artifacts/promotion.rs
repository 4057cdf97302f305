//! A running pipeline follows a channel: it takes over a promoted transform, refuses one that does not fit, compares a shadow,
//! and withdraws a canary that rejects too much. Every record becomes its rows or its dead letter, once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluicebox_tests::command::sluicebox;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::http::{free_address, get};
use sluicebox_tests::kafka::{Cluster, Message};
use sluicebox_tests::pipeline::{Pipeline, Run, await_until};
use sluicebox_tests::registry::{self, command, promote, push};

use crate::kafka::{await_all_taken_in, source};
use crate::orders;

const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "promotion";
const SHARE: usize = 300;

/// A pipeline that follows `orders@prod`, and the person who promotes.
struct Scene {
    cluster: &'static Cluster,
    pipeline: Pipeline,
    run: Run,
    address: SocketAddr,
    feed: Feed,
    produced: usize,
}

impl Scene {
    /// Pushes and promotes `clean_orders`, and starts the pipeline.
    fn begin() -> Result<(Self, String)> {
        let cluster = Cluster::shared()?;
        cluster.create_topic(NAME, orders::PARTITIONS, &[])?;
        let address = free_address()?;
        let mut pipeline = Pipeline::new(NAME, orders::GUEST, &["orders"], source(cluster, &[NAME]))?;
        pipeline.settings["http"] = json!({"listen": address.to_string()});
        pipeline.settings["flush"] = json!({"interval": "200ms"});
        pipeline.settings["transform"] = registry::follows_prod();
        let digest = push(&pipeline, orders::GUEST)?;
        promote(&pipeline, &digest)?;
        let run = pipeline.start(&[])?;
        Ok((Self { cluster, pipeline, run, address, feed: Feed::new(NAME), produced: 0 }, digest))
    }

    /// Feeds records, and waits until they are in the tables.
    fn feed(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<()> {
        self.feed.extend(messages);
        let new = &self.feed.records[self.produced..];
        self.cluster.produce(NAME, new.iter().map(|record| &record.message))?;
        self.produced = self.feed.records.len();
        await_all_taken_in(self.cluster, &self.pipeline, &mut [&mut self.run])
    }

    fn orders(&self) -> impl Iterator<Item = Message> + use<> {
        let from = self.produced;
        (from..from + SHARE).map(orders::order)
    }

    fn health(&self) -> Result<Value> {
        let (_, body) = get(self.address, "/status")?;
        Ok(serde_json::from_str(&body)?)
    }

    fn await_health(&mut self, what: &str, condition: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        let waited = await_until(what, PATIENCE, || {
            ensure!(self.run.lives()?, "the process ended");
            let Ok(health) = self.health() else { return Ok(false) };
            last = health;
            Ok(condition(&last))
        });
        waited.with_context(|| format!("{last:#}\n{}", self.run.said()))?;
        Ok(last)
    }

    fn stop(&mut self) -> Result<()> {
        self.run.terminate()?;
        ensure!(self.run.wait(PATIENCE)?.success(), "{}", self.run.said());
        Ok(())
    }

    fn judge_of(&self, partition: i32) -> Result<String> {
        registry::judge_of(&self.pipeline, "orders", partition)
    }
}

#[test]
fn a_running_pipeline_follows_its_channel_and_loses_and_doubles_nothing() -> Result<()> {
    needs!(kafka, readers);
    let (mut scene, clean) = Scene::begin()?;
    let orders = scene.orders();
    scene.feed(orders)?;
    assert_eq!(scene.judge_of(0)?, clean);

    let poisonable = push(&scene.pipeline, "orders_with_poison")?;
    promote(&scene.pipeline, &poisonable)?;
    scene.await_health("the promoted one judges", |status| status["transform_digest"] == poisonable)?;
    let orders = scene.orders();
    scene.feed(orders)?;
    assert_eq!(scene.judge_of(0)?, poisonable);

    // The pipeline refuses a transform that writes other tables, and nothing changes.
    let unfit = push(&scene.pipeline, "split_invoices")?;
    promote(&scene.pipeline, &unfit)?;
    let status = scene.await_health("the unfit one is refused", |status| status["health"]["refused"].is_string())?;
    let refused = status["health"]["refused"].as_str().unwrap_or_default();
    ensure!(refused.contains("orders@prod") && refused.contains("still running"), "{refused}");
    assert_eq!((&status["ready"], &status["transform_digest"]), (&json!(true), &json!(poisonable)));
    // A process that starts now refuses it as well.
    scene.stop()?;
    scene.run = scene.pipeline.start(&[])?;
    scene.await_health("the unfit one is refused at the start", |status| {
        status["health"]["refused"].is_string() && status["transform_digest"] == poisonable
    })?;
    let orders = scene.orders();
    scene.feed(orders)?;
    assert_eq!(scene.judge_of(0)?, poisonable);

    promote(&scene.pipeline, &clean)?;
    scene.await_health("the old one judges again", |status| {
        status["transform_digest"] == clean && status["health"]["refused"].is_null()
    })?;
    shadow(&mut scene, &poisonable)?;
    canary(&mut scene, &clean, &poisonable)?;
    ended_canary(&mut scene, &clean, &poisonable, &unfit)?;

    scene.stop()?;
    command(&scene.pipeline, &["audit", "pipeline.yaml"])?;
    orders::ensure_exactly_once(&scene.pipeline, &[&scene.feed])
}

/// The shadow panics at some records: `/status` says so, and they become rows all the same.
fn shadow(scene: &mut Scene, candidate: &str) -> Result<()> {
    let reference = format!("orders@{candidate}");
    command(&scene.pipeline, &["shadow", &reference, "--channel", "prod", "--registry", "registry", "--share", "1"])?;
    scene.await_health("there is a shadow", |status| status["health"]["candidate"]["transform_digest"] == candidate)?;
    let panics = orders::with("poison", "\"panic\"");
    let poisoned = (0..20).map(|number| Message {
        partition: number % orders::PARTITIONS,
        timestamp: Some(1),
        ..Message::new(0, panics.as_bytes())
    });
    let messages: Vec<Message> = scene.orders().chain(poisoned).collect();
    scene.feed(messages)?;
    let status = scene.await_health("all has been compared", |status| {
        let comparison = &status["health"]["candidate"]["comparison"];
        let count = |name: &str| comparison[name].as_u64().unwrap_or_default();
        count("agreed") + count("differed") + count("failed") + count("slower") >= SHARE as u64 + 20
    })?;
    let comparison = &status["health"]["candidate"]["comparison"];
    assert_eq!((&comparison["differed"], &comparison["failed"]), (&json!(0), &json!(20)), "{comparison:#}");
    let sample = comparison["samples"][0]["what"].as_str().unwrap_or_default();
    ensure!(sample.starts_with("emitted → rejected ("), "{comparison:#}");
    let shown = sluicebox(scene.pipeline.folder(), ["status", "pipeline.yaml"])?.stdout;
    ensure!(shown.contains("shadow of 100 %") && shown.contains("20 failed"), "{shown}");
    Ok(())
}

/// Has a candidate judge partition 0, and waits until it does.
fn begin_canary(scene: &mut Scene, candidate: &str, rejected_share_max: &str) -> Result<()> {
    let reference = format!("orders@{candidate}");
    let place = ["canary", &reference, "--channel", "prod", "--registry", "registry"];
    let terms = ["--partitions", "promotion/0", "--rejected-share-max", rejected_share_max];
    command(&scene.pipeline, &[&place[..], &terms[..]].concat())?;
    scene
        .await_health("there is a canary", |status| {
            status["health"]["candidate"]["probation"].as_str().is_some_and(|probation| probation.starts_with("canary"))
        })
        .map(drop)
}

/// A canary writes for its partition and for no other; one that rejects more than it may is withdrawn.
fn canary(scene: &mut Scene, judging: &str, candidate: &str) -> Result<()> {
    begin_canary(scene, candidate, "0.9")?;
    let orders = scene.orders();
    scene.feed(orders)?;
    assert_eq!((scene.judge_of(0)?.as_str(), scene.judge_of(1)?.as_str()), (candidate, judging));

    command(&scene.pipeline, &["withdraw", "orders@prod", "--registry", "registry"])?;
    scene.await_health("the canary is withdrawn", |status| status["health"]["candidate"].is_null())?;
    begin_canary(scene, candidate, "0")?;
    let orders = scene.orders();
    scene.feed(orders)?;
    scene.await_health("it is sent back", |status| status["health"]["candidate"].is_null())?;
    assert_eq!(scene.judge_of(0)?, judging);
    let folder = scene.pipeline.folder().to_owned();
    await_until("the channel says so", PATIENCE, || {
        Ok(sluicebox(&folder, ["ls", "registry", "--format", "json"])?.stdout.contains("withdraw"))
    })
}

/// A promotion ends a canary, also one that is refused itself.
fn ended_canary(scene: &mut Scene, judging: &str, candidate: &str, unfit: &str) -> Result<()> {
    begin_canary(scene, candidate, "0.9")?;
    promote(&scene.pipeline, unfit)?;
    scene.await_health("the canary has ended, and the promotion is refused", |status| {
        status["health"]["refused"].is_string() && status["health"]["candidate"].is_null()
    })?;
    let orders = scene.orders();
    scene.feed(orders)?;
    assert_eq!(scene.judge_of(0)?, judging);
    Ok(())
}
