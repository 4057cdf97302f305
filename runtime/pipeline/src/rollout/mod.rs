//! How a transform is tried beside the one that judges: as a [`shadow`], or as a canary ([`candidate`]).

pub mod candidate;
pub mod shadow;
