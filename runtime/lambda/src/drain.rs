//! Without an event source: reads from Kafka itself, as a member of the pipeline's group, to the end offsets or until the
//! time is over. For topics that are not worth a poller of their own, on a schedule.

use std::time::Duration;

use serde_json::{Value, json};
use sluicebox_kafka::run;
use sluicebox_pipeline::{Health, Progress, RunOptions};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::answer::Failure;
use crate::function::Function;
use crate::time;

/// The walk from Kafka works for so long before it looks up.
const TURN: Duration = Duration::from_secs(5);

const LATE: &str = "the time was over before the drain came to its end: what is not committed, the next takes in";

impl Function {
    /// Drains, and says what came of it.
    pub(crate) async fn drain(&self, deadline: Instant) -> Result<Value, Failure> {
        let (stop, stopped) = watch::channel(false);
        let left = deadline.saturating_duration_since(Instant::now());
        let reserve = (self.settings.lambda.flush_reserve + TURN).min(left / 2);
        let alarm = tokio::spawn(async move {
            tokio::time::sleep(left - reserve).await;
            stop.send_replace(true);
            // Whoever watches takes the end of the channel for something else.
            std::future::pending::<()>().await;
        });
        let told = stopped.clone();
        self.end_walk().await;
        let (transform, changes, follower) = self.judging.begin().await;
        let options = RunOptions {
            drain: true,
            accepted_gaps: Vec::new(),
            stop: stopped,
            progress: watch::channel(Progress::default()).0,
            health: watch::channel(Health::default()).0,
            changes,
            copies: None,
        };
        let walk = run(self.settings.clone(), &transform, self.token_source(), options);
        let walked = timeout_at(time::answer_by(deadline), walk).await;
        self.judging.end(follower).await;
        alarm.abort();
        let is_complete = !*told.borrow();
        let walked = walked.map_err(|_elapsed| Failure::Process(LATE.to_owned()))?;
        let progress = walked.map_err(Failure::Walk)?;
        tracing::info!(records = progress.records, is_complete, "drained");
        Ok(json!({
            "complete": is_complete,
            "records": progress.records,
            "emitted": progress.emitted,
            "filtered": progress.filtered,
            "dead_letters": progress.dead_letters,
        }))
    }
}
