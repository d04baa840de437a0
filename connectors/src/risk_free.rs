//! Annual rate implied by a risk-free return and the spacing of its rows.

use betaflow_engine::time::TimestampNs;
use betaflow_engine::warning::Warning;
use serde::{Deserialize, Serialize};

/// Days of a year, by which a rate is compounded.
const YEAR_DAYS: f64 = 365.0;
/// A row of daily data accrues over at least the 252nd part of a year: Tuesdays do not earn more than Mondays.
const SPACING_DAYS_MIN: f64 = YEAR_DAYS / 252.0;
/// Annual rate above which a run warns.
const WARN_ABOVE: f64 = 0.2;

/// A risk-free return that is too large for the time that it accrues over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnnualRate {
    /// Row, counting from the first that was checked.
    pub(crate) row: u64,
    /// Time of the row.
    pub(crate) time: TimestampNs,
    /// Return as found in the row.
    pub(crate) found: f64,
    /// The same compounded over a year.
    pub(crate) annual: f64,
    /// Days that the returns of its date accrue over.
    pub(crate) days: f64,
}

/// Risk-free returns annualised by UTC date: all returns of a date, over the days since the date before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RiskFreeRate {
    rows: u64,
    /// First row, until the date after it tells its spacing.
    first: Option<(TimestampNs, f64)>,
    /// Date of the last row.
    date: i64,
    /// Days since the date before, where there is one.
    days: Option<f64>,
    /// Sum of ln(1 + rf) over the rows of the date.
    growth: f64,
    /// Rate furthest from 0 so far.
    extreme: Option<AnnualRate>,
}

impl RiskFreeRate {
    /// Takes the next row.
    ///
    /// # Errors
    /// The rate of this row, or of the first one, whose annual size lies above `max`. A negative rate counts as what
    /// undoes it.
    pub(crate) fn observe(&mut self, time: TimestampNs, found: f64, max: f64) -> Result<(), AnnualRate> {
        let (row, date) = (self.rows, time.date());
        self.rows += 1;
        if row == 0 {
            (self.first, self.date, self.growth) = (Some((time, found)), date, found.ln_1p());
            return Ok(());
        }
        if date != self.date {
            let days = ((date - self.date) as f64).max(SPACING_DAYS_MIN);
            if let Some((time, found)) = self.first.take() {
                self.judge(AnnualRate { row: 0, time, found, annual: 0.0, days }, max)?;
            }
            (self.date, self.days, self.growth) = (date, Some(days), 0.0);
        }
        // Several rows on the first date: they are bars inside a day.
        self.first = None;
        self.growth += found.ln_1p();
        let days = self.days.unwrap_or(SPACING_DAYS_MIN);
        self.judge(AnnualRate { row, time, found, annual: 0.0, days }, max)
    }

    fn judge(&mut self, rate: AnnualRate, max: f64) -> Result<(), AnnualRate> {
        let growth = self.growth * YEAR_DAYS / rate.days;
        let rate = AnnualRate { annual: growth.exp_m1(), ..rate };
        // Not a number where a return lies below -1.
        if growth.is_nan() || growth.abs() > max.ln_1p() {
            return Err(rate);
        }
        if self.extreme.is_none_or(|extreme| rate.annual.abs() > extreme.annual.abs()) {
            self.extreme = Some(rate);
        }
        Ok(())
    }

    /// Forgets how large the rates of earlier rows were: no frame has them.
    pub(crate) fn forget_extreme(&mut self) {
        self.extreme = None;
    }

    /// Warning about an implausible rate that is accepted. `source`: the file or the feed.
    pub(crate) fn warning(&self, source: &str) -> Option<Warning> {
        let rate = self.extreme.filter(|rate| rate.annual.ln_1p().abs() > WARN_ABOVE.ln_1p())?;
        Some(Warning::RfLarge {
            source: source.to_owned(),
            time: rate.time,
            found: rate.found,
            annual: rate.annual,
            annual_max: WARN_ABOVE,
        })
    }
}
