//! Partition values of every type come back from the log as they were.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use deltalake::kernel::scalars::ScalarExt;
use proptest::collection::vec;
use proptest::prelude::*;
use sluicebox_delta::writer::WriteError;

use super::rows::{self, ID, Seed};
use super::{Fixture, block_on};

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    vec(proptest::option::weighted(0.8, (any::<u8>(), any::<u64>())), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn partition_values_of_every_type_come_back(seeds in seeds()) {
        for column in 0..rows::columns(&seeds, true).len() {
            block_on(round_trip(rows::partitioned(&seeds, column)));
        }
    }
}

async fn round_trip(rows: RecordBatch) {
    let mut fixture = Fixture::new(rows.schema(), &["p"], &[]).await;
    fixture.writer.write(rows.clone()).await.expect("writes");
    let adds = fixture.writer.finish().await.expect("finishes");
    let table = fixture.commit(adds).await.clone();
    let column = rows.column(0);
    let mut found = Vec::new();
    for file in table.snapshot().expect("loaded").log_data().iter() {
        let values = file.partition_values().expect("values");
        let ids = fixture.read(file.object_store_path().as_ref()).await;
        let ids = ids.column_by_name(ID).expect("a column").as_primitive::<Int64Type>().values().to_vec();
        // The rows of a partition keep their order through the split.
        assert!(ids.is_sorted());
        for &id in &ids {
            let written = scalar(&values.values()[0], column, id as usize);
            assert_eq!(values.values()[0].serialize(), written.serialize(), "{}", column.data_type());
        }
        found.extend(ids);
    }
    found.sort_unstable();
    assert_eq!(found, (0..rows.num_rows() as i64).collect::<Vec<_>>());
}

/// What `array` holds, in the type of `like`: delta-rs does not name that type.
fn scalar<S: ScalarExt>(_like: &S, array: &dyn Array, row: usize) -> S {
    S::from_array(array, row).expect("a scalar")
}

fn texts(values: &[Option<&str>]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(0..values.len() as i64);
    let columns = [("p", Arc::new(StringArray::from(values.to_vec())) as ArrayRef), (ID, Arc::new(ids) as ArrayRef)];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, name == "p"))).expect("rows")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_too_long_for_a_path_comes_back() {
    let long = "京".repeat(400);
    let longer = "y".repeat(3_000);
    round_trip(texts(&[Some(&long), Some(&longer), None, Some("short"), Some(&long)])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_reads_back_as_null_is_refused_alone() {
    for value in ["", "__HIVE_DEFAULT_PARTITION__"] {
        let mut fixture = Fixture::new(texts(&[]).schema(), &["p"], &[]).await;
        fixture.writer.write(texts(&[Some("a"), None])).await.expect("writes");
        let error = fixture.writer.write(texts(&[Some("b"), Some(value)])).await.expect_err("refuses");
        let WriteError::Unwritable(unwritable) = error else { panic!("{error}") };
        assert_eq!(unwritable.column, "p");
        let adds = fixture.writer.finish().await.expect("finishes");
        let mut values: Vec<_> = adds.iter().map(|add| add.partition_values["p"].clone()).collect();
        values.sort();
        assert_eq!(values, [None, Some("a".to_owned())]);
    }
}
