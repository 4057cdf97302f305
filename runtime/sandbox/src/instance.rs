//! One live instance of a transform: a store, its limits, and the calls of the world.
//!
//! It makes one call and says how it ended. What that means for the records is the worker's to judge.

use std::sync::Arc;
use std::time::Duration;

use crate::batch::{Batch, ByteStrings};
use crate::bindings::sluicebox::transform::log::{self, Level};
use crate::bindings::sluicebox::transform::{columns, description, input, limits, output, types};
use crate::bindings::{Transform as World, TransformPre as WorldPre, wire};
use crate::bounded::{MESSAGE_BYTES_MAX, cut, explained};
use crate::engine::EPOCH;
use crate::failure::{self, Trapped};
use crate::guest_log::GuestLog;
use crate::limits::Limits;
use crate::log_allowance::LogAllowance;
use crate::memory_limiter::MemoryLimiter;
use crate::meter::{self, Meter, Overspent, Stop, Stopped, processor_time_of};
use crate::outcome::Strings;
use crate::wasi::Wasi;

/// Time to instantiate, describe and configure, together. Interpreters take milliseconds; no record is at stake.
pub(crate) const START_DURATION_MAX: Duration = Duration::from_secs(5);

/// What a description or the refusal of a configuration may have in bytes, as the host holds it.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 8 << 20;

/// Room beside the rows in what one call may hand to the host: verdicts, and the lists' own headers.
const HOSTCALL_SLACK_BYTES: u64 = 8 << 20;

/// What the host keeps for an instance.
pub(crate) struct State {
    pub(crate) memory: MemoryLimiter,
    pub(crate) log: GuestLog,
    pub(crate) meter: Meter,
    wasi: Option<Box<Wasi>>,
}

/// A transform compiled for one engine, linked, ready to be instantiated.
pub(crate) struct Compiled {
    pub(crate) world: WorldPre<State>,
    /// Whether its engine counts fuel, or else epochs.
    pub(crate) fuel: bool,
}

/// What an instance shares with others.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) log_allowance: Arc<LogAllowance>,
    /// Log lines that are welcome before the first batch.
    pub(crate) log_lines: u64,
    pub(crate) stop: Option<Stop>,
}

/// Why an instance does not start.
#[derive(Debug)]
pub(crate) enum StartError {
    /// It traps, or needs more than the limits allow.
    Guest(String),
    /// It refuses the configuration.
    Refused(String),
    /// The host's own trouble.
    Host(String),
    /// The walk wants to end.
    Stopped,
}

pub(crate) struct Instance {
    store: wasmtime::Store<State>,
    world: World,
    fuel: bool,
    call_epochs: u64,
    record_fuel_max: u64,
    result_bytes_max: usize,
    calls: u64,
    returned_bytes: u64,
}

impl Instance {
    /// Instantiates; the transform has not been configured yet.
    pub(crate) fn start(
        compiled: &Compiled,
        limits: &Limits,
        surroundings: Surroundings,
    ) -> Result<Instance, StartError> {
        let Surroundings { log_allowance, log_lines, stop } = surroundings;
        let mut meter = Meter::new(DESCRIPTION_BYTES_MAX, stop);
        meter.allow(START_DURATION_MAX);
        let state = State {
            memory: MemoryLimiter::new(limits.memory_bytes_max),
            log: GuestLog::new(limits, log_lines, log_allowance),
            meter,
            wasi: None,
        };
        let mut store = wasmtime::Store::new(compiled.world.engine(), state);
        store.limiter(|state| &mut state.memory);
        // Bounds what the host allocates for a call's result, before `validate` sees any of it.
        store.set_hostcall_fuel(DESCRIPTION_BYTES_MAX);
        meter::watch(&mut store, compiled.fuel);
        if compiled.fuel {
            // A new store has no fuel at all, so even `instantiate` would trap. No record has caused what a start takes.
            store.set_fuel(u64::MAX).map_err(|error| StartError::Host(explained(&error)))?;
            store.set_epoch_deadline(1);
        } else {
            store.set_epoch_deadline(epochs(START_DURATION_MAX));
        }
        let world = compiled.world.instantiate(&mut store).map_err(|error| start_error(&error, &mut store))?;
        let result_bytes_max = limits.batch_output_bytes_max.saturating_add(HOSTCALL_SLACK_BYTES);
        Ok(Instance {
            store,
            world,
            fuel: compiled.fuel,
            call_epochs: epochs(limits.call_duration_max),
            record_fuel_max: limits.record_fuel_max,
            result_bytes_max: usize::try_from(result_bytes_max).unwrap_or(usize::MAX),
            calls: 0,
            returned_bytes: 0,
        })
    }

    /// Instantiates and configures.
    pub(crate) fn configured(
        compiled: &Compiled,
        limits: &Limits,
        configuration: &str,
        surroundings: Surroundings,
    ) -> Result<Instance, StartError> {
        let mut instance = Instance::start(compiled, limits, surroundings)?;
        match instance.world.call_configure(&mut instance.store, configuration, told(limits)) {
            Ok(Ok(())) => {
                instance.store.set_hostcall_fuel(instance.result_bytes_max);
                instance.store.data_mut().meter.result_bytes_max = instance.result_bytes_max;
                Ok(instance)
            }
            Ok(Err(refusal)) => Err(StartError::Refused(cut(&refusal, MESSAGE_BYTES_MAX).to_owned())),
            Err(error) => Err(instance.start_failure(&error)),
        }
    }

    /// What the transform says of itself.
    pub(crate) fn describe(&mut self) -> Result<wire::Description, StartError> {
        self.world.call_describe(&mut self.store).map_err(|error| self.start_failure(&error))
    }

