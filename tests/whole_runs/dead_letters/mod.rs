//! Dead letters, their whole life.

mod distrust;
mod killed;
mod poison;
mod repair;
mod scene;
mod shared;
mod topic;
