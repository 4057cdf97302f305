//! Records from Kafka: as a member of a consumer group ([`source`]), or handed in as the events of a Lambda trigger
//! ([`event`]); what topics have ([`survey`]); and the topic that copies of dead letters go to ([`dead_letter_topic`]).
//!
//! The only crate that knows `rdkafka`. It knows no table and no deltalake.

mod brokers;
mod client;
pub mod dead_letter_topic;
mod drain;
pub mod event;
mod group;
mod run;
pub mod source;
pub mod survey;
mod token;
mod topic_id;

pub use brokers::Brokers;
pub use dead_letter_topic::DeadLetterTopic;
pub use run::{run, run_events};
pub use source::KafkaSource;
pub use survey::survey;
pub use token::{NoToken, Token, TokenSource};
