//! The book of prices: each with what it rests on.

use serde::{Deserialize, Serialize};

/// What stands in `prices.yaml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    pub(crate) as_of: String,
    pub(crate) prices: Prices,
    pub(crate) walk: Walk,
    pub(crate) others: Others,
}

/// A figure, and why one should believe it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) basis: Basis,
    pub(crate) source: String,
}

/// What a figure rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// Read in a list on the day that the book is of.
    Listed,
    /// Not looked up.
    Memory,
    /// Of a workload: somebody's assumption.
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
    /// What is assumed of the walk.
    Walk {
        lambda_memory_gb, flush_seconds, record_seconds, flush_puts, flush_gets, join_seconds,
        container_flush_interval_seconds, container_load_max, payload_bytes_max, batch_records_max,
    }
}

figures! {
    /// What is assumed of others.
    Others {
        glue_dpu_min, glue_dpu_records_per_second, emr_serverless_workers_min, emr_serverless_worker_records_per_second,
        spark_nodes_min, spark_node_records_per_second, firehose_buffer_bytes, firehose_call_seconds,
    }
}

impl Book {
    /// The book that this program carries.
    pub(crate) fn own() -> Result<Self, String> {
        Self::parse(include_str!("prices.yaml"))
    }

    /// A book in the same form.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! { with_snippet: false };
        let book: Self = serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
        let is_wrong = |(_, figure): &(&str, &Figure)| !(figure.value.is_finite() && figure.value > 0.0);
        if let Some((name, figure)) = book.each().find(is_wrong) {
            return Err(format!("`{name}` is {}, and must be more than zero", figure.value));
        }
        Ok(book)
    }

    /// The names of the figures that rest on nothing better than this.
    pub(crate) fn resting_on(&self, basis: Basis) -> impl Iterator<Item = &'static str> {
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
    fn the_own_book_can_be_read_and_says_what_it_rests_on() {
        let book = Book::own().unwrap();
        assert_eq!(book.as_of, "2026-11-22");
        assert!(book.resting_on(Basis::Memory).any(|name| name == "s3_put"));
        assert!(book.resting_on(Basis::Listed).all(|name| name != "s3_put"));
    }

    #[test]
    fn a_book_with_a_price_that_makes_no_sense_is_refused() {
        let text = include_str!("prices.yaml").replace("s3_put: {value: 5.0e-6", "s3_put: {value: 0");
        assert!(Book::parse(&text).unwrap_err().contains("s3_put"));
        let text = include_str!("prices.yaml").replace("s3_put:", "s3_putt:");
        assert!(Book::parse(&text).is_err());
    }
}
