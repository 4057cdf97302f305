//! A transform that rejects too much is stopped before it buries its source.

mod drain;
mod pause;
