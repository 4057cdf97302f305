//! Processes that share a group, and its partitions.

mod members;
mod next_generation;
