//! Progress of a study on a terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Interval between two drawings of the line.
const INTERVAL: Duration = Duration::from_millis(200);

/// Frames of scenarios that are behind a study.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    frames: AtomicU64,
}

impl Meter {
    /// So many scenarios have been given another frame.
    pub(crate) fn add(&self, scenarios: u64) {
        self.frames.fetch_add(scenarios, Ordering::Relaxed);
    }
}

/// A line with the time left, drawn from a thread of its own until dropped; none where there is no terminal.
pub(crate) struct StudyLine {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StudyLine {
    /// Starts the line of `scenarios` scenarios over `frames` frames each.
    pub(crate) fn start(meter: Arc<Meter>, scenarios: usize, frames: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let total = (scenarios as u64 * frames).max(1);
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
            // A failure to draw is no failure of the run.
            let _ = thread.join();
        }
    }
}
