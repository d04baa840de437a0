//! Window of the last values of all instruments, one row per frame.

use std::collections::VecDeque;

use betaflow_engine::settings::Calendar;
use serde::{Deserialize, Serialize};

/// At most one in this many values of a window may be missing.
const MISSING: usize = 10;

/// Window of the last values of all instruments; a row has the length of the instruments of its frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Window {
    rows: VecDeque<Vec<f64>>,
}

/// Length in frames of a window in days, at least `least`.
pub(crate) fn frames(days: f64, calendar: &Calendar, least: usize) -> usize {
    let frames = libm::round(days * f64::from(calendar.frames_per_day));
    (frames as usize).max(least)
}

impl Window {
    /// Adds the values of a frame and removes the oldest beyond `window` frames.
    pub(crate) fn push(&mut self, values: &[f64], window: usize) {
        let mut row = if self.len() >= window { self.rows.pop_front() } else { None }.unwrap_or_default();
        row.clear();
        row.extend_from_slice(values);
        self.rows.push_back(row);
    }

    /// Number of frames in the window.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Writes the known values of an instrument, the oldest first. Returns false if the window is not full, or
    /// fewer than nine in ten values are known.
    pub(crate) fn write_known(&self, instrument: usize, window: usize, out: &mut Vec<f64>) -> bool {
        out.clear();
        let values = self.rows.iter().filter_map(|row| row.get(instrument)).copied();
        out.extend(values.filter(|value| !value.is_nan()));
        self.len() >= window && self.len() - out.len() <= window / MISSING
    }

    /// Returns the tradable instruments with at least nine in ten values of a full window, and those values in
    /// rows. A missing value counts as 0.
    pub(crate) fn whole(&self, window: usize, tradable: &[bool]) -> (Vec<usize>, Vec<f64>) {
        if self.len() < window {
            return Default::default();
        }
        let missing = |i: usize| self.rows.iter().filter(|row| row.get(i).is_none_or(|r| r.is_nan())).count();
        let chosen: Vec<usize> =
            (0..tradable.len()).filter(|&i| tradable[i] && missing(i) <= window / MISSING).collect();
        let known = |r: f64| if r.is_nan() { 0.0 } else { r };
        let value = |row: &Vec<f64>, i: usize| row.get(i).map_or(0.0, |r| known(*r));
        let values = self.rows.iter().flat_map(|row| chosen.iter().map(|&i| value(row, i))).collect();
        (chosen, values)
    }
}
