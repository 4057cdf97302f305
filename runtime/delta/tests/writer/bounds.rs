//! The bounds in the log hold for every value of a column, and what is written reads back equal.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, Scalar,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp::{gt_eq, lt_eq};
use arrow::compute::{and, concat_batches};
use arrow::datatypes::{Field, Schema};
use arrow::json::ReaderBuilder;
use deltalake::kernel::Add;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::rows::{self, Seed};
use super::{Fixture, block_on, one_column, stats};

/// One value without bounds leaves a file without any, so half of the cases have none of those.
fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let seeds = |edges| vec(proptest::option::weighted(0.8, (edges, any::<u64>())), 1..40);
    prop_oneof![seeds(0..=255u8), seeds(rows::BOUNDED_EDGES)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bounds_hold_for_every_type(batches in vec(seeds(), 1..4)) {
        let batches: Vec<RecordBatch> =
            batches.iter().enumerate().map(|(at, seeds)| rows::plain_and_nested(seeds, at as i64 * 100)).collect();
        let schema = batches[0].schema();
        block_on(async {
            let mut fixture = Fixture::new(schema.clone(), &[], &[]).await;
            for rows in &batches {
                fixture.writer.write(rows.clone()).await.expect("writes");
            }
            let adds = fixture.writer.finish().await.expect("finishes");
            assert_eq!(adds.len(), 1);
            let rows = concat_batches(&schema, &batches).expect("one schema");
            assert_eq!(fixture.read(&adds[0].path).await.columns(), rows.columns());
            for (field, array) in schema.fields().iter().zip(rows.columns()) {
                require_bounds(&adds[0], &[], field, array);
            }
            let table = fixture.commit(adds).await;
            let files = table.snapshot().expect("loaded").log_data();
            assert_eq!(files.iter().map(|file| file.num_records()).collect::<Vec<_>>(), [Some(rows.num_rows())]);
        });
    }
}

/// Checks the statistics of a column, and of the members of a struct.
fn require_bounds(add: &Add, above: &[&str], field: &Field, array: &ArrayRef) {
    let path: Vec<&str> = above.iter().copied().chain([field.name().as_str()]).collect();
    if let Some(members) = array.as_struct_opt() {
        for (position, member) in members.fields().iter().enumerate() {
            // As readers see it: null where the struct is.
            let nulls = arrow::buffer::NullBuffer::union(members.nulls(), members.column(position).nulls());
            let column = members.column(position).to_data().into_builder().nulls(nulls).build().expect("valid");
            require_bounds(add, &path, member, &arrow::array::make_array(column));
        }
        return;
    }
    let stats = stats(add);
    let [nulls, min, max] = ["nullCount", "minValues", "maxValues"]
        .map(|kind| path.iter().try_fold(&stats[kind], |value, name| value.get(name)));
    assert_eq!(nulls, Some(&json!(array.null_count())), "{path:?}");
    assert_eq!(min.is_some(), max.is_some(), "{path:?}");
    if min.is_none() {
        return;
    }
    let [min, max] = ["minValues", "maxValues"].map(|kind| bound(add, kind, &path, field));
    let within = and(&gt_eq(array, &min).expect("compares"), &lt_eq(array, &max).expect("compares")).expect("both");
    assert!(within.iter().all(|within| within != Some(false)), "{path:?}: {:?}", add.stats);
}

/// The bound as readers parse it: straight from its text into the column's type, with no float in between.
fn bound(add: &Add, kind: &str, path: &[&str], field: &Field) -> Scalar<ArrayRef> {
    // Without the last name, which is the field's own.
    let names = [kind].into_iter().chain(path[..path.len() - 1].iter().copied());
    let schema = names.rev().fold(field.clone(), |field, name| {
        let members = vec![field.with_nullable(true)];
        Field::new(name, arrow::datatypes::DataType::Struct(members.into()), true)
    });
    let text = add.stats.clone().expect("statistics");
    let mut reader = ReaderBuilder::new(Arc::new(Schema::new(vec![schema]))).build(text.as_bytes()).expect("a reader");
    let rows = reader.next().expect("a row").expect("parses");
    let array = path.iter().fold(rows.column(0).clone(), |array, _| array.as_struct().column(0).clone());
    assert_eq!(array.null_count(), 0, "{path:?}: {text}");
    Scalar::new(array)
}

