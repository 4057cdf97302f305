//! Ctrl-C in the middle of the demo: the worker must not outlive its brokers, which live in this process, and a temporary
//! folder goes with them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use sluicebox_console::exit::{Blame as _, Failure};

/// The exit code of a process that SIGINT ends.
const INTERRUPTED: i32 = 130;

/// The process id of the running worker; 0 if none runs.
static WORKER: AtomicI32 = AtomicI32::new(0);

/// Notes the worker that an interrupt has to end; 0 for none.
pub(super) fn note_worker(process_id: u32) {
    WORKER.store(i32::try_from(process_id).unwrap_or_default(), Ordering::SeqCst);
}

/// From now on, SIGINT kills the worker and ends this process. It deletes `temporary` before.
pub(super) fn clean_up_on_interrupt(temporary: Option<PathBuf>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let waiting = std::thread::Builder::new().name("interrupt".to_owned());
    waiting
        .spawn(move || {
            // Without a handler, SIGINT ends the process as it does everywhere.
            if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
                return;
            }
            // Before the folder goes, into which the worker would go on writing.
            if let Some(worker) = Pid::from_raw(WORKER.load(Ordering::SeqCst)) {
                // It fails only if the worker has ended already.
                kill_process(worker, Signal::KILL).unwrap_or_default();
            }
            if let Some(folder) = temporary {
                // What cannot be deleted stays among the temporary files.
                drop(std::fs::remove_dir_all(folder));
            }
            std::process::exit(INTERRUPTED);
        })
        .environment("cannot start a thread")?;
    Ok(())
}
