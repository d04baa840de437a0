//! Prices that stand still.

use crate::time::TimestampNs;

/// A run is flagged where chance would give it less often than this, by how often the close usually stays.
const CHANCE: f64 = 1e-9;
/// Shortest run of unchanged closes that is flagged.
const RUN_MIN: usize = 5;
/// Longest run that is waited for, however often the price stays.
const RUN_MAX: usize = 60;
/// Bars over which the frequency of unchanged closes is forgotten.
const MEMORY: f64 = 500.0;
/// What is assumed of an instrument at first: as if so many of so many bars had an unchanged close.
const PRIOR: (f64, f64) = (1.0, 20.0);

/// The run of equal closes of one instrument.
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
    /// Takes whether the close is that of the bar before, and calls `flag` with the time of each row that is stale
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

    /// Closes that must be equal in a row to be no accident.
    fn limit(&self) -> usize {
        let chance = (self.stayed / self.bars).clamp(1e-3, 0.999);
        // Between 0 and 20,000.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bars = libm::ceil(libm::log(CHANCE) / libm::log(chance)) as usize;
        bars.clamp(RUN_MIN, RUN_MAX)
    }

    #[cold]
    fn end(&mut self) {
        // One that was an outage says nothing about how often a price stays where it is.
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
        // The frequency never becomes a certainty that it stays or moves.
        self.stayed = self.stayed.max(0.05);
    }
}
