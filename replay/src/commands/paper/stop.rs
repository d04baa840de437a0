//! Requests to stop a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use betaflow_connectors::store::{Writer, WriterHandle};

/// How long a full disk is waited for once the run is to stop.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A request by a signal or by the clock; clones share it.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    at: Option<Instant>,
    /// Whether the record was given up because the disk stayed full.
    given_up: Arc<AtomicBool>,
}

impl Stop {
    /// SIGINT and SIGTERM finish the frame at hand; so does the end of the time given. A second signal ends the program
    /// at once: its state survives that.
    ///
    /// # Errors
    /// The system takes no handler.
    pub(crate) fn new(run_for: Option<Duration>) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })?;
        let at = run_for.map(|time| Instant::now() + time);
        Ok(Self { asked, at, given_up: Arc::default() })
    }

    /// Whether it is time.
    pub(crate) fn is_due(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// Has the writer give up where it is time to stop and the disk stays full, on a thread of its own: everything else
    /// waits for the disk then.
    ///
    /// # Errors
    /// The system refuses a thread.
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

    /// An error of the run, or what led to it: a record that was given up.
    pub(crate) fn explain(&self, error: Error, handle: &WriterHandle) -> Error {
        match self.given_up.load(Ordering::Relaxed) {
            true => anyhow!(
                "{}: found a disk that takes no more ({}), expected room for the state: the run was to stop and has ended \
                 without its last inputs; make room, and start it again with the same arguments: it goes on behind what is \
                 on record",
                handle.database().display(),
                handle.trouble().unwrap_or_else(|| "no space left".to_owned())
            ),
            false => error,
        }
    }
}
