//! Unit tests for transforms, natively: the same code that the sandbox runs, without WebAssembly.
//!
//! ```
//! use sluicebox::{prelude::*, testing::{Runner, rejected, row}};
//!
//! #[derive(Deserialize)]
//! struct Order { id: String, amount: f64 }
//! #[derive(Row)]
//! #[row(table = "orders")]
//! struct CleanOrder { id: String, amount: f64 }
//!
//! #[transform]
//! fn clean(order: Json<Order>) -> Result<CleanOrder, Reject> {
//!     if order.amount < 0.0 {
//!         return Err(Reject::new("negative_amount", "the amount is below zero").at("amount"));
//!     }
//!     let Json(Order { id, amount }) = order;
//!     Ok(CleanOrder { id, amount })
//! }
//!
//! let runner = Runner::<clean>::new();
//! assert_eq!(runner.run(r#"{"id": "a", "amount": 1.5}"#), row("orders", serde_json::json!({"id": "a", "amount": 1.5})));
//! assert_eq!(runner.run(r#"{"id": "a", "amount": -1}"#), rejected("negative_amount", "amount"));
//! assert_eq!(runner.run(r#"{"id": "a"}"#), rejected("missing_field", "amount"));
//! ```

mod base64;
mod cases;
mod fit;
mod input;
mod readback;
mod verdict;

use crate::{Transform, batch::Batch, outcome::Outcome};

pub use cases::check_cases;
pub use input::Input;
pub use readback::verdicts;
pub use verdict::{Verdict, filtered, rejected, row, rows};

/// A configured transform to run records through.
#[derive(Debug)]
pub struct Runner<T> {
    transform: T,
}

impl<T: Transform> Runner<T> {
    /// A transform without configuration.
    ///
    /// # Panics
    /// Where it needs one.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::configured(&serde_json::json!({}))
    }

    /// A transform with a configuration.
    ///
    /// # Panics
    /// Where the transform does not accept it.
    #[must_use]
    #[track_caller]
    pub fn configured(configuration: &serde_json::Value) -> Self {
        match T::configure(&configuration.to_string()) {
            Ok(transform) => Self { transform },
            Err(error) => unaccepted(&error),
        }
    }

    /// What becomes of one record.
    ///
    /// # Panics
    /// Where the outcome is not one that the host would accept.
    #[must_use]
    pub fn run<'i>(&self, input: impl Into<Input<'i>>) -> Verdict {
        self.run_all([input]).remove(0)
    }

    /// What becomes of several records, which go through as one batch; their offsets count from 0 unless set.
    ///
    /// # Panics
    /// Where the outcome is not one that the host would accept.
    #[must_use]
    pub fn run_all<'i, I: Into<Input<'i>>>(&self, inputs: impl IntoIterator<Item = I>) -> Vec<Verdict> {
        let mut batch = Batch::new("test", 0);
        for input in inputs {
            input.into().push_to(&mut batch);
        }
        verdicts(&T::describe(), &self.process(&batch))
    }

    /// What becomes of a batch, in columns.
    #[must_use]
    pub fn process(&self, batch: &Batch) -> Outcome {
        self.transform.process(batch)
    }
}

impl<T: Transform> Default for Runner<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a test that configures its transform wrongly should fail")]
fn unaccepted(error: &crate::configuration::Error) -> ! {
    panic!("the transform does not accept the configuration: {error}")
}
