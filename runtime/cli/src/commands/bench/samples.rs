//! The sample transforms, linked natively, and records for each of them.

use std::hint::black_box;

use sluicebox::Transform;
use sluicebox::batch::Batch;

use crate::commands::demo::orders;

/// A transform that has been configured: a batch in, the outcome dropped.
pub(super) type Native = Box<dyn Fn(&Batch)>;

/// A sample transform.
pub(super) struct Sample {
    /// Its folder in `sample-transforms/`.
    pub(super) name: &'static str,
    /// A JSON object.
    pub(super) configuration: &'static str,
    /// The value of a record that it does not reject.
    pub(super) record: fn(usize) -> Vec<u8>,
    /// Configures it natively.
    pub(super) native: fn(&str) -> Result<Native, String>,
}

/// All samples.
pub(super) fn all() -> Vec<Sample> {
    vec![Sample {
        name: "clean-orders",
        configuration: "{}",
        record: orders::good,
        native: native::<clean_orders::clean>,
    }]
}

fn native<T: Transform + 'static>(configuration: &str) -> Result<Native, String> {
    let transform = T::configure(configuration).map_err(|error| error.to_string())?;
    Ok(Box::new(move |batch| {
        black_box(transform.process(black_box(batch)));
    }))
}
