//! A warm environment, frozen between its events, takes over what is promoted meanwhile, and refuses what does not fit.

use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluicebox_tests::feed::Feed;
use sluicebox_tests::lambda::Function;
use sluicebox_tests::pipeline::Pipeline;
use sluicebox_tests::registry::{follows_prod, judge_of, promote, push};

use super::{deliver, failures, part};
use crate::orders;

const NAME: &str = "promoted";
/// Records of an event.
const EVENT: i64 = 10;
/// Longer than the channel's poll interval, so that the next event makes the function look.
const PAUSE: Duration = Duration::from_millis(400);
/// The function looks in the background while events pass; it must have finished after this many.
const EVENTS_MAX: i64 = 20;

struct Scene {
    pipeline: Pipeline,
    function: Function,
    feed: Feed,
    delivered: i64,
}

impl Scene {
    /// Delivers the next events of partition 0 until the condition holds.
    fn deliver_until(&mut self, what: &str, condition: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        for _event in 0..EVENTS_MAX {
            self.deliver(self.delivered..self.delivered + EVENT)?;
            if condition(self)? {
                return Ok(());
            }
            sleep(PAUSE);
        }
        Err(anyhow::anyhow!("{}", self.function.log()?)).with_context(|| format!("waited for this: {what}"))
    }

    fn deliver(&mut self, offsets: Range<i64>) -> Result<()> {
        self.delivered = offsets.end;
        let outcome = deliver(&self.function, NAME, part(&self.feed, 0, offsets))?;
        ensure!(failures(&outcome)?.is_empty(), "{outcome:?}");
        Ok(())
    }

    fn judge(&self) -> Result<String> {
        judge_of(&self.pipeline, "orders", 0)
    }
}

#[test]
fn a_warm_function_takes_over_what_is_promoted_and_refuses_what_does_not_fit() -> Result<()> {
    needs!(readers);
    let source = json!({"kafka": {"brokers": "127.0.0.1:1", "topics": [NAME]}});
    let mut pipeline = orders::pipeline(NAME, source)?;
    pipeline.settings["transform"] = follows_prod();
    let clean = push(&pipeline, orders::GUEST)?;
    promote(&pipeline, &clean)?;
    let function = Function::of(&pipeline)?;
    let mut scene = Scene { pipeline, function, feed: orders::feed(NAME, 4000), delivered: 0 };
    scene.deliver(0..EVENT)?;
    assert_eq!(scene.judge()?, clean);

    let poisonable = push(&scene.pipeline, "orders_with_poison")?;
    promote(&scene.pipeline, &poisonable)?;
    scene.deliver_until("the promoted one judges", |scene| Ok(scene.judge()? == poisonable))?;

    let unfit = push(&scene.pipeline, "split_invoices")?;
    promote(&scene.pipeline, &unfit)?;
    scene.deliver_until("the unfit one is refused", |scene| Ok(scene.function.log()?.contains("still running")))?;
    assert_eq!(scene.judge()?, poisonable);
    // A new environment refuses it as well, and judges with the same transform.
    let another = Function::of(&scene.pipeline)?;
    let records = part(&scene.feed, 0, scene.delivered..scene.delivered + EVENT);
    assert_eq!(failures(&deliver(&another, NAME, records)?)?, []);
    assert_eq!(scene.judge()?, poisonable);

    promote(&scene.pipeline, &clean)?;
    scene.deliver_until("the first one judges again", |scene| Ok(scene.judge()? == clean))?;

    // All records, those delivered before among them.
    let outcome = deliver(&scene.function, NAME, &scene.feed.records)?;
    ensure!(failures(&outcome)?.is_empty(), "{outcome:?}");
    ensure!(scene.function.cold_starts() == 1, "the environment was not used again");
    orders::ensure_exactly_once(&scene.pipeline, &[&scene.feed])
}
