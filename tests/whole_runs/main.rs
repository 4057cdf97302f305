//! Whole runs of `sluicebox`, from outside: a folder a topic. One binary, so that all share one Kafka and one S3.

#[macro_use]
mod needs;

mod artifacts;
mod breaker;
mod clean;
mod dead_letters;
mod delivery;
mod deploy;
mod group;
mod kafka;
mod lambda;
mod loss;
mod orders;
mod ready;
mod s3;
mod settings;
mod values;
