//! The showcase behind `sluicebox demo` and `sluicebox bench`. It brings what no pipeline needs: a Kafka inside this process
//! (librdkafka's mock), generated orders, the sample transforms as native code, and a reader of tables that is not ours.
//!
//! - [`demo`]: 50,000 orders, a worker that is killed in the middle, and every record accounted for.
//! - [`bench`]: nanoseconds a record: the boundary, each sample against native code, the whole walk.
//! - `kafka` and `orders`: the brokers and the records of both; `guests`: where their transforms come from.
//!
//! It must not know how the walk works: it starts `sluicebox run` and reads the tables.

pub mod bench;
pub mod demo;
mod guests;
mod kafka;
mod orders;
