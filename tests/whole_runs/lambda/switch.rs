//! From the container to Lambda and back, on the same tables, while records arrive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use sluicebox_tests::chaos;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::Function;
use sluicebox_tests::lambda::misfortune::Fate;
use sluicebox_tests::lambda::poller::{Mapping, Poller};
use sluicebox_tests::stream::Stream;

use crate::kafka::{await_all_taken_in, source};
use crate::orders::{self, PARTITIONS};

const WHILE: Duration = Duration::from_secs(4);

#[test]
fn container_to_lambda_and_back_while_records_arrive() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    cluster.create_topic("switch", PARTITIONS, &[])?;
    let mut pipeline = orders::pipeline("switch", source(cluster, &["switch"]))?;
    pipeline.settings["flush"] = serde_json::json!({"interval": "300ms"});
    let stream = Stream::start(&cluster.client(), "switch", 400)?;

    let mut container = pipeline.start(&[])?;
    std::thread::sleep(WHILE);
    container.terminate()?;
    ensure!(container.wait(Duration::from_secs(60))?.success(), "{}", container.said());

    // An event source mapping with a group of its own starts at the topic's beginning; one with the container's group starts
    // at the container's offsets. Both are tried.
    for group in ["switch-mapping", "sluicebox-switch"] {
        let function = Function::of(&pipeline)?;
        let mapping = Mapping { topic: "switch", group, batch_records_max: 300, bisects: true };
        let (fate, over) = (Fate::kind(), AtomicBool::new(false));
        let accounts = std::thread::scope(|scope| {
            let pollers = [[0, 1], [2, 3]].map(|partitions| {
                let (mapping, function, fate, over) = (&mapping, &function, &fate, &over);
                scope.spawn(move || {
                    let poller = Poller::new(cluster, mapping, &partitions, function, fate)?;
                    poller.run(|_| over.load(Ordering::Relaxed))
                })
            });
            std::thread::sleep(WHILE);
            over.store(true, Ordering::Relaxed);
            pollers
                .into_iter()
                .map(|poller| poller.join().map_err(|_| anyhow!("a poller panicked"))?)
                .collect::<Result<Vec<_>>>()
        })?;
        ensure!(
            accounts.iter().all(|account| account.records > 0 && account.failures == 0),
            "{accounts:?}\n{}",
            function.log()?
        );
    }

    let mut container = pipeline.start(&[])?;
    std::thread::sleep(WHILE);
    let sent = stream.stop()?;
    await_all_taken_in(cluster, &pipeline, &mut [&mut container])?;
    container.terminate()?;
    ensure!(container.wait(Duration::from_secs(60))?.success(), "{}", container.said());
    let mut report = chaos::Report::default();
    chaos::judge(cluster, &pipeline, sent, &mut report)?;
    ensure!(report.is_sound(), "{report}");
    Ok(())
}
