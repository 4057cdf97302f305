//! Whole runs of `sluicebox`, from outside. One binary, so that all share one Kafka.
//!
//! Modules named `over_kafka` need Apache Kafka's jars and the Python readers, those named `read_back` the readers only;
//! `tests/run` skips them by name, and counts them, where those could not be fetched.

mod dead_letters;
mod exchanged_topic;
mod orders;
mod over_kafka;
mod read_back;
mod wrong_settings;
