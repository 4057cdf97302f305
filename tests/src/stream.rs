//! Orders that keep coming: a producer at a steady rate, which waits out any trouble of the brokers and loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DefaultProducerContext, Producer, ThreadedProducer};

use crate::orders;

const TICK: Duration = Duration::from_millis(50);
const FLUSH_DURATION_MAX: Duration = Duration::from_secs(120);

/// A producer in a thread of its own.
pub struct Stream {
    stop: Arc<AtomicBool>,
    producing: JoinHandle<Result<usize>>,
}

impl Stream {
    /// Produces `per_second` orders a second into a topic that exists.
    pub fn start(client: &ClientConfig, topic: &str, per_second: usize) -> Result<Self> {
        let mut client = client.clone();
        client
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("log_level", "0");
        let producer: ThreadedProducer<DefaultProducerContext> = client.create()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, topic) = (stop.clone(), topic.to_owned());
        let producing = std::thread::spawn(move || produce(&producer, &topic, per_second, &stopped));
        Ok(Self { stop, producing })
    }

    /// Ends the stream, and returns how many orders the brokers have acknowledged: all that were sent.
    pub fn stop(self) -> Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.producing.join().map_err(|_| anyhow!("the producer panicked"))?
    }
}

fn produce(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    per_second: usize,
    stopped: &AtomicBool,
) -> Result<usize> {
    let started = Instant::now();
    let mut sent = 0;
    while !stopped.load(Ordering::Relaxed) {
        let due = (started.elapsed().as_secs_f64() * per_second as f64) as usize;
        while sent < due {
            match producer.send(orders::order(sent).record(topic)) {
                Ok(()) => sent += 1,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => break,
                Err((error, _)) => return Err(error.into()),
            }
        }
        std::thread::sleep(TICK);
    }
    producer.flush(FLUSH_DURATION_MAX)?;
    ensure!(producer.in_flight_count() == 0, "some orders were never acknowledged");
    Ok(sent)
}
