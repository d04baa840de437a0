//! Annual rate implied by a risk-free return and the spacing of its rows.

use betaflow_engine::time::TimestampNs;
use betaflow_engine::warning::Warning;
use serde::{Deserialize, Serialize};

/// Days per year, for compounding.
const YEAR_DAYS: f64 = 365.0;
/// Minimum accrual period, in days: one trading day, 1/252 of a year.
const SPACING_DAYS_MIN: f64 = YEAR_DAYS / 252.0;
/// Annual rate above which a run warns.
const WARN_ABOVE: f64 = 0.2;

/// Risk-free return, its annual rate, and its accrual period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnnualRate {
    /// Row, counting from the first checked one.
    pub(crate) row: u64,
    /// Time of the row.
    pub(crate) time: TimestampNs,
    /// Return found in the row.
    pub(crate) found: f64,
    /// Return compounded over a year.
    pub(crate) annual: f64,
    /// Accrual period of the returns of this date, in days.
    pub(crate) days: f64,
}

/// Risk-free returns annualised by date: all returns of a date, over the days since the preceding date.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RiskFreeRate {
    rows: u64,
    /// First row, kept until the next date gives its accrual period.
    first: Option<(TimestampNs, f64)>,
    /// Date of the last row.
    date: i64,
    /// Days since the preceding date, if there is one.
    days: Option<f64>,
    /// Sum of ln(1 + rf) over the rows of the date.
    growth: f64,
    /// Rate furthest from 0 so far.
    extreme: Option<AnnualRate>,
}

impl RiskFreeRate {
    /// Adds the next row, of a local date in days since 1970.
    ///
    /// # Errors
    /// The annual rate of this row, or of the first one, exceeds `max`. A negative rate counts as the
    /// positive rate that offsets it.
    pub(crate) fn observe(
        &mut self,
        time: TimestampNs,
        date: i64,
        found: f64,
        max: f64,
    ) -> Result<(), AnnualRate> {
        let row = self.rows;
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
        // Several rows on the first date are intraday bars.
        self.first = None;
        self.growth += found.ln_1p();
        let days = self.days.unwrap_or(SPACING_DAYS_MIN);
        self.judge(AnnualRate { row, time, found, annual: 0.0, days }, max)
    }

    fn judge(&mut self, rate: AnnualRate, max: f64) -> Result<(), AnnualRate> {
        let growth = self.growth * YEAR_DAYS / rate.days;
        let rate = AnnualRate { annual: growth.exp_m1(), ..rate };
        // NaN if a return lies below -1.
        if growth.is_nan() || growth.abs() > max.ln_1p() {
            return Err(rate);
        }
        if self.extreme.is_none_or(|extreme| rate.annual.abs() > extreme.annual.abs()) {
            self.extreme = Some(rate);
        }
        Ok(())
    }

    /// Clears the extreme of the rows so far, which belong to no frame.
    pub(crate) fn forget_extreme(&mut self) {
        self.extreme = None;
    }

    /// Returns a warning about an accepted but implausible rate. `source`: name of the file or the feed.
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
