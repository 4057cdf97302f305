//! What it costs to run a pipeline in one way or another: arithmetic on prices that stand in a file. Asks nobody, and knows
//! nothing of how a pipeline works but what `prices.yaml` assumes of it.
//!
//! - [`prices`]: the file; [`ways`]: the formulas, one a way of running; [`comparison`]: their figures side by side, and
//!   where one becomes cheaper than another.

mod comparison;
mod prices;
mod ways;

pub(crate) use comparison::{Comparison, Crossing, Figures};
pub(crate) use prices::{Basis, Book};
pub(crate) use ways::{Load, Mode};
