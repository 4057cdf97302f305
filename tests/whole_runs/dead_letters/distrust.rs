//! A claim is only as trustworthy as the prefix that it lies in: everyone who can write there can plant one. A transform that
//! may not judge makes no row of it, and holds up no other letter.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use object_store::memory::InMemory;
use sluicebox_delta::dead_letter::Status;
use sluicebox_pipeline::error::PipelineError;
use sluicebox_pipeline::redrive::{Answer, Trust, TrustAll};
use sluicebox_sandbox::{Digest, Limits};
use sluicebox_tests::mortal::{Death, Mounted};

use super::killed::{on_a_runtime, poisoned_orders};
use super::scene::{Holdings, Scene};

/// For a pipeline whose keys have signed nothing.
struct TrustNone;

impl Trust for TrustNone {
    fn may_judge<'a>(&'a self, _digest: &'a Digest) -> Answer<'a> {
        Box::pin(std::future::ready(Err(PipelineError::Distrust("it is not signed".to_owned()))))
    }
}

fn redriving(holdings: &Holdings) -> usize {
    holdings.letters.values().filter(|(status, _)| *status == Status::Redriving).count()
}

/// A store in which a redrive has claimed letters with the fixed transform, and gone no further.
fn claimed(scene: &Scene, objects: &Arc<InMemory>) -> Result<Arc<InMemory>> {
    let fixed = scene.fixed()?;
    for request in 0..500 {
        let objects = Arc::new(objects.fork());
        let holdings = on_a_runtime(async {
            let store = Mounted::new(&objects, Death::Before(request))?;
            tokio::select! {
                _dying = scene.redrive(&store, &fixed) => {}
                () = store.died() => {}
            }
            scene.holdings(&objects).await
        })?;
        if redriving(&holdings) > 0 {
            return Ok(objects);
        }
    }
    anyhow::bail!("no redrive was killed after its claim")
}

#[test]
fn a_claim_of_a_transform_that_may_not_judge_makes_no_row_and_holds_up_nothing() -> Result<()> {
    let objects = Arc::new(InMemory::new());
    let scene = on_a_runtime(poisoned_orders(&objects))?;
    let objects = claimed(&scene, &objects)?;
    let before = on_a_runtime(scene.holdings(&objects))?;
    // Another transform than the claim's, so that the claim's has to come from the archive.
    let other = scene.transform(&("orders_with_poison", Limits::default()))?;
    on_a_runtime(async {
        let store = Mounted::new(&objects, Death::Never)?;
        let report = scene.redrive_trusting(&store, &other, &TrustNone).await?;
        let after = scene.holdings(&objects).await?;
        ensure!(after.rows == before.rows, "it has made rows: {:?}", after.rows);
        ensure!(redriving(&after) == redriving(&before), "{:?}", after.letters);
        ensure!(report.refused.values().eq(["it is not signed"]), "{report:?}");
        ensure!(report.selected > 0, "the other letters have to be judged: {report:?}");

        let report = scene.redrive_trusting(&store, &other, &TrustAll).await?;
        let id = report.finished.first().context("nothing was finished")?;
        ensure!(report.refused.is_empty() && redriving(&scene.holdings(&objects).await?) == 0, "{id}: {report:?}");
        Ok(())
    })
}

/// Where the claim names limits that the pipeline does not grant.
#[test]
fn a_claim_with_higher_limits_than_the_pipeline_s_is_left_alone() -> Result<()> {
    let objects = Arc::new(InMemory::new());
    let generous = Limits { record_rows_max: 200_000, ..Limits::default() };
    let scene = on_a_runtime(poisoned_orders(&objects))?;
    let objects = claimed(&scene.granting(generous)?, &objects)?;
    let fixed = scene.fixed()?;
    on_a_runtime(async {
        let store = Mounted::new(&objects, Death::Never)?;
        let report = scene.redrive_trusting(&store, &fixed, &TrustAll).await?;
        let why = report.refused.values().next().context("nothing was refused")?;
        ensure!(why.contains("transform.limits.record_rows_max"), "{why}");
        Ok(())
    })
}
