//! Terms on which shares can be borrowed, as a file states them.

use serde::{Deserialize, Serialize};

use super::carrying::DAYS_OF_RATES;
use super::costs::BPS;

/// Terms on which the shares of an instrument can be borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BorrowTerms {
    /// Fee in bps of the value of the short per year; `None` for `borrow_bps_per_year`.
    pub bps_per_year: Option<f64>,
    /// Units that can be short in all, 0 for none, `None` for any number. A split does not change them: a row of its date
    /// does.
    pub available: Option<f64>,
}

/// Units that can be short, of a cell of the column `available`: 0 or false is none; 1, true or null any number, because
/// they answer only whether shares can be borrowed; another number is the units.
#[must_use]
pub fn available_units(cell: Option<f64>) -> Option<f64> {
    cell.filter(|units| *units != 1.0)
}

/// Fee over some calendar days per unit of value.
#[must_use]
pub(super) fn borrow_fees(bps_per_year: f64, days: f64) -> f64 {
    bps_per_year * BPS * (days / DAYS_OF_RATES)
}
