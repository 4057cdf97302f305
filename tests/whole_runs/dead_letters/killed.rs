//! The test kills a redrive at each of its requests to the store, before or after the request takes effect, and repeats it.
//! Each dead letter is then either open or in the tables once: never both, never twice, and none is lost.

use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, ensure};
use object_store::memory::InMemory;
use serde_json::{Value, json};
use sluicebox_delta::dead_letter::Status;
use sluicebox_sandbox::Limits;
use sluicebox_tests::mortal::{Death, Mounted};

use super::scene::{Holdings, Scene};

/// An order; `fields` replaces those that should make it fail.
fn order(partition: i32, offset: i64, fields: Value) -> Value {
    let mut value = json!({
        "id": format!("order-{partition}-{offset}"), "customer": "ada@example.com", "amount": 1.5, "currency": "EUR",
        "items": 2, "placed_at": "2026-01-01T00:00:00Z",
    });
    for (name, field) in fields.as_object().into_iter().flatten() {
        value[name] = field.clone();
    }
    json!({"topic": "orders", "partition": partition, "offset": offset, "value": value})
}

/// Dead letters in three files, one a run: `clean-orders` makes rows of four, filters one, and rejects two as well.
pub(super) async fn poisoned_orders(objects: &Arc<InMemory>) -> Result<Scene> {
    let limits = Limits::default();
    let scene = Scene::new(&["orders"], ("orders_with_poison", limits.clone()), ("clean_orders", limits))?;
    let poison = || json!({"poison": "panic"});
    let mut records = Vec::new();
    for more in [
        vec![order(0, 0, json!({})), order(0, 1, poison()), order(1, 0, poison())],
        vec![order(0, 2, json!({"poison": "panic", "test": true})), order(1, 1, json!({"amount": -1}))],
        vec![order(0, 3, poison()), order(0, 4, json!({"poison": "panic", "amount": -1})), order(1, 2, poison())],
    ] {
        records.extend(more);
        scene.bury(objects, &records).await?;
    }
    Ok(scene)
}

/// Invoices that make rows in two tables. All are dead letters, because the limit on rows a record was too low.
async fn long_invoices(objects: &Arc<InMemory>) -> Result<Scene> {
    let tight = Limits { record_rows_max: 2, ..Limits::default() };
    let guest = "split_invoices";
    let scene = Scene::new(&["invoices", "invoice_lines"], (guest, tight), (guest, Limits::default()))?;
    let line = json!({"article": "pen", "quantity": 1, "unit_price": "1.00"});
    let invoice = |offset: i64, lines: usize| {
        let value = json!({
            "customer": "Ada Ltd", "issued_on": "2024-02-29", "total": format!("{lines}.00"), "lines": vec![&line; lines],
        });
        json!({"topic": "invoices", "partition": 0, "offset": offset, "key": format!("i-{offset}"), "value": value})
    };
    let records: Vec<Value> = (0..4).map(|offset| invoice(offset, offset as usize)).collect();
    scene.bury(objects, &records).await?;
    Ok(scene)
}

pub(super) fn on_a_runtime<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(future)
}

#[test]
fn one_table() -> Result<()> {
    let objects = Arc::new(InMemory::new());
    let scene = on_a_runtime(poisoned_orders(&objects))?;
    let after = kill_everywhere(&scene, &objects)?;
    let statuses = |wanted: Status| after.letters.values().filter(|(status, _)| *status == wanted).count();
    ensure!((statuses(Status::Redriven), statuses(Status::Open)) == (5, 2), "{:?}", after.letters);
    ensure!(after.rows["orders"].len() == 5, "four of the letters, and the one good order: {:?}", after.rows);
    Ok(())
}

#[test]
fn two_tables() -> Result<()> {
    let objects = Arc::new(InMemory::new());
    let scene = on_a_runtime(long_invoices(&objects))?;
    let after = kill_everywhere(&scene, &objects)?;
    ensure!(after.letters.values().all(|(status, _)| *status == Status::Redriven), "{:?}", after.letters);
    ensure!(after.rows["invoice_lines"].values().sum::<usize>() == 1 + 2 + 3, "{:?}", after.rows);
    Ok(())
}

