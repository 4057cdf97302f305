//! Runs that need no Kafka, whose tables the independent readers read.

mod artifacts;
mod breaker;
mod clean;
mod dead_letters;
mod files;
mod functions;
mod writers;
