//! Fields of a bar, and their names in data and settings.

use std::ops::{Index, IndexMut};

use serde::Serialize;

use crate::range::all_in;

/// A column of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Field {
    /// Traded price, or the return if the data states returns.
    Close,
    /// Adjusted price from which returns are computed.
    ReturnPrice,
    /// Opening price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Quantity traded.
    Volume,
    /// Bid at the close of the bar.
    Bid,
    /// Ask at the close of the bar.
    Ask,
    /// Cash paid on a unit held at the preceding close; per unit after a split of the same bar.
    Dividend,
    /// Units that one unit becomes before the bar: 7 for a seven-for-one split.
    Split,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 10] = [
        Self::Close,
        Self::ReturnPrice,
        Self::Open,
        Self::High,
        Self::Low,
        Self::Volume,
        Self::Bid,
        Self::Ask,
        Self::Dividend,
        Self::Split,
    ];
    /// Number of fields.
    pub const COUNT: usize = Self::ALL.len();

    /// Usual column names, matched in any case; the first is the name in settings and messages.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Close => &["close"],
            Self::ReturnPrice => &["return_price", "adj_close", "adjusted_close", "adj close"],
            Self::Open => &["open"],
            Self::High => &["high"],
            Self::Low => &["low"],
            Self::Volume => &["volume"],
            Self::Bid => &["bid", "bid_close"],
            Self::Ask => &["ask", "ask_close"],
            Self::Dividend => &["dividend", "dividends"],
            Self::Split => &["split", "stock splits", "stock_splits"],
        }
    }

    /// Name used in messages.
    #[must_use]
    pub const fn role(self) -> &'static str {
        match self {
            Self::Close => "the price",
            Self::ReturnPrice => "the price for returns",
            Self::Open => "the opening price",
            Self::High => "the highest price",
            Self::Low => "the lowest price",
            Self::Volume => "the volume traded",
            Self::Bid => "the bid",
            Self::Ask => "the ask",
            Self::Dividend => "the dividend per unit",
            Self::Split => "the split ratio",
        }
    }

    /// Returns true if a row without a price may have the field: quotes, dividends and splits do not need a
    /// trade.
    pub(crate) const fn outlives_trading(self) -> bool {
        matches!(self, Self::Bid | Self::Ask | Self::Dividend | Self::Split)
    }

    /// Exclusive lower bound of valid values; `close` is that of the close.
    const fn floor(self, close: f64) -> f64 {
        /// Largest number below 0: 0 and everything positive lie above it.
        const BELOW_ZERO: f64 = -f64::from_bits(1);
        match self {
            Self::Close => close,
            Self::Volume | Self::Dividend | Self::Split => BELOW_ZERO,
            _ => 0.0,
        }
    }

    /// Returns true if the value is null (NaN) or valid.
    #[inline]
    pub(crate) fn is_valid(self, close_floor: f64, value: f64) -> bool {
        value.is_nan() || (value > self.floor(close_floor) && value < f64::INFINITY)
    }

    /// Returns true if all values are null (NaN) or valid.
    pub(crate) fn are_valid(self, close_floor: f64, values: &[f64]) -> bool {
        let least = self.floor(close_floor).next_up();
        all_in(values, least, f64::MAX)
    }
}

/// Numbers of one row; NaN means null.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    values: [f64; Field::COUNT],
}

impl Bar {
    /// Returns a bar with a close only; NaN if the instrument did not trade.
    #[must_use]
    #[inline]
    pub const fn of_close(close: f64) -> Self {
        let mut values = [f64::NAN; Field::COUNT];
        values[Field::Close as usize] = close;
        Self { values }
    }

    /// Sets one number of the bar.
    #[must_use]
    pub const fn with(mut self, field: Field, value: f64) -> Self {
        self.values[field as usize] = value;
        self
    }
}

impl Index<Field> for Bar {
    type Output = f64;

    #[inline]
    fn index(&self, field: Field) -> &f64 {
        &self.values[field as usize]
    }
}

impl IndexMut<Field> for Bar {
    #[inline]
    fn index_mut(&mut self, field: Field) -> &mut f64 {
        &mut self.values[field as usize]
    }
}
