//! Positions and cash with which an account opens.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::book::{Account, Book};
use super::orders::{fraction_beyond, nearest_lots};
use super::portfolio::Portfolio;
use crate::names::InstrumentNames;
use crate::settings::{Invalid, require};
use crate::time::{Iso, TimestampNs};

/// Quantities by instrument, negative for shorts, and cash. NAV follows from the prices of the first rebalance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holdings {
    /// Quantity of each instrument.
    pub quantities: BTreeMap<String, f64>,
    /// Cash; negative if borrowed.
    pub cash: f64,
}

impl Holdings {
    /// Checks that every quantity is a whole number of lots.
    ///
    /// # Errors
    /// The first quantity that is not.
    pub fn check_lots(&self, lot: f64) -> Result<(), Invalid> {
        let parts = |quantity: f64| fraction_beyond(quantity, nearest_lots(quantity, lot)) != 0.0;
        let (name, quantity) =
            match self.quantities.iter().find(|(_, quantity)| lot > 0.0 && parts(**quantity)) {
                Some((name, quantity)) => (name, *quantity),
                None => return Ok(()),
            };
        let found = format!("{quantity} of `{name}`");
        require(false, "holdings", found, format!("whole multiples of `lot`, {lot}"))
    }
}

/// Reason why an account cannot open with its holdings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OpeningError {
    /// An instrument has had no price by the first rebalance.
    #[error(
        "holdings on the bar of {} (seq {seq}), the first that rebalances: found no price of `{symbol}` so far, expected one of \
         each instrument held",
        Iso(*timestamp)
    )]
    NoPrice {
        /// Close of the bar.
        timestamp: TimestampNs,
        /// Number of the frame.
        seq: u64,
        /// Instrument held.
        symbol: String,
        /// Instruments with a price.
        known: InstrumentNames,
    },
    /// The holdings are worth nothing, or less.
    #[error(
        "holdings on the bar of {} (seq {seq}), the first that rebalances: found a net asset value of {nav}, expected more \
         than 0",
        Iso(*timestamp)
    )]
    NotPositive {
        /// Close of the bar.
        timestamp: TimestampNs,
        /// Number of the frame.
        seq: u64,
        /// Value of positions and cash.
        nav: f64,
    },
}

/// Holdings of an account that has not opened yet, in engine order.
#[derive(Clone, Debug)]
pub struct Opening {
    holdings: Arc<Holdings>,
    quantities: Vec<f64>,
}

impl Opening {
    /// Opening with the given holdings, before the first frame.
    #[must_use]
    pub fn new(holdings: Arc<Holdings>) -> Self {
        Self { holdings, quantities: Vec::new() }
    }

    /// Quantity of each named instrument.
    pub fn quantities(&mut self, names: &InstrumentNames) -> &[f64] {
        let held = |name: &Arc<str>| self.holdings.quantities.get(&**name).copied().unwrap_or(0.0);
        self.quantities.extend(names[self.quantities.len().min(names.len())..].iter().map(held));
        &self.quantities
    }

    /// Looks all quantities up again, after a symbol change.
    pub fn forget(&mut self) {
        self.quantities.clear();
    }

    /// Cash.
    #[must_use]
    pub fn cash(&self) -> f64 {
        self.holdings.cash
    }

    /// Checks the portfolio that holds them on the first rebalance.
    ///
    /// # Errors
    /// An instrument has had no price yet, or the NAV is not positive.
    pub fn check(&self, portfolio: &Portfolio, names: &InstrumentNames) -> Result<(), OpeningError> {
        let (seq, timestamp, nav) = (portfolio.seq, portfolio.timestamp, portfolio.nav);
        let priced = |symbol: &str| {
            let position = names.iter().position(|name| **name == *symbol);
            position.is_some_and(|i| portfolio.price.get(i).is_some_and(|price| price.is_finite()))
        };
        if let Some(symbol) = self.holdings.quantities.keys().find(|symbol| !priced(symbol)) {
            let (symbol, known) = (symbol.clone(), names.clone());
            return Err(OpeningError::NoPrice { timestamp, seq, symbol, known });
        }
        if nav > 0.0 { Ok(()) } else { Err(OpeningError::NotPositive { timestamp, seq, nav }) }
    }
}

impl Book {
    /// Sets the account to cash before a frame that it is not open for yet.
    pub fn empty(&mut self) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        portfolio.quantity.fill(0.0);
        (portfolio.cash, portfolio.nav) = (self.settings.nav, self.settings.nav);
    }

    /// Sets positions, length n, and cash of an account that is not open yet, at the prices of the current frame, and
    /// returns its exposures.
    pub fn hold(&mut self, quantities: &[f64], cash: f64) -> Account {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        for (held, quantity) in portfolio.quantity.iter_mut().zip(quantities) {
            *held = *quantity;
        }
        portfolio.cash = cash;
        let mut account = Account::default();
        self.value(&mut account);
        account
    }

    /// Sets the cash of an account that has not traded.
    pub(super) fn fund(&mut self, cash: f64) {
        let portfolio = Arc::make_mut(&mut self.portfolio);
        (portfolio.cash, portfolio.nav) = (cash, cash);
    }
}
