//! The drain: without an event source, the function reads from Kafka itself, as a member of the pipeline's group, up to the end
//! offsets or until its time is over. For topics with so few records that a schedule is enough.

use std::time::Duration;

use serde_json::{Value, json};
use sluicebox_kafka::run;
use sluicebox_pipeline::{Health, Progress, RunOptions};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::answer::InvocationFailure;
use crate::function::Function;
use crate::time;

/// How long the walk works on records before it checks whether to stop.
const TURN: Duration = Duration::from_secs(5);

const LATE: &str = "the drain timed out: the next drain takes in what is not committed";

impl Function {
    /// Drains, and returns the counts.
    pub(crate) async fn drain(&self, deadline: Instant) -> Result<Value, InvocationFailure> {
        let (stop, stopped) = watch::channel(false);
        let left = deadline.saturating_duration_since(Instant::now());
        // At most half: with a short timeout the reserve would be longer than what is left, and the subtraction below
        // would panic.
        let reserve = (self.settings.lambda.flush_reserve + TURN).min(left / 2);
        let alarm = tokio::spawn(async move {
            tokio::time::sleep(left - reserve).await;
            stop.send_replace(true);
            // Keeps `stop` alive: the walk would take its drop for another signal.
            std::future::pending::<()>().await;
        });
        let told = stopped.clone();
        // First, so that its follower is free: of two concurrent walks, only one gets changes.
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
        // Before the errors are looked at: the follower has to come back from a failed walk, too.
        self.judging.end(follower).await;
        alarm.abort();
        let is_complete = !*told.borrow();
        let walked = walked.map_err(|_elapsed| InvocationFailure::Process(LATE.to_owned()))?;
        let progress = walked.map_err(InvocationFailure::Walk)?;
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
