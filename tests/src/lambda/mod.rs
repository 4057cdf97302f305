//! AWS Lambda, as far as a function can see it, on the loopback interface: the Runtime API, execution environments that
//! come, freeze, thaw and die, and an event source mapping that feeds them from a real Kafka. Knows nothing of Sluicebox
//! but its binary's name.
//!
//! - [`runtime_api`]: what a process asks for its next event, and tells its answer
//! - [`environment`]: one process, from its start to its end; killed at the deadline, frozen between events
//! - [`package`]: the function's zip, unpacked as Lambda does it
//! - [`function`]: as many environments as there are events at once
//! - [`event`]: Kafka's records as an event's JSON
//! - [`poller`]: batches, retries, bisects, honours partial responses, delivers twice now and then
//! - [`misfortune`]: what is done to an invocation on purpose
//! - [`others`]: a foreign emulator
//! - [`storm`]: all of it at once, until a topic is through

pub mod environment;
pub mod event;
pub mod function;
pub mod misfortune;
pub mod others;
pub mod package;
pub mod poller;
pub mod runtime_api;
pub mod storm;

pub use environment::Outcome;
pub use function::Function;
