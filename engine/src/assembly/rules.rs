//! What goes in and what comes out: the rules, a row, and what became of it.

use super::{Expression, FactorGap, Fault, Field, Universe, Values};

/// What the assembler is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// What the numbers of the data are.
    pub values: Values,
    /// Whether frames have opening prices.
    pub open: bool,
    /// Whether frames have a second price that returns are made of.
    pub return_price: bool,
    /// Which instruments become columns.
    pub universe: Universe,
    /// Factors made of instruments, by name.
    pub factors: Vec<(String, Expression)>,
    /// What happens when an instrument of a factor has no price.
    pub factor_gap: FactorGap,
}

/// The numbers of one row; NaN means null.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// The price that trades, or the return where the data states returns. Null: it did not trade.
    pub close: f64,
    /// The opening price.
    pub open: f64,
    /// The price that returns are made of.
    pub return_price: f64,
}

impl Bar {
    /// A bar with one number only.
    #[must_use]
    pub const fn of_close(close: f64) -> Self {
        Self { close, open: f64::NAN, return_price: f64::NAN }
    }
}

/// What became of the rows of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A frame that is handed on.
    Emitted,
    /// A frame that is left out, because the factor expressions have no value.
    LeftOut,
    /// No frame: no instrument of the universe has a price.
    Empty,
}

#[inline]
fn is_valid(floor: f64, value: f64) -> bool {
    value.is_nan() || (value > floor && value < f64::INFINITY)
}

impl Rules {
    /// Whether every number of the bar is null or valid.
    #[inline]
    pub(super) fn is_valid(&self, floor: f64, bar: Bar) -> bool {
        is_valid(floor, bar.close)
            && (!self.open || is_valid(0.0, bar.open))
            && (!self.return_price || is_valid(0.0, bar.return_price))
    }
}

/// The first number of a bar that is not.
#[cold]
pub(super) fn invalid(floor: f64, bar: Bar) -> Fault {
    let (field, found) = if !is_valid(floor, bar.close) {
        (Field::Close, bar.close)
    } else if !is_valid(0.0, bar.open) {
        (Field::Open, bar.open)
    } else {
        (Field::ReturnPrice, bar.return_price)
    };
    Fault::Value { field, found }
}
