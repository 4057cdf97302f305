//! Everything that talks to Kafka brokers. A pipeline reads records as a member of a consumer group ([`source`]), or gets
//! them as the events of a Lambda trigger ([`event`]). [`survey`] asks what topics have, and [`dead_letter_producer`] sends
//! copies of dead letters.
//!
//! The only crate that knows `rdkafka`. It knows no tables and no `deltalake`.

mod admin;
mod bare;
mod bearer;
mod brokers;
mod client;
pub mod dead_letter_producer;
mod drain;
pub mod event;
mod first_record;
mod group;
mod headers;
mod list_offsets;
mod quiet_log;
mod reachability;
mod run;
pub mod source;
mod subscription;
pub mod survey;
mod token;
mod topic_id;

pub use brokers::Brokers;
pub use client::check_properties;
pub use dead_letter_producer::DeadLetterProducer;
pub use run::{run, run_events};
pub use source::KafkaSource;
pub use survey::survey;
pub use token::{NoToken, Token, TokenSource};
