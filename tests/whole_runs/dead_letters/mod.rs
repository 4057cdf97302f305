//! Dead letters, their whole life.

mod killed;
mod poison;
mod repair;
mod scene;
mod shared;
mod topic;
