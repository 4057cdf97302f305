//! From an error of wasmtime to what it says about the records of the call.

use std::fmt;

use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use crate::bisect::Clue;
use crate::bounded::{MESSAGE_BYTES_MAX, cut, explained, said};
use crate::code;
use crate::instance::{DESCRIPTION_BYTES_MAX, State};
use crate::memory_limiter::HostMemoryExhausted;
use crate::meter::{CALL_BYTES_MAX, Overspent, Stopped};

/// Bytes of a guest's backtrace that are kept.
const BACKTRACE_BYTES_MAX: usize = 4096;

/// Bytes of a name that are looked at: a mangled name may stand for one that is a million times as long.
const NAME_BYTES_MAX: usize = 512;

/// Why a call failed: what a dead letter will tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) backtrace: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: String) -> Self {
        Failure { code, message, backtrace: None }
    }
}

/// How a call ended that returned nothing.
#[derive(Debug)]
pub(crate) enum Trapped {
    /// The guest blames itself for this record.
    Confessed(usize, Failure),
    /// The guest or the sandbox gave up.
    Failed(Failure, Clue),
    /// The call took too long.
    Interrupted,
    /// The walk wants to end.
    Stopped,
    /// The host's own trouble.
    Host(String),
}

/// Reads the error of a call with `records` records.
pub(crate) fn read(error: &wasmtime::Error, state: &mut State, records: usize) -> Trapped {
    // First of all: the machine lacks memory, and no record is to blame for what the guest did then.
    if error.is::<HostMemoryExhausted>() {
        return Trapped::Host(explained(error));
    }
    if error.is::<Stopped>() {
        return Trapped::Stopped;
    }
    let trap = error.downcast_ref::<Trap>().copied();
    let backtrace = error.downcast_ref::<WasmBacktrace>().and_then(backtrace);
    let words = state.log.take_last_words();
    // The index comes from the guest: one that lies outside of the batch blames no record.
    let culprit = words.as_ref().and_then(|words| words.record).filter(|&record| record < records);
    let said = words.map(|words| words.message).or_else(|| state.said_on_stderr());
    if let Some(overspent) = error.downcast_ref::<Overspent>() {
        let message = format!("{overspent}, more than limits.record_fuel_max stands for");
        return Trapped::Failed(Failure { code: code::LIMIT_FUEL, message, backtrace }, Clue::Culprit);
    }
    // Before the trap is looked at: a guest that is refused memory mostly traps, and the cause is the limit.
    if state.memory.refused() {
        let message = said.unwrap_or_else(|| "the transform was refused memory and gave up".to_owned());
        let failure = Failure { code: code::LIMIT_MEMORY, message, backtrace };
        return Trapped::Failed(failure, culprit.map_or(Clue::TooMuch, Clue::Suspect));
    }
    match trap {
        Some(Trap::Interrupt) => Trapped::Interrupted,
        Some(Trap::OutOfFuel) => {
            let message = "the record needs more than limits.record_fuel_max".to_owned();
            Trapped::Failed(Failure { code: code::LIMIT_FUEL, message, backtrace }, Clue::Culprit)
        }
        // Rust's abort is `unreachable`; without a word before it, the guest did not panic of its own will.
        Some(Trap::UnreachableCodeReached) if said.is_some() => {
            let failure = Failure { code: code::PANIC, message: said.unwrap_or_default(), backtrace };
            match culprit {
                Some(record) => Trapped::Confessed(record, failure),
                None => Trapped::Failed(failure, Clue::Culprit),
            }
        }
        Some(trap) => {
            let message = trap.to_string().trim_start_matches("wasm trap: ").to_owned();
            Trapped::Failed(Failure { code: code::of_trap(trap), message, backtrace }, Clue::Culprit)
        }
        None => without_trap(error, records, said, backtrace),
    }
}

/// The guest's code did not trap; what it handed to the host was not acceptable.
fn without_trap(error: &wasmtime::Error, records: usize, words: Option<String>, backtrace: Option<String>) -> Trapped {
    let message = said_by(error);
    // wasmtime keeps the type of this error to itself; `tests/behaviours.rs` notices if the words change.
    if message.contains("fuel allocated for hostcalls") {
        // With guest frames on the stack it was a call of the host.
        if backtrace.is_some() || records == 0 {
            let bytes_max = if backtrace.is_some() { CALL_BYTES_MAX } else { DESCRIPTION_BYTES_MAX };
            let message = format!("it hands over more than {bytes_max} bytes");
            return Trapped::Failed(Failure { code: "trap_other", message, backtrace }, Clue::Culprit);
        }
        let message = "the outcome exceeds limits.batch_output_bytes_max".to_owned();
        return Trapped::Failed(Failure { code: code::LIMIT_OUTPUT_BYTES, message, backtrace }, Clue::TooMuch);
    }
    // With guest frames on the stack it was an argument of an import, without them the outcome.
    let code = if backtrace.is_some() { "trap_other" } else { code::MALFORMED_OUTCOME };
    let message = words.map_or_else(|| message.clone(), |words| format!("{message}: {words}"));
    Trapped::Failed(Failure { code, message, backtrace }, Clue::Culprit)
}

fn said_by(error: &wasmtime::Error) -> String {
    said(error.root_cause(), MESSAGE_BYTES_MAX)
}

/// The guest's frames, innermost first, Rust's names demangled. wasmtime's own way to show them has no bound.
fn backtrace(backtrace: &WasmBacktrace) -> Option<String> {
    if backtrace.frames().is_empty() {
        return None;
    }
    Some(said(Frames(backtrace.frames()), BACKTRACE_BYTES_MAX))
}

struct Frames<'a>(&'a [FrameInfo]);

impl fmt::Display for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, frame) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            let module = cut(frame.module().name().unwrap_or("<unknown>"), NAME_BYTES_MAX);
            write!(f, "{end}{index}: {:#8x} - {module}!", frame.module_offset().unwrap_or_default())?;
            match frame.func_name() {
                Some(name) => write!(f, "{:#}", rustc_demangle::demangle(cut(name, NAME_BYTES_MAX)))?,
                None => write!(f, "<wasm function {}>", frame.func_index())?,
            }
        }
        Ok(())
    }
}
