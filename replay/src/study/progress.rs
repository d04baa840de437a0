//! Progress line of a study.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::host::Host;

/// Interval between two drawings.
const INTERVAL: Duration = Duration::from_millis(200);

/// Number of frames that the scenarios of a study have processed.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    frames: AtomicU64,
}

impl Meter {
    /// Adds one frame of `scenarios` scenarios.
    pub(crate) fn add(&self, scenarios: u64) {
        self.frames.fetch_add(scenarios, Ordering::Relaxed);
    }
}

/// Progress line with the time left, drawn by its own thread until dropped; silent without a terminal.
pub(crate) struct StudyLine {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StudyLine {
    /// Starts the line of `scenarios` scenarios with `frames` frames each; a caller reads the numbers instead.
    pub(crate) fn start(host: &Host, meter: Arc<Meter>, scenarios: usize, frames: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let total = (scenarios as u64 * frames).max(1);
        if let Some(shown) = host.progress() {
            let (shown, until) = (Arc::clone(shown), Arc::clone(&stop));
            let report = move || {
                while !until.load(Ordering::Relaxed) {
                    shown.set(meter.frames.load(Ordering::Relaxed).min(total), total);
                    std::thread::park_timeout(INTERVAL);
                }
            };
            return Self { stop, thread: Some(std::thread::spawn(report)) };
        }
        let draw = move || {
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
                bar.set_style(style);
            }
            bar.set_message(format!("of {scenarios} scenarios"));
            while !stopped.load(Ordering::Relaxed) {
                bar.set_position(meter.frames.load(Ordering::Relaxed).min(total));
                std::thread::park_timeout(INTERVAL);
            }
            bar.finish_and_clear();
        };
        let thread = std::io::stderr().is_terminal().then(|| std::thread::spawn(draw));
        Self { stop, thread }
    }
}

impl Drop for StudyLine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A failure to draw does not fail the run.
            let _ = thread.join();
        }
    }
}