/// The bounds of one column that is written alone, one batch a row group.
async fn bounds_of(array: impl Array + 'static) -> (serde_json::Value, serde_json::Value) {
    let rows = one_column("c", array);
    let mut fixture = Fixture::new(rows.schema(), &[], &[]).await;
    fixture.writer.write(rows).await.expect("writes");
    let stats = stats(&fixture.writer.finish().await.expect("finishes")[0]);
    (stats["minValues"]["c"].clone(), stats["maxValues"]["c"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_columns_do_have_bounds() {
    let above = format!("{}y", "x".repeat(63));
    assert_eq!(bounds_of(Int64Array::from(vec![7, i64::MAX, -3])).await, (json!(-3), json!(i64::MAX)));
    assert_eq!(bounds_of(Float64Array::from(vec![1.5, -2.25])).await, (json!(-2.25), json!(1.5)));
    assert_eq!(bounds_of(StringArray::from(vec!["b", "a"])).await, (json!("a"), json!("b")));
    assert_eq!(bounds_of(BooleanArray::from(vec![true, false])).await, (json!(false), json!(true)));
    assert_eq!(bounds_of(StringArray::from(vec!["x".repeat(100)])).await, (json!("x".repeat(64)), json!(above)));
    let times = TimestampMicrosecondArray::from(vec![1_999, 2_001]).with_timezone("UTC");
    assert_eq!(bounds_of(times).await, (json!("1970-01-01T00:00:00.001Z"), json!("1970-01-01T00:00:00.003Z")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_that_would_be_wrong_are_left_out() {
    let none = (json!(null), json!(null));
    assert_eq!(bounds_of(Float64Array::from(vec![f64::NAN, 1.5])).await, none);
    assert_eq!(bounds_of(Float64Array::from(vec![f64::INFINITY, 1.5])).await, none);
    assert_eq!(bounds_of(TimestampMicrosecondArray::from(vec![0, i64::MAX])).await, none);
    // The largest character cannot be rounded up, so a text of them has no upper bound that fits.
    assert_eq!(bounds_of(StringArray::from(vec!["a".to_owned(), "\u{10FFFF}".repeat(100)])).await, none);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_decimals_are_exact() {
    // 2^53 + 1 with two digits behind the point: a float would round it to an even number.
    let unscaled = 900_719_925_474_099_300;
    let array = Decimal128Array::from(vec![unscaled]).with_precision_and_scale(19, 2).expect("fits");
    let rows = one_column("c", array);
    let mut fixture = Fixture::new(rows.schema(), &[], &[]).await;
    fixture.writer.write(rows).await.expect("writes");
    let adds = fixture.writer.finish().await.expect("finishes");
    let text = adds[0].stats.as_deref().expect("statistics");
    assert!(text.contains(r#""maxValues":{"c":9007199254740993.00}"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn table_properties_choose_the_columns_with_statistics() {
    assert_eq!(columns_with_statistics(&[]).await, "bc");
    assert_eq!(columns_with_statistics(&[("delta.dataSkippingNumIndexedCols", "1")]).await, "b");
    assert_eq!(columns_with_statistics(&[("delta.dataSkippingStatsColumns", "c")]).await, "c");
}

/// Of the columns `a`, which partitions the table, `b` and `c`.
async fn columns_with_statistics(properties: &[(&str, &str)]) -> String {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter(["a", "b", "c"].map(|name| (name, Arc::clone(&numbers)))).expect("rows");
    let mut fixture = Fixture::new(rows.schema(), &["a"], properties).await;
    fixture.writer.write(rows).await.expect("writes");
    let stats = stats(&fixture.writer.finish().await.expect("finishes")[0]);
    stats["nullCount"].as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join("")
}
