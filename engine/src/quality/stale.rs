//! Stale prices: runs of unchanged closes.

use crate::time::TimestampNs;

/// Probability of a run, given the usual frequency of unchanged closes, below which it is flagged.
const CHANCE: f64 = 1e-9;
/// Minimum length of a flagged run.
const RUN_MIN: usize = 5;
/// Length from which a run is flagged whatever its probability.
const RUN_MAX: usize = 60;
/// Memory of the frequency of unchanged closes, in bars.
const MEMORY: f64 = 500.0;
/// Prior of an instrument: unchanged closes, and bars.
const PRIOR: (f64, f64) = (1.0, 20.0);

/// Current run of equal closes of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Standstill {
    stayed: f64,
    bars: f64,
    run: Vec<TimestampNs>,
    length: usize,
    flagging: bool,
}

impl Default for Standstill {
    fn default() -> Self {
        Self { stayed: PRIOR.0, bars: PRIOR.1, run: Vec::new(), length: 0, flagging: false }
    }
}

impl Standstill {
    /// Adds a bar; `stayed`: its close equals the previous one. Calls `flag` with the time of each stale row
    /// and its place in the run.
    #[inline]
    pub(super) fn observe(
        &mut self,
        time: TimestampNs,
        stayed: bool,
        mut flag: impl FnMut(TimestampNs, usize),
    ) {
        if !stayed {
            self.learn(1.0, 0.0);
            if self.length > 0 {
                self.end();
            }
            return;
        }
        self.length += 1;
        if self.flagging {
            flag(time, self.length);
            return;
        }
        self.run.push(time);
        if self.length >= RUN_MIN && self.length >= self.limit() {
            self.flagging = true;
            self.run.drain(..).enumerate().for_each(|(i, time)| flag(time, i + 1));
        }
    }

    /// Length from which a run is flagged.
    fn limit(&self) -> usize {
        let chance = (self.stayed / self.bars).clamp(1e-3, 0.999);
        // Range: 0 to 20,000.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bars = libm::ceil(libm::log(CHANCE) / libm::log(chance)) as usize;
        bars.clamp(RUN_MIN, RUN_MAX)
    }

    #[cold]
    fn end(&mut self) {
        // A flagged run is an outage; it does not count towards the usual frequency.
        if !self.flagging {
            let length = self.length as f64;
            self.learn(length, length);
        }
        self.run.clear();
        (self.length, self.flagging) = (0, false);
    }

    #[inline]
    fn learn(&mut self, bars: f64, stayed: f64) {
        let keep = (1.0 - bars / MEMORY).max(0.0);
        self.stayed = self.stayed * keep + stayed;
        self.bars = self.bars * keep + bars;
        // Keeps the frequency above 0.
        self.stayed = self.stayed.max(0.05);
    }
}
