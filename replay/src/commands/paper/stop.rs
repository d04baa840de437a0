//! Requests to stop a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use betaflow_connectors::store::{Writer, WriterHandle};

use crate::host::Host;
use crate::terminal::tell;

/// Time to wait for a full disk after a request to stop.
const PATIENCE: Duration = Duration::from_secs(2);
/// Interval between checks.
const LOOK: Duration = Duration::from_millis(100);

/// Request to stop, by a signal, by a caller or by the clock; clones share it.
#[derive(Clone)]
pub(crate) struct Stop {
    host: Host,
    requested: Arc<AtomicBool>,
    at: Option<Instant>,
    /// True if the writer gave up because the disk stayed full.
    given_up: Arc<AtomicBool>,
}

impl Stop {
    /// Installs the signal handler. SIGINT, SIGTERM and the end of `run_for` stop the run after the current
    /// frame. A second signal ends the program at once; the state folder survives that. A caller has its own
    /// handler.
    ///
    /// # Errors
    /// The system refuses the signal handler.
    pub(crate) fn new(run_for: Option<Duration>, host: &Host) -> Result<Self> {
        let requested = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&requested);
        if !host.is_called() {
            ctrlc::set_handler(move || {
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                tell("stopping after the current frame; a second Ctrl-C ends the program at once");
            })?;
        }
        let at = run_for.map(|time| Instant::now() + time);
        Ok(Self { host: host.clone(), requested, at, given_up: Arc::default() })
    }

    /// True if the run must stop.
    pub(crate) fn is_due(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
            || self.host.is_interrupted()
            || self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// Makes the writer give up when the run must stop and the disk stays full. Uses its own thread, because
    /// all others wait for the disk.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub(crate) fn give_up_with(&self, writer: &Writer) -> Result<()> {
        let (stop, handle, give_up) = (self.clone(), writer.watch(), writer.give_up());
        std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
            let mut since = None;
            loop {
                std::thread::sleep(LOOK);
                match stop.is_due() && handle.is_in_trouble() {
                    false => since = None,
                    true if since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE => {
                        stop.given_up.store(true, Ordering::Relaxed);
                        give_up.store(true, Ordering::Relaxed);
                        return;
                    }
                    true => {}
                }
            }
        })?;
        Ok(())
    }

    /// Replaces an error of the run by its cause if the writer gave up.
    pub(crate) fn explain(&self, error: Error, handle: &WriterHandle) -> Error {
        match self.given_up.load(Ordering::Relaxed) {
            true => anyhow!(
                "{}: found a full disk ({}), expected room for the state: the run stopped without its last inputs; \
                 make room and start again with the same arguments: the run continues after the last recorded input",
                handle.database().display(),
                handle.trouble().unwrap_or_else(|| "no space left".to_owned())
            ),
            false => error,
        }
    }
}
