//! Borrowing of shares by a file: fees by instrument and date, shares that cannot be borrowed, recalls.
//!
//! The terms in force on the date of a close hold until the next close. The fee from one close to the next is the value
//! of the short at the first, times its rate, times the calendar days between them over 365. An instrument without terms
//! in force pays `borrow_bps_per_year`, and any quantity of it can be borrowed.
//!
//! Sizing opens no short beyond the shares that are available, and fills that would need more are cut. If fewer shares
//! are available at a close than are short, the lender recalls the rest: it is bought on the next bar that trades, at the
//! price and costs of an order, outside the turnover cap and the participation cap (`recalls.rs`). Until then it counts as
//! an order in flight.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::borrow_terms::{BorrowTerms, borrow_fees};
use super::costs::BPS;
use super::orders::{changed, whole_lots};
use super::portfolio::Portfolio;
use super::recalls::{Recall, UNIT_DUST};
use super::settings::ExecutionSettings;
use crate::dated::{DatedValues, InForce};
use crate::frame::Frame;
use crate::names::InstrumentNames;

/// Fee charged on one short position on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BorrowCharge {
    /// Engine index.
    pub instrument: u32,
    /// Value of the short at the preceding close, positive.
    pub short_value: f64,
    /// Fee in bps of that value per year, multiplied by the stress on borrow fees.
    pub bps_per_year: f64,
    /// Calendar days since the preceding close.
    pub days: f64,
    /// Fee, in currency.
    pub fee: f64,
}

/// Terms in force and recalls of a book.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Borrowing {
    names: InstrumentNames,
    /// Not part of the state: see [`Borrowing::under`].
    #[serde(skip)]
    terms: InForce<BorrowTerms>,
    /// Shares to buy on the next bar.
    pub(super) recalls: Vec<Recall>,
    /// Fees of the last frame.
    charges: Vec<BorrowCharge>,
}

impl Borrowing {
    pub(super) fn new(terms: &Arc<DatedValues<BorrowTerms>>) -> Self {
        Self {
            names: InstrumentNames::default(),
            terms: InForce::new(Arc::clone(terms)),
            recalls: Vec::new(),
            charges: Vec::new(),
        }
    }

    /// Attaches the table to a restored state.
    pub(super) fn under(self, settings: &ExecutionSettings) -> Self {
        Self { terms: settings.borrow.clone().map(InForce::new).unwrap_or_default(), ..self }
    }

    /// Fees of the last frame.
    pub(super) fn charges(&self) -> &[BorrowCharge] {
        &self.charges
    }

    /// Charges the fees of `days` calendar days on the shorts of the preceding close, and returns their sum. `times`:
    /// multiplier of the stress on borrow fees.
    pub(super) fn charge(
        &mut self,
        settings: &ExecutionSettings,
        portfolio: &Portfolio,
        days: f64,
        times: f64,
    ) -> f64 {
        self.charges.clear();
        let mut sum = 0.0;
        for (i, bps) in portfolio.borrow_bps.iter().enumerate() {
            let short_value = (-portfolio.quantity[i] * portfolio.price[i]).max(0.0);
            let bps_per_year = settings.fee_of(*bps) * times;
            let fee = short_value * borrow_fees(bps_per_year, days);
            if fee > 0.0 {
                self.charges.push(BorrowCharge {
                    instrument: i as u32,
                    short_value,
                    bps_per_year,
                    days,
                    fee,
                });
                sum += fee;
            }
        }
        sum
    }

    /// Removes the charges of the preceding frame.
    pub(super) fn clear_charges(&mut self) {
        self.charges.clear();
    }

    /// Writes the terms in force on a frame into the portfolio, and takes the recalls out of the orders in flight: they
    /// fill on this frame.
    pub(super) fn begin(&mut self, frame: &Frame, lot: f64, portfolio: &mut Portfolio) {
        self.names.take(frame);
        for Recall { instrument, quantity } in &self.recalls {
            let in_flight = &mut portfolio.in_flight[*instrument as usize];
            *in_flight = changed(*in_flight, -*quantity, lot);
        }
        let n = frame.instruments();
        let changed = self.terms.advance(frame.date(), &self.names);
        if !changed && portfolio.borrow_bps.len() == n {
            return;
        }
        let of = |i: usize| self.terms.of(i).copied().unwrap_or_default();
        portfolio.borrow_bps.clear();
        portfolio.borrow_bps.extend((0..n).map(|i| of(i).bps_per_year.unwrap_or(f64::NAN)));
        portfolio.shortable.clear();
        portfolio.shortable.extend((0..n).map(|i| of(i).available.unwrap_or(f64::INFINITY)));
    }

    /// Applies a split to the recalls of an instrument.
    pub(super) fn split(&mut self, action: Action) {
        for recall in self.recalls.iter_mut().filter(|recall| recall.instrument == action.instrument) {
            recall.quantity *= action.split;
        }
    }
}

impl ExecutionSettings {
    /// Fee of an instrument in bps per year; NaN stands for `borrow_bps_per_year`.
    #[must_use]
    pub(crate) fn fee_of(&self, bps_per_year: f64) -> f64 {
        if bps_per_year.is_nan() { self.borrow_bps_per_year } else { bps_per_year }
    }
}

impl Portfolio {
    /// Part of an order that can fill: a sale is cut where it would need more borrowed shares than there are.
    pub(super) fn borrowable(&self, instrument: usize, quantity: f64, lot: f64) -> f64 {
        let Some(available) = self.shortable.get(instrument) else { return quantity };
        let room = self.quantity[instrument] + available;
        if quantity >= 0.0 || -quantity <= room + UNIT_DUST * available {
            return quantity;
        }
        0.0 - whole_lots(room.max(0.0), lot)
    }

    /// Value at the last prices of the shorts that have a fee of their own, and that fee in currency per year.
    pub(super) fn own_fees(&self) -> (f64, f64) {
        let (mut value, mut fees) = (0.0, 0.0);
        for (i, bps) in self.borrow_bps.iter().enumerate().filter(|(_, bps)| !bps.is_nan()) {
            let position = self.quantity[i] * self.price[i];
            if position < 0.0 {
                value -= position;
                fees -= position * bps * BPS;
            }
        }
        (value, fees)
    }
}
