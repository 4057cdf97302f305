//! The harness of the whole-run tests: everything that they need of the outside world, and nothing of Sluicebox's inside.
//!
//! The tests themselves are in `whole_runs/`, one test binary. They treat `sluicebox` as a black box: they feed a
//! source, run the binary, signal or kill it, and read the tables back with readers that share no code with it.
//!
//! - [`command`]: one command of `sluicebox`, waited for
//! - [`kafka`]: a real Apache Kafka of three brokers, and what produces to it
//! - [`feed`]: records on their way to a topic, each with its position
//! - [`orders`]: records that most tests feed, good and bad
//! - [`stream`]: those records without end, at a steady rate
//! - [`pipeline`]: a folder with a pipeline file, and the `sluicebox` process that runs it
//! - [`http`]: what that process answers
//! - [`rendered`]: what `infra/` makes of inputs, by Terraform and by Helm
//! - [`image`]: the container image's root, without a container engine
//! - [`pod`]: a container of that image, as the chart's objects want it run
//! - [`s3`]: a real S3 store, SeaweedFS
//! - [`fault_proxy`]: the way there, with faults on it: refusals, resets, lost responses
//! - [`chaos`]: all that can happen to the whole, and whether it held
//! - [`lambda`]: AWS Lambda, and the event source mapping that feeds it
//! - [`tables`]: what Python's `deltalake` and DuckDB find in a table
//! - [`mortal`]: a store in memory, for those who are to be killed at each of its requests
//! - [`native`]: what the tables must hold, by the transform's function run natively
//! - [`place`]: where the repository keeps the things that `make` builds
//! - [`ports`]: free ones
//! - [`registry`]: where transforms are pushed and promoted
//! - [`simulation`]: the real walk in a world of numbers; not a whole run, but it crosses all crates
//! - [`lifeline`]: how a child process is kept from outliving the test

pub mod chaos;
pub mod command;
pub mod fault_proxy;
pub mod feed;
pub mod http;
pub mod image;
pub mod kafka;
pub mod lambda;
pub mod lifeline;
pub mod mortal;
pub mod native;
pub mod orders;
pub mod pipeline;
pub mod place;
pub mod pod;
pub mod ports;
pub mod registry;
pub mod rendered;
pub mod s3;
pub mod simulation;
pub mod stream;
pub mod tables;
