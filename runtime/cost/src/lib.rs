//! Estimates what a pipeline costs in AWS: arithmetic on prices from a file. It calls no service, and all it knows of a
//! pipeline is what `prices.yaml` assumes.
//!
//! - `prices`: the file; `ways`: one formula for each way to run a pipeline; `comparison`: the figures side by side, and
//!   the rates at which one way becomes cheaper than another.

mod comparison;
mod prices;
mod ways;

pub use comparison::{Comparison, Crossing, Figures};
pub use prices::{Basis, Book};
pub use ways::{Load, Mode};
