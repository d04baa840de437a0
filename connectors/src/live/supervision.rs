//! Which frames of a live feed may be traded on.

use betaflow_engine::frame::Supervision;
use betaflow_engine::time::TimestampNs;
use serde::{Deserialize, Serialize};

/// When a feed is not to be traded on; without limits it always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedLimits {
    /// Longest silence, in ns: the frame after a longer one is not traded on.
    pub silence_ns_max: Option<i64>,
    /// Most frames of a UTC date that may give way to later ones; beyond them nothing more is traded on that date.
    pub conflations_max: Option<u64>,
}

/// What the controls of a feed have said. All of it is on record, so the same inputs give the same frames.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Supervisor {
    silent: bool,
    resumed: bool,
    /// Conflated frames since the last message.
    conflated: u64,
    /// The date, in days since 1970, and its conflated frames.
    day: (i64, u64),
}

/// What a control says, as far as it matters here.
#[derive(Deserialize)]
pub(super) struct Said {
    pub(super) kind: String,
    #[serde(default)]
    seconds: f64,
    #[serde(default)]
    frames: u64,
}

impl Supervisor {
    /// Takes a control.
    pub(super) fn hear(&mut self, said: &Said, limits: &FeedLimits) {
        match said.kind.as_str() {
            "stale" => {
                self.silent |= limits.silence_ns_max.is_some_and(|max| said.seconds * 1e9 >= max as f64);
            }
            "conflated" => self.conflated = self.conflated.saturating_add(said.frames),
            "resume" => self.resumed = true,
            _ => {}
        }
    }

    /// What is to be said of the frame that is handed on now.
    pub(super) fn of_frame(&mut self, timestamp: TimestampNs, limits: &FeedLimits) -> Supervision {
        if self.day.0 != timestamp.date() {
            self.day = (timestamp.date(), 0);
        }
        self.day.1 += std::mem::take(&mut self.conflated);
        let silent = std::mem::take(&mut self.silent);
        if silent || limits.conflations_max.is_some_and(|max| self.day.1 > max) {
            // A request to resume waits for a frame that may be traded on.
            return Supervision::Halted;
        }
        match std::mem::take(&mut self.resumed) {
            true => Supervision::Resumed,
            false => Supervision::None,
        }
    }
}
