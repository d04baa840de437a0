//! Size of a study before it runs: memory, time, and scenarios per pass.

use anyhow::Result;
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;

use crate::config::{Config, source_error};
use crate::run::data::DataCache;

/// Bytes per scenario and instrument: columns in book, sizing and solver; measured, with a margin.
const BYTES_AN_INSTRUMENT: u64 = 1_200;
/// Bytes per scenario for its sums, if it only reprices trades.
const BYTES_OF_SUMS: u64 = 2_048;
/// Bytes per scenario and frame: net return, gross return and turnover.
const BYTES_A_FRAME: u64 = 24;
/// Bytes of the program without scenarios.
const BYTES_BESIDE: u64 = 150 << 20;
/// Maximum bytes of all scenarios of a pass.
const BYTES_MAX: u64 = 1_400 << 20;
/// Nanoseconds of sizing and execution per instrument and bar; used only to limit a pass.
const NS_AN_INSTRUMENT_BAR: f64 = 260.0;
/// Target duration of a pass in seconds, which bounds the work that a killed run loses.
const PASS_SECONDS: f64 = 120.0;
/// Minimum scenarios per pass, whatever its duration, so that reading the data is worthwhile.
const TOGETHER_MIN: usize = 32;
/// Maximum stored returns of all scenarios; 16 bytes each, with the turnover of the frame.
const RETURNS_MAX: u64 = 20_000_000;

/// Size of the data of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StudySize {
    pub(crate) rows: u64,
    pub(crate) frames: u64,
    pub(crate) instruments: u64,
    /// True if scenarios only reprice the trades of another, with no state per instrument and almost no time.
    pub(crate) priced: bool,
}

impl StudySize {
    /// Reads the data once, which also finds invalid data before anything runs.
    ///
    /// # Errors
    /// The data is invalid.
    pub(crate) fn of(config: &Config, cache: &DataCache, priced: bool) -> Result<Self> {
        let mut source = cache.open(config, config.source().clone())?.source;
        let mut frame = Frame::default();
        while source.next_frame(&mut frame).map_err(source_error)? {}
        let facts = source.facts();
        Ok(Self { rows: facts.rows, frames: facts.frames, instruments: facts.instruments, priced })
    }

    /// Bytes of one running scenario.
    fn bytes_a_scenario(self) -> u64 {
        let own = match self.priced {
            true => BYTES_OF_SUMS,
            false => BYTES_AN_INSTRUMENT * self.instruments.max(1),
        };
        BYTES_A_FRAME * self.frames + own
    }

    /// Bytes of the program with `together` running scenarios.
    pub(crate) fn bytes(self, together: usize) -> u64 {
        BYTES_BESIDE + together as u64 * self.bytes_a_scenario()
    }

    /// Number of scenarios that share a pass.
    pub(crate) fn together(self, cores: usize) -> usize {
        let seconds = self.rows as f64 * NS_AN_INSTRUMENT_BAR * 1e-9 / cores as f64;
        let by_bytes = usize::try_from(BYTES_MAX / self.bytes_a_scenario()).unwrap_or(usize::MAX);
        if self.priced {
            return by_bytes.max(1);
        }
        let by_time = (PASS_SECONDS / seconds.max(1e-9)) as usize;
        by_time.max(TOGETHER_MIN).min(by_bytes).max(1)
    }

    /// True if the returns of `scenarios` scenarios are stored.
    pub(crate) fn keeps_returns(self, scenarios: usize) -> bool {
        self.frames * scenarios as u64 <= RETURNS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_per_pass_are_bounded_in_bytes_and_time() {
        let daily = StudySize { rows: 585_000, frames: 1_258, instruments: 465, priced: false };
        assert!((1_000..3_000).contains(&daily.together(2)), "{}", daily.together(2));
        assert!(daily.bytes(daily.together(2)) < 2 << 30);
        let minutes = StudySize { rows: 100_000_000, frames: 200_000, instruments: 500, priced: false };
        assert_eq!(minutes.together(2), TOGETHER_MIN);
        let long = StudySize { rows: 10_000_000, frames: 10_000_000, instruments: 1, priced: false };
        assert!((1..32).contains(&long.together(2)), "{}", long.together(2));
        let priced = StudySize { priced: true, ..minutes };
        assert!((200..1_000).contains(&priced.together(2)), "{}", priced.together(2));
        assert!(daily.keeps_returns(10_000) && !long.keeps_returns(3));
    }
}
