//! Transforms as artifacts.