/// Kills a redrive at every request that an undisturbed one makes, and repeats it. Returns what the undisturbed one leaves.
fn kill_everywhere(scene: &Scene, objects: &Arc<InMemory>) -> Result<Holdings> {
    let fixed = scene.fixed()?;
    let calm = Arc::new(objects.fork());
    let before = on_a_runtime(scene.holdings(&calm))?;
    let (requests, after) = on_a_runtime(async {
        let store = Mounted::new(&calm, Death::Never)?;
        scene.redrive(&store, &fixed).await?;
        Ok((store.requests(), scene.holdings(&calm).await?))
    })?;
    ensure!(before != after, "nothing has been redriven");
    println!("killing a redrive before and after each of its {requests} requests");
    for request in 0..requests {
        for death in [Death::Before(request), Death::After(request)] {
            let objects = Arc::new(objects.fork());
            let died = on_a_runtime(async {
                let store = Mounted::new(&objects, death)?;
                tokio::select! {
                    _dying = scene.redrive(&store, &fixed) => {}
                    () = store.died() => {}
                }
                Ok(store.requests() > request)
            })?;
            ensure!(died, "{death:?}: it was never asked");
            on_a_runtime(async {
                let context = |when| format!("{death:?} of {requests} requests, {when}");
                let torn = scene.holdings(&objects).await?;
                ensure_never_both(&torn, &before, &after).with_context(|| context("before the repetition"))?;
                let store = Mounted::new(&objects, Death::Never)?;
                scene.redrive(&store, &fixed).await?;
                let whole = scene.holdings(&objects).await?;
                ensure!(whole.rows == after.rows, "{}: {:?}", context("afterwards"), whole.rows);
                let statuses = |holdings: &Holdings| -> Vec<_> {
                    holdings.letters.iter().map(|(position, (status, _))| (*position, *status)).collect()
                };
                ensure!(statuses(&whole) == statuses(&after), "{}: {:?}", context("afterwards"), whole.letters);
                Ok(())
            })?;
        }
    }
    Ok(after)
}

/// No letter is lost. An open letter has no row, a redriven one has its own rows, and no row is there twice.
fn ensure_never_both(torn: &Holdings, before: &Holdings, after: &Holdings) -> Result<()> {
    ensure!(torn.letters.keys().eq(before.letters.keys()), "letters are lost: {:?}", torn.letters);
    for (table, rows) in &torn.rows {
        for (position, count) in rows {
            ensure!(after.rows[table].get(position) == Some(count), "{table} has {count} rows of {position:?}");
        }
        let own = |position| rows.get(position).copied().unwrap_or_default();
        for (position, (status, _)) in &torn.letters {
            let wanted = after.rows[table].get(position).copied().unwrap_or_default();
            let right = match status {
                Status::Open => own(position) == 0,
                Status::Redriven => own(position) == wanted,
                Status::Redriving => true,
                Status::Discarded => false,
            };
            ensure!(right, "{position:?} is {status}, and {table} has {} rows of it", own(position));
        }
    }
    Ok(())
}

#[test]
fn many_at_once_beside_a_running_pipeline() -> Result<()> {
    let objects = Arc::new(InMemory::new());
    let scene = on_a_runtime(poisoned_orders(&objects))?;
    let fixed = scene.fixed()?;
    let calm = Arc::new(objects.fork());
    let expected = on_a_runtime(async {
        scene.redrive(&Mounted::new(&calm, Death::Never)?, &fixed).await?;
        scene.holdings(&calm).await
    })?;
    let more: Vec<Value> = (0..8).map(|offset| order(2, offset, json!({"poison": "panic"}))).collect();
    thread::scope(|threads| {
        let (scene, fixed, objects, more) = (&scene, &fixed, &objects, &more);
        let redrives: Vec<_> = (0..3)
            .map(|_| {
                // The future is made where it runs: a table's writer stays on one thread.
                threads.spawn(move || {
                    on_a_runtime(async {
                        let store = Mounted::new(objects, Death::Never)?;
                        scene.redrive(&store, fixed).await
                    })
                })
            })
            .collect();
        on_a_runtime(scene.bury(objects, more))?;
        for redrive in redrives {
            redrive.join().map_err(|_| anyhow::anyhow!("a redrive panicked"))??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    // One more redrive takes the letters that were buried after the others had read the table.
    let holdings = on_a_runtime(async {
        scene.redrive(&Mounted::new(&objects, Death::Never)?, &fixed).await?;
        scene.holdings(&objects).await
    })?;
    let rows = &holdings.rows["orders"];
    ensure!(rows.values().all(|count| *count == 1), "rows are doubled: {rows:?}");
    ensure!(rows.len() == expected.rows["orders"].len() + more.len(), "rows are lost: {rows:?}");
    let open = holdings.letters.values().filter(|(status, _)| *status == Status::Open).count();
    ensure!(open == 2, "{:?}", holdings.letters);
    Ok(())
}
