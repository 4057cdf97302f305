//! Transforms as artifacts: pushed, promoted, and taken over by a running pipeline.

mod promotion;
mod registry;