    /// Has a batch processed. After an error the instance is broken, and must not be called again.
    pub(crate) fn process(&mut self, batch: &Batch) -> Result<wire::Outcome, Trapped> {
        self.calls += 1;
        if self.fuel {
            self.store.set_fuel(self.record_fuel_max).map_err(|error| Trapped::Host(explained(&error)))?;
            self.store.data_mut().meter.allow(processor_time_of(self.record_fuel_max));
        } else {
            self.store.set_epoch_deadline(self.call_epochs);
        }
        let outcome = self.world.call_process(&mut self.store, lower(batch));
        // Before the error is read: a traceback on stderr becomes its message.
        self.store.data_mut().log_output();
        outcome.map_err(|error| failure::read(&error, self.store.data_mut(), batch.len()))
    }

    /// The host's side of it.
    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Whether it has processed nothing yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.calls == 0
    }

    /// Whether fuel interrupts it, not the clock.
    pub(crate) fn counts_fuel(&self) -> bool {
        self.fuel
    }

    /// Notes what a call returned; guests in Python and JavaScript leak it. Returns the sum so far.
    pub(crate) fn note_returned(&mut self, bytes: u64) -> u64 {
        self.returned_bytes += bytes;
        self.returned_bytes
    }

    fn start_failure(&mut self, error: &wasmtime::Error) -> StartError {
        start_failure(error, self.store.data_mut())
    }
}

/// What instantiation, `describe` or `configure` ended with.
fn start_failure(error: &wasmtime::Error, state: &mut State) -> StartError {
    let too_long = || StartError::Guest(format!("takes longer than {START_DURATION_MAX:?}"));
    if error.is::<Overspent>() {
        return too_long();
    }
    // No records: the guest can blame none of them here, no matter which index it names.
    match failure::read(error, state, 0) {
        Trapped::Host(message) => StartError::Host(message),
        Trapped::Interrupted => too_long(),
        Trapped::Stopped => StartError::Stopped,
        Trapped::Confessed(_, failure) | Trapped::Failed(failure, _) => {
            let backtrace = failure.backtrace.map(|text| format!("\n{text}")).unwrap_or_default();
            StartError::Guest(format!("{} ({}){backtrace}", failure.message, failure.code))
        }
    }
}

fn start_error(error: &wasmtime::Error, store: &mut wasmtime::Store<State>) -> StartError {
    // All slots of the pool are taken: that says nothing about this guest.
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return StartError::Host(explained(error));
    }
    match error.is::<wasmtime::Trap>() || error.is::<Overspent>() || error.is::<Stopped>() {
        true => start_failure(error, store.data_mut()),
        false => StartError::Guest(explained(error)),
    }
}

/// So many ticks that at least this long has passed.
fn epochs(duration: Duration) -> u64 {
    // One more than the duration has: the epoch that is under way may end at once.
    u64::try_from(duration.as_nanos().div_ceil(EPOCH.as_nanos())).unwrap_or(u64::MAX - 1) + 1
}

/// The batch as it is lowered: borrowed, nothing copied on the host's side.
fn lower(batch: &Batch) -> input::Batch<'_> {
    input::Batch {
        source: &batch.source,
        topic: &batch.topic,
        partition: batch.partition,
        offsets: &batch.offsets,
        positions: strings(&batch.positions),
        timestamps: &batch.timestamps,
        keys: byte_strings(&batch.keys),
        values: byte_strings(&batch.values),
        headers: input::Headers {
            ends: &batch.headers.ends,
            names: byte_strings(&batch.headers.names),
            values: byte_strings(&batch.headers.values),
        },
        // `describe` has refused transforms that ask for some.
        columns: &[],
    }
}

/// The limits as the transform is told them.
fn told(limits: &Limits) -> limits::Limits {
    limits::Limits {
        memory_bytes: limits.memory_bytes_max,
        call_output_bytes: limits.batch_output_bytes_max,
        record_output_bytes: limits.record_output_bytes_max,
        record_rows: limits.record_rows_max,
        record_fuel: limits.record_fuel_max,
        batch_log_lines: limits.batch_log_lines_max,
        log_line_bytes: limits.log_line_bytes_max,
    }
}

fn byte_strings(strings: &ByteStrings) -> columns::ByteStringsParam<'_> {
    columns::ByteStringsParam { data: &strings.data, ends: &strings.ends, nulls: &strings.nulls }
}

fn strings(strings: &Strings) -> columns::StringsParam<'_> {
    columns::StringsParam { data: &strings.data, ends: &strings.ends }
}

impl State {
    /// Its WASI, made when first asked for: most transforms have none.
    pub(crate) fn wasi(&mut self) -> &mut Wasi {
        // Each of its functions comes by here.
        self.meter.count(0);
        self.wasi.get_or_insert_with(|| Box::new(Wasi::new()))
    }

    /// What the guest printed becomes log lines.
    fn log_output(&mut self) {
        let Some(wasi) = &mut self.wasi else { return };
        wasi.look();
        for line in wasi.printed().lines().filter(|line| !line.trim().is_empty()) {
            self.log.write(Level::Info, line);
        }
    }

    /// What the guest printed in its last call: an interpreter's traceback goes there, and only there.
    pub(crate) fn said_on_stderr(&self) -> Option<String> {
        let printed = self.wasi.as_ref()?.printed().trim();
        (!printed.is_empty()).then(|| printed.to_owned())
    }
}

// These interfaces have types only.
impl columns::Host for State {}
impl description::Host for State {}
impl input::Host for State {}
impl limits::Host for State {}
impl output::Host for State {}
impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: Level, message: String) {
        self.meter.count(message.len());
        self.log.write(level, &message);
    }

    fn last_words(&mut self, message: String, record: Option<u32>) {
        self.meter.count(message.len());
        self.log.set_last_words(&message, record);
    }
}
