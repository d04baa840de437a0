//! Total return of the benchmark's instrument from frame to frame.

use serde::{Deserialize, Serialize};

use super::symbols::Slot;
use super::{Rules, Values};
use crate::frame::{Bar, Field};

/// Price of the benchmark's instrument, which need not be a column of the frames.
///
/// The return of a frame is (u p + c) / p' − 1: p is the last price, p' the price as of the preceding frame
/// with one, u the units that one unit has become by splits since then, and c its dividends. With a separate
/// price for returns u = 1 and c = 0. Stated returns are compounded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BenchmarkPrice {
    /// Slot of the instrument; `None` before its first row.
    pub(super) slot: Option<Slot>,
    /// True once the instrument has had a price.
    priced: bool,
    /// Price since the preceding frame; NaN without one.
    now: f64,
    /// Price as of the preceding frame with one.
    before: f64,
    units: f64,
    dividends: f64,
    /// Stated returns since the preceding frame, compounded; NaN without one.
    stated: f64,
}

impl Default for BenchmarkPrice {
    fn default() -> Self {
        Self {
            slot: None,
            priced: false,
            now: f64::NAN,
            before: f64::NAN,
            units: 1.0,
            dividends: 0.0,
            stated: f64::NAN,
        }
    }
}

impl BenchmarkPrice {
    /// Takes a row of the instrument.
    #[cold]
    pub(super) fn observe(&mut self, bar: &Bar, rules: &Rules) {
        let close = bar[Field::Close];
        self.priced |= !close.is_nan();
        if rules.values != Values::Prices {
            if !close.is_nan() {
                self.stated = match self.stated.is_nan() {
                    true => close,
                    false => (1.0 + self.stated) * (1.0 + close) - 1.0,
                };
            }
            return;
        }
        let adjusted = rules.has(Field::ReturnPrice);
        let acts = |field: Field| !adjusted && rules.has(field) && bar[field] > 0.0;
        if acts(Field::Split) {
            self.units *= bar[Field::Split];
        }
        if acts(Field::Dividend) {
            self.dividends += self.units * bar[Field::Dividend];
        }
        let price = if adjusted { bar[Field::ReturnPrice] } else { close };
        if !price.is_nan() {
            self.now = price;
        }
    }

    /// Ends a frame that is emitted, and returns its return; NaN without a price.
    pub(super) fn close(&mut self) -> f64 {
        if !self.stated.is_nan() {
            return std::mem::replace(&mut self.stated, f64::NAN);
        }
        if self.now.is_nan() {
            return f64::NAN;
        }
        let total = (self.units * self.now + self.dividends) / self.before - 1.0;
        self.before = std::mem::replace(&mut self.now, f64::NAN);
        (self.units, self.dividends) = (1.0, 0.0);
        total
    }

    /// Returns true once the instrument has had a price.
    pub(super) fn has_price(&self) -> bool {
        self.priced
    }
}
