//! The `bootstrap` of an AWS Lambda function: the same walk as in the command, triggered by an event source mapping (MSK or
//! self-managed Kafka) or by a schedule.
//!
//! | module | what |
//! |---|---|
//! | [`document`] | where the pipeline file is |
//! | [`function`] | what stays warm from invocation to invocation: settings, transform, the walk |
//! | [`judging`] | the transform, and the channel that it follows |
//! | [`payload`] | the invocation's payload: records from Kafka, or the request to drain |
//! | [`answer`] | the answer to it: exactly the partitions that did not commit |
//! | [`drain`] | without an event source: reads from Kafka itself until its time is over |
//! | [`time`] | the deadline of an invocation |
//! | [`log`] | lines of JSON with the request's id, and never a payload |
//!
//! Thin on purpose: the pipeline decides about records, and knows no Lambda.

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

use crate::answer::InvocationFailure;
use crate::function::Function;
use crate::payload::Payload;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    log::start();
    // Boxed, because its states together are larger than what a stack should hold.
    let function = match Box::pin(Function::prepare()).await {
        Ok(function) => Arc::new(function),
        Err(error) => {
            // Lambda reports the exit as a failed start; the reason is in the log.
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
    let invoke = service_fn(move |event: LambdaEvent<Payload>| invoke(function.clone(), event));
    match Box::pin(Runtime::new(invoke).run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "runtime interface failed; the process exits");
            ExitCode::from(3)
        }
    }
}

async fn invoke(function: Arc<Function>, event: LambdaEvent<Payload>) -> Result<Value, InvocationFailure> {
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
