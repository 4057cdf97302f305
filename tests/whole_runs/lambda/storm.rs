//! A short storm: see `make lambda-storm` for the long one.

use anyhow::{Result, ensure};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::storm::{self, Plan};
use sluicebox_tests::s3::S3;

#[test]
fn lost_answers_timeouts_kills_and_repetitions_lose_nothing_and_double_nothing() -> Result<()> {
    needs!(kafka, s3, readers);
    let plan = Plan { name: "lambda-storm", seed: 7, records: 8_000, batch_records_max: 400, share: 0.6 };
    let report = storm::run(Cluster::shared()?, S3::shared()?, &plan)?;
    ensure!(report.verdict.is_sound(), "{report}");
    ensure!(report.misfortunes() >= 15 && report.by_kind().len() == 5, "too little was done:\n{report}");
    Ok(())
}
