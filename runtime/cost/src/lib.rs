//! Estimates what a pipeline costs in AWS: arithmetic on prices from a file. It calls no service, and opens no pipeline: its
//! caller says how many tables there are and how often they are flushed, or `prices.yaml` does.
//!
//! - `prices`: the file; `ways`: one formula for each way to run a pipeline; `comparison`: the figures side by side, and
//!   the rates at which one way becomes cheaper than another; `inputs`: where Terraform holds what the figures rest on.

mod comparison;
mod inputs;
mod prices;
mod ways;

pub use comparison::{Comparison, Crossing, Figures};
pub use inputs::Input;
pub use prices::{Basis, Book};
pub use ways::{Load, Mode, Pipeline};
