//! Progress line on standard error, if that is a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use betaflow_connectors::Progress;
use betaflow_engine::frame::Frame;
use betaflow_engine::source::{DataFacts, Source, SourceError};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use crate::host::Host;

/// Interval between two drawings.
const INTERVAL: Duration = Duration::from_millis(100);

/// Parts of the data in which a caller reads the progress.
const SHARES: f64 = 1e6;

/// Source that counts its frames.
pub(crate) struct Counted<S> {
    inner: S,
    frames: Arc<AtomicU64>,
}

impl<S: Source> Counted<S> {
    /// Wraps a source; returns the counter of its frames.
    pub(crate) fn new(inner: S) -> (Self, Arc<AtomicU64>) {
        let frames = Arc::new(AtomicU64::new(0));
        (Self { inner, frames: Arc::clone(&frames) }, frames)
    }
}

impl<S: Source> Source for Counted<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let more = self.inner.next_frame(frame)?;
        self.frames.fetch_add(u64::from(more), Ordering::Relaxed);
        Ok(more)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}

/// Progress line, drawn by its own thread until dropped.
pub(crate) struct Line {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// Starts drawing if standard error is a terminal; a caller reads the numbers instead.
    pub(crate) fn start(host: &Host, progress: Arc<Progress>, frames: Arc<AtomicU64>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        if let Some(shown) = host.progress() {
            let (shown, until) = (Arc::clone(shown), Arc::clone(&stop));
            let report = move || {
                while !until.load(Ordering::Relaxed) {
                    shown.set((progress.share() * SHARES) as u64, SHARES as u64);
                    std::thread::park_timeout(INTERVAL);
                }
            };
            return Self { stop, thread: Some(std::thread::spawn(report)) };
        }
        let thread = std::io::stderr().is_terminal().then(|| {
            std::thread::spawn(move || {
                let bar = ProgressBar::new(1_000);
                if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left")
                {
                    bar.set_style(style);
                }
                let started = Instant::now();
                while !stopped.load(Ordering::Relaxed) {
                    let rows = progress.rows() as f64;
                    let rate = rows / started.elapsed().as_secs_f64().max(1e-9);
                    bar.set_position((progress.share() * 1_000.0) as u64);
                    let frames = frames.load(Ordering::Relaxed);
                    bar.set_message(format!("{frames} frames, {:.1} million rows/s", rate * 1e-6));
                    std::thread::park_timeout(INTERVAL);
                }
                bar.finish_and_clear();
            })
        });
        Self { stop, thread }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A failure to draw does not fail the run.
            let _ = thread.join();
        }
    }
}

/// Progress bar of `count` steps that the caller advances; shown only on a terminal.
pub(crate) fn steps(count: usize, of_what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(count as u64).with_finish(ProgressFinish::AndClear).with_message(of_what);
    match ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}  {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
