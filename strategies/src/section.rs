//! Cross-section of the user's numbers in force, and its age.

use betaflow_engine::frame::CrossSection;
use betaflow_engine::settings::Calendar;
use betaflow_engine::strategy::StrategyFacts;
use betaflow_engine::time::TimestampNs;
use serde::{Deserialize, Serialize};

/// Validity of a section on a rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// No section is known yet.
    Unknown,
    /// The last section is too old.
    Expired,
    /// The section is in force.
    Valid,
}

/// Last cross-section that became known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    /// Values in engine order; NaN if absent.
    pub(crate) values: Vec<f64>,
    /// Their standard deviations; empty without any.
    pub(crate) sds: Vec<f64>,
    pub(crate) facts: StrategyFacts,
    of: Option<TimestampNs>,
    /// Number of the frame on which it became known.
    since: u64,
    /// True once a rebalance has used it.
    used: bool,
}

impl Section {
    /// Replaces the section by one that becomes known on the frame `seq`; returns false if it only adds rows to the
    /// section in force.
    pub(crate) fn take(&mut self, section: &CrossSection, seq: u64) -> bool {
        self.values.clear();
        self.values.extend_from_slice(section.column(0));
        self.sds.clear();
        self.sds.extend_from_slice(section.column(1));
        let new = section.of != self.of;
        if new {
            (self.of, self.since, self.used) = (section.of, seq, false);
        }
        new
    }

    /// Frames since the section became known.
    pub(crate) fn age(&self, seq: u64) -> u64 {
        seq.saturating_sub(self.since)
    }

    /// Status on a rebalance, which is counted. `valid_for`: frames.
    pub(crate) fn act(&mut self, seq: u64, valid_for: f64) -> Status {
        if self.of.is_none() {
            self.facts.before_first += 1;
            return Status::Unknown;
        }
        if self.age(seq) as f64 >= valid_for {
            self.facts.expired += 1;
            return Status::Expired;
        }
        self.facts.sections += u64::from(!std::mem::replace(&mut self.used, true));
        Status::Valid
    }
}

/// Frames of a number of days, at least one.
pub(crate) fn frames(days: f64, calendar: &Calendar) -> f64 {
    (days * f64::from(calendar.frames_per_day)).round().max(1.0)
}
