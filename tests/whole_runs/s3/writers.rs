//! Many processes commit to one table on S3 at once. All succeed, although every commit can lose against any other and the
//! line loses some responses.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluicebox_tests::fault_proxy::{FaultProxy, Faults};
use sluicebox_tests::feed::Feed;
use sluicebox_tests::kafka::Message;
use sluicebox_tests::native::{Expected, ensure_same};
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::s3::S3;
use sluicebox_tests::tables;

use crate::orders;

const WRITERS: usize = 64;
/// Enough for some of every kind, and the same for each writer.
const RECORDS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn sixty_four_processes_commit_to_one_table_on_s3() -> Result<()> {
    needs!(s3, readers);
    let store = S3::shared()?;
    let proxy = FaultProxy::start(store.address(), 64)?;
    proxy.set(Faults { lost_commit_response: 0.1, ..Faults::NONE });
    let feeds: Vec<Feed> = (0..WRITERS).map(feed).collect();
    let writers = feeds.iter().map(|feed| writer(feed, store, &proxy)).collect::<Result<Vec<_>>>()?;
    let mut runs = writers.iter().map(|writer| writer.start(&["--drain"])).collect::<Result<Vec<_>>>()?;
    for run in &mut runs {
        let status = run.wait(PATIENCE)?;
        ensure!(status.success(), "a writer ended with {status}:\n{}", run.said());
    }
    let refused = proxy.counts().refused_commits;
    ensure!(refused >= 20, "the writers hardly met: {refused} commits found their version taken");

    let feeds: Vec<&Feed> = feeds.iter().collect();
    let expected = Expected::of::<clean_orders::clean>(&json!({}), &feeds)?;
    ensure_same("orders", &tables::rows(writers[0].location("orders"))?, &expected.tables["orders"])
}

/// One partition for each writer, as in a group.
fn feed(writer: usize) -> Feed {
    let mut feed = Feed::new(&format!("writer-{writer}"));
    feed.extend((0..RECORDS).map(|number| Message { partition: 0, ..orders::order(number) }));
    feed
}

/// All writers have one pipeline's name, so that their rows go to one table; each keeps its dead letters in its own folder.
fn writer(feed: &Feed, store: &'static S3, proxy: &FaultProxy) -> Result<Pipeline> {
    let source = json!({"file": {"path": "orders.jsonl", "format": "jsonl"}});
    let mut pipeline = orders::pipeline("writers", source)?.on_s3(store, proxy.address());
    pipeline.settings["dead_letters"]["path"] = json!("tables/dead_letters");
    feed.write_jsonl(&pipeline.folder().join("orders.jsonl"))?;
    Ok(pipeline)
}
