//! Timing of a run by stage.

use std::fmt;
use std::sync::Arc;

/// Nanoseconds on a monotonic scale. The program supplies it; the engine reads no clock.
pub type Clock = fn() -> u64;

/// Clock of runs without timing: always 0.
#[must_use]
pub fn no_clock() -> u64 {
    0
}

/// Observes each handled message, on the thread of its stage. It cannot change the run.
pub trait Watch: Send + Sync {
    /// Called after each handled message.
    fn handled(&self, handled: Handled);
}

/// Timing of a message that a stage has handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handled {
    /// Name of the stage.
    pub stage: &'static str,
    /// Kind of the message, such as `frames`, `estimates`, `portfolio`, `decision` or `ledger`.
    pub message: &'static str,
    /// Messages waiting at that inlet when it was read, including this one.
    pub waiting: usize,
    /// Time at which handling began, by the clock of the run.
    pub begun_ns: u64,
    /// Time at which handling ended.
    pub ended_ns: u64,
}

/// Observer of a run.
#[derive(Clone)]
pub struct Watcher(pub Arc<dyn Watch>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// Clock and observer of a run.
#[derive(Clone)]
pub(super) struct Timer {
    pub(super) clock: Clock,
    pub(super) watch: Option<Watcher>,
}

impl Timer {
    pub(super) fn now(&self) -> u64 {
        (self.clock)()
    }

    pub(super) fn notify(&self, handled: Handled) {
        if let Some(Watcher(watch)) = &self.watch {
            watch.handled(handled);
        }
    }
}

/// Counters of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageTiming {
    /// Name of the stage.
    pub stage: &'static str,
    /// Messages handled.
    pub messages: u64,
    /// Time spent in the stage's own code.
    pub handling_ns: u64,
    /// Time for which its thread waited on this stage's channels; stages of one group that wait together
    /// share it.
    pub blocked_ns: u64,
    /// Most messages waiting at the inlet when it was read.
    pub depth_max: usize,
    depth_sum: u64,
    depth_count: u64,
}

impl StageTiming {
    pub(super) fn new(stage: &'static str) -> Self {
        Self { stage, messages: 0, handling_ns: 0, blocked_ns: 0, depth_max: 0, depth_sum: 0, depth_count: 0 }
    }

    pub(super) fn handled(&mut self, ns: u64) {
        self.messages += 1;
        self.handling_ns += ns;
    }

    pub(super) fn saw_depth(&mut self, depth: usize) {
        self.depth_max = self.depth_max.max(depth);
        self.depth_sum += depth as u64;
        self.depth_count += 1;
    }

    /// Mean number of messages waiting at the inlet when it was read.
    #[must_use]
    pub fn depth_mean(&self) -> f64 {
        self.depth_sum as f64 / (self.depth_count as f64).max(1.0)
    }
}
