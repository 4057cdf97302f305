//! Tables for readers in other languages, by hand: `TABLES=folder cargo test -p sluicebox-delta --test writer -- --ignored
//! for_readers`. Each has several files, so that a filter may skip some.

use super::Fixture;
use super::rows::{self, Seed};

fn seeds(random: &mut fastrand::Rng, edges: std::ops::RangeInclusive<u8>) -> Vec<Seed> {
    std::iter::repeat_with(|| random.u8(..10).gt(&1).then(|| (random.u8(edges.clone()), random.u64(..))))
        .take(25)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes tables for readers in other languages"]
async fn for_readers() {
    let folder = std::path::PathBuf::from(std::env::var("TABLES").expect("TABLES names a folder"));
    let mut random = fastrand::Rng::with_seed(7);
    let schema = rows::plain_and_nested(&seeds(&mut random, 0..=255), 0).schema();
    let mut fixture = Fixture::at(&folder.join("plain"), schema, &[], &[]).await;
    for file in 0..24 {
        let edges = if file % 4 == 0 { 0..=255 } else { rows::BOUNDED_EDGES };
        fixture.writer.write(rows::plain_and_nested(&seeds(&mut random, edges), file * 100)).await.expect("writes");
        let adds = fixture.writer.finish().await.expect("finishes");
        fixture.commit(adds).await;
    }
    for column in 0..rows::columns(&seeds(&mut random, 0..=255), true).len() {
        let rows = rows::partitioned(
            &std::iter::repeat_with(|| seeds(&mut random, 0..=255)).take(4).flatten().collect::<Vec<_>>(),
            column,
        );
        let name = rows::columns(&[None], true)[column].0.name().clone();
        let mut fixture = Fixture::at(&folder.join(format!("by_{name}")), rows.schema(), &["p"], &[]).await;
        fixture.writer.write(rows.clone()).await.expect("writes");
        let adds = fixture.writer.finish().await.expect("finishes");
        fixture.commit(adds).await;
        let file = std::fs::File::create(folder.join(format!("by_{name}.parquet"))).expect("a file");
        let mut whole = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
        whole.write(&rows).expect("writes");
        whole.close().expect("closes");
    }
}
