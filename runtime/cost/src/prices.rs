//! The file of prices and assumptions, each with its source.

use serde::{Deserialize, Serialize};

/// The contents of `prices.yaml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The day of the prices.
    pub as_of: String,
    pub(crate) prices: Prices,
    pub(crate) walk: Walk,
    pub(crate) others: Others,
}

/// A figure and its source.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) basis: Basis,
    pub(crate) source: String,
}

/// How far a figure can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Read in a price list on the day of the file.
    Listed,
    /// From memory: check it before you rely on it.
    Memory,
    /// An assumption about a workload.
    Estimate,
}

/// A group of figures, and all of them by name.
macro_rules! figures {
    ($(#[$doc:meta])* $group:ident { $($name:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $group { $(pub(crate) $name: Figure),+ }

        impl $group {
            fn each(&self) -> Vec<(&'static str, &Figure)> {
                vec![$((stringify!($name), &self.$name)),+]
            }
        }
    };
}

figures! {
    /// In dollars.
    Prices {
        lambda_gb_second, lambda_request, lambda_poller_unit_hour, s3_put, s3_get, fargate_vcpu_hour, fargate_gb_hour,
        glue_dpu_hour, emr_serverless_vcpu_hour, emr_serverless_gb_hour, firehose_gb, spark_node_hour,
    }
}

figures! {
    /// Assumptions about the walk.
    Walk {
        lambda_memory_gb, flush_seconds, record_seconds, flush_puts, flush_gets, join_seconds,
        container_flush_interval_seconds, container_load_max, payload_bytes_max, batch_records_max,
    }
}

figures! {
    /// Assumptions about other products.
    Others {
        glue_dpu_min, glue_dpu_records_per_second, emr_serverless_workers_min, emr_serverless_worker_records_per_second,
        spark_nodes_min, spark_node_records_per_second, firehose_buffer_bytes, firehose_call_seconds,
    }
}

impl Book {
    /// The prices that this program carries.
    ///
    /// # Errors
    /// Never in a build that passed its tests.
    pub fn own() -> Result<Self, String> {
        Self::parse(include_str!("prices.yaml"))
    }

    /// Prices from a file in the same form.
    ///
    /// # Errors
    /// The text is not YAML of this form, or a figure is not above zero.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The error becomes part of a one-line message, and a snippet has several lines.
        let options = serde_saphyr::options! { with_snippet: false };
        let book: Self = serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
        let wrong = book.each().find(|(_, figure)| !(figure.value.is_finite() && figure.value > 0.0));
        if let Some((name, figure)) = wrong {
            return Err(format!("`{name}` is {}, and must be more than zero", figure.value));
        }
        Ok(book)
    }

    /// The names of the figures with this basis.
    pub fn resting_on(&self, basis: Basis) -> impl Iterator<Item = &'static str> {
        self.each().filter(move |(_, figure)| figure.basis == basis).map(|(name, _)| name)
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &Figure)> {
        [self.prices.each(), self.walk.each(), self.others.each()].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_prices_can_be_read_and_name_their_basis() {
        let book = Book::own().unwrap();
        assert_eq!(book.as_of, "2026-11-22");
        assert!(book.resting_on(Basis::Memory).any(|name| name == "s3_put"));
        assert!(book.resting_on(Basis::Listed).all(|name| name != "s3_put"));
    }

    #[test]
    fn prices_that_make_no_sense_are_refused() {
        let text = include_str!("prices.yaml").replace("s3_put: {value: 5.0e-6", "s3_put: {value: 0");
        assert!(Book::parse(&text).unwrap_err().contains("s3_put"));
        let text = include_str!("prices.yaml").replace("s3_put:", "s3_putt:");
        assert!(Book::parse(&text).is_err());
    }
}
