//! Limits within which frames of a live feed are traded.

use betaflow_engine::frame::Supervision;
use serde::{Deserialize, Serialize};

/// Limits beyond which a feed is not traded. A limit of `None` never binds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedLimits {
    /// Maximum silence, in ns: the frame after a longer one is not traded.
    pub silence_ns_max: Option<i64>,
    /// Maximum number of conflated frames per date; beyond it, later frames of the date are not traded.
    pub conflations_max: Option<u64>,
}

/// State of the supervision. It depends only on the recorded controls, so the same inputs give the same
/// frames.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Supervisor {
    silent: bool,
    resumed: bool,
    /// Conflated frames since the last emitted frame.
    conflated: u64,
    /// Date, in days since 1970, and its number of conflated frames.
    day: (i64, u64),
}

/// Parts of a control's body that the supervision uses.
#[derive(Deserialize)]
pub(super) struct ControlBody {
    pub(super) kind: String,
    #[serde(default)]
    seconds: f64,
    #[serde(default)]
    frames: u64,
}

impl Supervisor {
    /// Updates the state with a control.
    pub(super) fn hear(&mut self, body: &ControlBody, limits: &FeedLimits) {
        match body.kind.as_str() {
            "stale" => {
                self.silent |= limits.silence_ns_max.is_some_and(|max| body.seconds * 1e9 >= max as f64);
            }
            "conflated" => self.conflated = self.conflated.saturating_add(body.frames),
            "resume" => self.resumed = true,
            _ => {}
        }
    }

    /// Returns the supervision flag of the frame emitted now, of a local date in days since 1970.
    pub(super) fn of_frame(&mut self, date: i64, limits: &FeedLimits) -> Supervision {
        if self.day.0 != date {
            self.day = (date, 0);
        }
        self.day.1 += std::mem::take(&mut self.conflated);
        let silent = std::mem::take(&mut self.silent);
        if silent || limits.conflations_max.is_some_and(|max| self.day.1 > max) {
            // A request to resume stays pending until a frame may be traded.
            return Supervision::Halted;
        }
        match std::mem::take(&mut self.resumed) {
            true => Supervision::Resumed,
            false => Supervision::None,
        }
    }
}
