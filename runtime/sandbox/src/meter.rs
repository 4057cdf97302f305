//! What a call costs beside its instructions. Fuel is charged for host calls, by the call and by the byte, and a clock of
//! the processor ends a call whose instructions are dearer than those of any honest transform.
//!
//! The charges are the same on every machine. They must stay below what [`Limits::FUEL_PER_MILLISECOND`] says of a quick call:
//! a host call takes no processor less than 20 ns, and a byte no less than a twentieth.
//!
//! [`Limits::FUEL_PER_MILLISECOND`]: crate::Limits::FUEL_PER_MILLISECOND

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{AsContextMut as _, CallHook, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::instance::State;

/// Fuel for a call of the host.
const CALL_FUEL: u64 = 400;

/// Fuel for each byte that such a call hands over.
const BYTE_FUEL: u64 = 1;

/// What one call of the host may hand over.
pub(crate) const CALL_BYTES_MAX: usize = 16 << 20;

/// Processor time for one unit of fuel. Compiled wasm takes about half a nanosecond; only a guest that makes each instruction
/// wait for memory comes near this.
const NANOSECONDS_PER_FUEL: u64 = 4;

/// Says whether a worker is to return with what it has.
pub type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// The call took more of the processor than its fuel can account for.
#[derive(Debug, thiserror::Error)]
#[error("the call takes more than {0:?} of the processor")]
pub(crate) struct Overspent(Duration);

/// The walk wants to end: says nothing about a record.
#[derive(Debug, thiserror::Error)]
#[error("the walk is stopping")]
pub(crate) struct Stopped;

/// What an instance has used since it was last looked at.
pub(crate) struct Meter {
    calls: u64,
    bytes: u64,
    /// What a call's result may have in bytes.
    pub(crate) result_bytes_max: usize,
    stop: Option<Stop>,
    /// Processor time of this thread at which the call ends.
    deadline: Duration,
    allowed: Duration,
}

impl Meter {
    pub(crate) fn new(result_bytes_max: usize, stop: Option<Stop>) -> Self {
        Meter { calls: 0, bytes: 0, result_bytes_max, stop, deadline: Duration::MAX, allowed: Duration::MAX }
    }

    /// A call of the host, with so many bytes.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.calls += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// From now on a call may take so long.
    pub(crate) fn allow(&mut self, allowed: Duration) {
        self.allowed = allowed;
        self.deadline = processor_time().saturating_add(allowed);
    }

    /// Whether the call may go on.
    fn check(&self) -> wasmtime::Result<()> {
        if self.stop.as_ref().is_some_and(|stop| stop()) {
            return Err(Stopped.into());
        }
        match processor_time() > self.deadline {
            true => Err(Overspent(self.allowed).into()),
            false => Ok(()),
        }
    }

    fn take_charge(&mut self) -> u64 {
        let charge = self.calls.saturating_mul(CALL_FUEL).saturating_add(self.bytes.saturating_mul(BYTE_FUEL));
        (self.calls, self.bytes) = (0, 0);
        charge
    }
}

/// The processor time that goes with a budget of fuel.
pub(crate) fn processor_time_of(fuel: u64) -> Duration {
    Duration::from_nanos(fuel.saturating_mul(NANOSECONDS_PER_FUEL))
}

/// Bounds what calls of the host may hand over, and charges them where fuel is counted.
pub(crate) fn watch(store: &mut Store<State>, fuel: bool) {
    store.call_hook(move |mut store, hook| {
        match hook {
            CallHook::CallingHost => store.as_context_mut().set_hostcall_fuel(CALL_BYTES_MAX),
            CallHook::ReturningFromHost => {
                let result_bytes_max = store.data().meter.result_bytes_max;
                store.as_context_mut().set_hostcall_fuel(result_bytes_max);
                if fuel {
                    charge(store)?;
                }
            }
            CallHook::CallingWasm | CallHook::ReturningFromWasm => {}
        }
        Ok(())
    });
    if fuel {
        store.epoch_deadline_callback(|store| {
            store.data().meter.check()?;
            Ok(UpdateDeadline::Continue(1))
        });
    }
}

fn charge(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<()> {
    let charge = store.data_mut().meter.take_charge();
    if charge == 0 {
        // The clock, or a memory that grows: nothing that the guest has called.
        return Ok(());
    }
    match store.get_fuel()?.checked_sub(charge) {
        Some(left) => store.set_fuel(left),
        None => Err(Trap::OutOfFuel.into()),
    }
}

/// How long this thread has been running.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
}
