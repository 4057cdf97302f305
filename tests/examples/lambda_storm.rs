//! The event source's storm over the Lambda function, for long: 200,000 orders with at least 500 forced failures. `make
//! lambda-storm`; arguments set another number of records, and the seed. Ends with 1 if a record is lost or doubled, or if too
//! little was done to tell.

use std::process::ExitCode;

use anyhow::{Context, Result};
use sluicebox_tests::kafka::Cluster;
use sluicebox_tests::lambda::storm::{self, Plan};
use sluicebox_tests::s3::S3;

const RECORDS: usize = 200_000;
/// One for each four hundred records.
const RECORDS_PER_FAILURE: usize = 400;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let records = arguments.next().map_or(Ok(RECORDS), |given| given.parse()).context("how many records?")?;
    let seed =
        arguments.next().map_or_else(|| Ok(fastrand::u64(..1 << 32)), |given| given.parse()).context("which seed?")?;
    println!("seed {seed}");
    let plan = Plan { name: "lambda-storm", seed, records, batch_records_max: 1_000, share: 0.6 };
    let report = storm::run(&Cluster::start()?, S3::shared()?, &plan)?;
    print!("{report}");
    let is_enough = report.misfortunes() >= records / RECORDS_PER_FAILURE;
    if !is_enough {
        println!("too few forced failures: one for each {RECORDS_PER_FAILURE} records are wanted");
    }
    Ok(if report.verdict.is_sound() && is_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
