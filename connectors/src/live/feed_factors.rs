//! Factors sent by a feed, joined to the frames of one universe.

use betaflow_engine::assembly::{FactorGap, Values};
use betaflow_engine::frame::Frame;
use betaflow_engine::state::{StateError, restore, save};
use betaflow_engine::time::{TimestampNs, Zone};
use betaflow_engine::warning::Warning;

use super::error::Refusal;
use super::protocol::{Bars, Hello};
use crate::parquet::{LARGEST_FACTOR, Settings};
use crate::risk_free::RiskFreeRate;

/// Name used in error messages.
const STATE: &str = "factors of the feed";

/// Factor rows since the preceding frame, compounded in the same order as in a replay of a file. Rows of
/// messages without a frame of this universe are included.
pub(super) struct FeedFactors {
    names: Vec<String>,
    has_rf: bool,
    gap: FactorGap,
    /// Bounds of a factor return: exclusive below, inclusive above.
    bounds: (f64, f64),
    /// Annualised risk-free returns, and their maximum.
    rate: RiskFreeRate,
    rf_max: f64,
    zone: Zone,
    /// Compounded rows since the preceding frame: factors, then `rf`; empty without a row.
    compounded: Vec<f64>,
    row: Vec<f64>,
    /// Whether any row has arrived.
    begun: bool,
    /// Whether a frame has been emitted. The first frame has no interval to compound over; it gets the last
    /// row at or before it.
    had_frame: bool,
}

impl FeedFactors {
    pub(super) fn new(hello: &Hello, settings: &Settings) -> Self {
        Self {
            names: hello.factors.clone(),
            has_rf: hello.has_rf,
            gap: settings.factor_gap,
            bounds: match settings.values {
                Values::ReturnsOfAnySize => (f64::NEG_INFINITY, f64::MAX),
                _ => (-1.0, LARGEST_FACTOR),
            },
            rate: RiskFreeRate::default(),
            rf_max: settings.rf_max,
            zone: settings.zone.clone(),
            compounded: Vec::new(),
            row: Vec::new(),
            begun: false,
            had_frame: false,
        }
    }

    /// Serialises the state between messages.
    pub(super) fn save(&self) -> Result<Vec<u8>, StateError> {
        save(STATE, &(&self.compounded, self.begun, self.had_frame, &self.rate))
    }

    /// Restores a serialised state.
    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        (self.compounded, self.begun, self.had_frame, self.rate) = restore(STATE, state)?;
        Ok(())
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn has_rf(&self) -> bool {
        self.has_rf
    }

    /// Warning about an implausible risk-free return of the feed `feed`.
    pub(super) fn warning(&self, feed: &str) -> Option<Warning> {
        self.rate.warning(feed)
    }

    /// Checks the rows of a message without adding them.
    ///
    /// # Errors
    /// A row is not a valid row of factors.
    pub(super) fn check(&self, bars: &Bars) -> Result<(), Refusal> {
        let mut rate = self.rate.clone();
        let time = TimestampNs(bars.timestamp);
        let alone = bars.factors.as_ref().filter(|factors| !all_null(factors)).map(|factors| {
            factors
                .iter()
                .copied()
                .chain(self.has_rf.then(|| bars.rf.unwrap_or(f64::NAN)))
                .collect::<Vec<f64>>()
        });
        match alone.filter(|_| bars.factor_rows.is_empty()) {
            Some(row) => self.check_row(&mut rate, time, &row),
            None => bars.factor_rows.iter().try_for_each(|row| self.check_row(&mut rate, time, row)),
        }
    }

    /// Adds the rows of a message.
    pub(super) fn take(&mut self, bars: &Bars) -> Result<(), Refusal> {
        if !bars.factor_rows.is_empty() {
            return bars.factor_rows.iter().try_for_each(|row| self.add(TimestampNs(bars.timestamp), row));
        }
        let Some(factors) = bars.factors.as_ref().filter(|factors| !all_null(factors)) else { return Ok(()) };
        let mut row = std::mem::take(&mut self.row);
        row.clone_from(factors);
        row.extend(self.has_rf.then(|| bars.rf.unwrap_or(f64::NAN)));
        let added = self.add(TimestampNs(bars.timestamp), &row);
        self.row = row;
        added
    }

    /// Checks one row; updates `rate` with its risk-free return.
    fn check_row(&self, rate: &mut RiskFreeRate, time: TimestampNs, row: &[f64]) -> Result<(), Refusal> {
        let width = self.names.len() + usize::from(self.has_rf);
        if row.len() != width {
            let found = format!("{} factor values", row.len());
            return Err((found, "one value per factor of the hello, and rf if the hello declares one"));
        }
        if let Some(at) = row.iter().position(|value| !(*value > self.bounds.0 && *value <= self.bounds.1)) {
            let name = self.names.get(at).map_or("rf", String::as_str);
            let expected = "a simple return above -1 and at most 10 (0.01 is one percent), or no factors";
            return Err((format!("{} in the factor `{name}`", row[at]), expected));
        }
        if let Some(rf) = row.last().filter(|_| self.has_rf)
            && let Err(rate) = rate.observe(time, self.zone.date(time), *rf, self.rf_max)
        {
            let found = format!("rf {} ({:.0} % a year)", rate.found, 100.0 * rate.annual);
            return Err((
                found,
                "a risk-free return per row as a decimal, at most data.rf_max a year; check for an annual rate or one in \
                 percent",
            ));
        }
        Ok(())
    }

    fn add(&mut self, time: TimestampNs, row: &[f64]) -> Result<(), Refusal> {
        let mut rate = self.rate.clone();
        self.check_row(&mut rate, time, row)?;
        self.rate = rate;
        self.begun = true;
        if self.compounded.is_empty() || !self.had_frame {
            row.clone_into(&mut self.compounded);
        } else {
            for (sum, value) in self.compounded.iter_mut().zip(row) {
                *sum = (1.0 + *sum) * (1.0 + value) - 1.0;
            }
        }
        Ok(())
    }

    /// Writes the factors of a frame; returns whether the frame is emitted.
    pub(super) fn join(&mut self, frame: &mut Frame) -> Result<bool, Refusal> {
        self.had_frame = true;
        frame.factors.clear();
        if !self.compounded.is_empty() {
            frame.factors.extend_from_slice(&self.compounded[..self.names.len()]);
            frame.rf = if self.has_rf { self.compounded[self.names.len()] } else { 0.0 };
            self.compounded.clear();
            return Ok(true);
        }
        if self.begun && self.gap == FactorGap::Error {
            let expected = "factors since the preceding frame; fill the gap in the feed, or set data.factor_gap = \
                            \"carry\" to emit such frames without an update of the estimates";
            return Err(("no factors".to_owned(), expected));
        }
        frame.factors.resize(self.names.len(), f64::NAN);
        frame.rf = 0.0;
        Ok(self.begun)
    }
}

fn all_null(factors: &[f64]) -> bool {
    !factors.is_empty() && factors.iter().all(|factor| factor.is_nan())
}
