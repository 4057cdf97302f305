//! Several topics, by name or by regular expression.

use anyhow::Result;
use serde_json::json;
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::tables;

use crate::orders;

#[test]
fn a_regular_expression_subscribes_to_all_topics_that_match_and_no_others() -> Result<()> {
    needs!(kafka, readers);
    let cluster = Cluster::shared()?;
    let feeds = ["shop.nl", "shop.de", "workshop.nl"].map(|topic| orders::feed(topic, 200));
    for feed in &feeds {
        feed.produce(cluster)?;
    }
    let [nl, de, other] = &feeds;
    let source = json!({"kafka": {"brokers": cluster.bootstrap(), "topics_regex": "^shop\\..*"}});
    let pipeline = orders::pipeline("shops", source)?;
    pipeline.drain()?;
    orders::ensure_exactly_once(&pipeline, &[nl, de])?;
    let ledger = tables::ledger(&pipeline.table("orders"), "shops", &other.topic, 1)?;
    assert_eq!(ledger, [None], "a topic that only contains the expression is not subscribed to");
    Ok(())
}
