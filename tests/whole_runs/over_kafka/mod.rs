//! Runs that read from three real Kafka brokers.

mod brokers;
