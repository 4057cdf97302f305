//! The harness itself: the cluster keeps what it acknowledged, also when a broker dies.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use sluicebox_tests::kafka::{Cluster, Message};

#[test]
fn what_is_acknowledged_can_be_read_though_a_broker_dies() -> Result<()> {
    needs!(kafka);
    let mut cluster = Cluster::start()?;
    cluster.create_topic("kept", 1, &[])?;
    let sent: Vec<_> = (0..100).map(|i| Message::new(0, format!("message {i}"))).collect();
    cluster.produce("kept", &sent[..50])?;
    cluster.kill_broker(0)?;
    cluster.produce("kept", &sent[50..])?;

    let consumer: BaseConsumer =
        cluster.client().set("group.id", "reader").set("auto.offset.reset", "earliest").create()?;
    consumer.subscribe(&["kept"])?;
    for message in &sent {
        let read = next(&consumer)?;
        assert_eq!(read.payload(), message.value.as_deref());
    }
    Ok(())
}

/// A poll returns early without a record when the group rebalances, and returns an error for each connection to the broker
/// that died. Neither is a fault here.
fn next(consumer: &BaseConsumer) -> Result<BorrowedMessage<'_>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_secs(1)) {
            None => {}
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure) => {}
            Some(message) => return Ok(message?),
        }
    }
    bail!("nothing more to read")
}
