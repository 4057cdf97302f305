//! Compiles a component for a processor that need not be this one.

use wasmtime::Engine;

use crate::engine::{Metering, code_config};
use crate::forms::Forms;
use crate::target::Target;

/// The machine code of a component for a target, one form for each way to meter it.
pub(crate) fn precompile(wasm: &[u8], target: Target) -> wasmtime::Result<Forms> {
    let [epochs, fuel] = [Metering::Epochs, Metering::Fuel].map(|metering| form(wasm, target, metering));
    Ok(Forms::new(epochs?, fuel?))
}

fn form(wasm: &[u8], target: Target, metering: Metering) -> wasmtime::Result<Vec<u8>> {
    let mut config = code_config(metering)?;
    config.target(target.triple())?;
    for feature in target.cpu_features() {
        #[expect(unsafe_code, reason = "Cranelift has no other way to name a processor's features")]
        // SAFETY: code that uses a feature is dangerous on a processor that lacks it. wasmtime writes the features into what
        // it compiles, and asks the processor for each of them before it runs that.
        unsafe {
            config.cranelift_flag_enable(feature);
        }
    }
    Engine::new(&config)?.precompile_component(wasm)
}
