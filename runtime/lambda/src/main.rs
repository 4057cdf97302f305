//! The `bootstrap` of an AWS Lambda function: the same walk as everywhere, fed by an event source mapping (MSK or Kafka of
//! one's own), or by a schedule.
//!
//! | module | what |
//! |---|---|
//! | [`document`] | where the pipeline file is |
//! | [`function`] | what lives from invocation to invocation: settings, transform, the walk |
//! | [`judging`] | the transform, and the channel that it follows |
//! | [`payload`] | what an invocation brings: Kafka's records, or the wish to drain |
//! | [`answer`] | what is said of it: exactly the partitions that did not commit |
//! | [`drain`] | without an event source: reads from Kafka itself until the time is over |
//! | [`time`] | how much of it there is |
//! | [`log`] | lines of JSON with the request's id, and never a payload |
//!
//! Thin on purpose: what becomes of records is the pipeline's business, and it knows no Lambda.

mod answer;
mod document;
mod drain;
mod function;
mod judging;
mod log;
mod payload;
mod time;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::Value;

use crate::answer::Failure;
use crate::function::Function;
use crate::payload::Payload;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    log::start();
    let function = match Function::prepare().await {
        Ok(function) => Arc::new(function),
        Err(error) => {
            // Lambda notes the end of the process as the failure of its start; the reason is in the log.
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
    let invoke = service_fn(move |event: LambdaEvent<Payload>| invoke(function.clone(), event));
    match Runtime::new(invoke).run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the runtime interface failed: {error}");
            ExitCode::from(3)
        }
    }
}

async fn invoke(function: Arc<Function>, event: LambdaEvent<Payload>) -> Result<Value, Failure> {
    let (payload, context) = event.into_parts();
    log::begin(&context.request_id);
    function.wake().await;
    let deadline = time::deadline(context.deadline(), function.settings().lambda.timeout);
    let answer = match payload {
        Payload::Records(records) => function.take_in(records, deadline).await,
        Payload::Drain => function.drain(deadline).await,
    };
    answer.inspect_err(|failure| tracing::error!("{failure}"))
}
