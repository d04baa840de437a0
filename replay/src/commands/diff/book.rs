//! What a run holds and wanted to hold, from its orders and fills, and what its prices do to a unit.

use std::collections::BTreeMap;

use super::ledger::{Fill, Row};
use super::side::Data;

/// Numbers of the instruments of both runs, by name.
#[derive(Default)]
pub(crate) struct Numbers {
    by_name: BTreeMap<String, usize>,
}

impl Numbers {
    pub(crate) fn of(&mut self, name: &str) -> usize {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let number = self.by_name.len();
        self.by_name.insert(name.to_owned(), number);
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }
}

/// Trades of an instrument on a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Traded {
    /// Quantity of orders that was filled.
    pub(crate) filled: f64,
    /// What it earned from its price to the close.
    pub(crate) earned: f64,
    /// Quantity of the orders whose first frame it is.
    pub(crate) ordered: f64,
}

/// Columns by number of the instrument.
#[derive(Default)]
pub(crate) struct Book {
    held: Vec<f64>,
    wanted: Vec<f64>,
    price: Vec<f64>,
    /// Held and wanted at the preceding close, in its units.
    pub(crate) held_before: Vec<f64>,
    pub(crate) wanted_before: Vec<f64>,
    /// What a unit of the preceding close has earned: price, split and dividend.
    pub(crate) moved: Vec<f64>,
    pub(crate) traded: Vec<Traded>,
    numbers: Vec<usize>,
}

impl Book {
    /// Number of each instrument of the data, in its order.
    pub(crate) fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// Goes to the data's frame, before its fills.
    pub(crate) fn begin(&mut self, data: &Data, numbers: &mut Numbers) {
        let known = self.numbers.len();
        self.numbers.extend(data.names[known..].iter().map(|name| numbers.of(name)));
        self.resize(numbers.len());
        self.held_before.clone_from(&self.held);
        self.wanted_before.clone_from(&self.wanted);
        let before = self.price.clone();
        self.moved.fill(0.0);
        self.traded.fill(Traded::default());
        let mut paid = vec![(1.0, 0.0); self.numbers.len()];
        for action in data.actions() {
            let at = action.instrument as usize;
            paid[at] = (action.split, action.dividend);
            let number = self.numbers[at];
            self.held[number] *= action.split;
            self.wanted[number] *= action.split;
            self.price[number] /= action.split;
        }
        for (at, &number) in self.numbers.iter().enumerate() {
            let close = data.frame.close[at];
            if !close.is_nan() {
                self.price[number] = close;
            }
            let (split, dividend) = paid[at];
            let moved = split * (self.price[number] + dividend) - before[number];
            self.moved[number] = if moved.is_nan() { 0.0 } else { moved };
        }
    }

    /// Takes orders and fills of the frame.
    pub(crate) fn trade(&mut self, row: &Row, numbers: &mut Numbers) {
        if !row.due.is_empty() {
            // A decision wants what is held but for what it orders.
            self.wanted.clone_from(&self.held);
        }
        for order in &row.due {
            let number = self.number(&order.symbol, numbers);
            self.wanted[number] += order.quantity;
            self.traded[number].ordered += order.quantity;
        }
        for fill in &row.fills {
            let number = self.number(&fill.symbol, numbers);
            if fill.forced {
                self.force(number, fill);
                continue;
            }
            self.held[number] += fill.quantity;
            if fill.fraction {
                // The fraction is gone from what was wanted too; at the close, so that it earned nothing.
                self.wanted[number] += fill.quantity;
                continue;
            }
            let traded = &mut self.traded[number];
            traded.filled += fill.quantity;
            traded.earned += fill.quantity * (self.price[number] - fill.price);
        }
    }

    /// Closes a position that no order asked to close. The move from the last price to that of the fill is one of what
    /// was held.
    fn force(&mut self, number: usize, fill: &Fill) {
        let split = self.held[number] / self.held_before[number];
        let moved = split * (fill.price - self.price[number]);
        self.moved[number] += if moved.is_finite() { moved } else { 0.0 };
        self.held[number] += fill.quantity;
        self.wanted[number] = self.held[number];
    }

    fn number(&mut self, symbol: &str, numbers: &mut Numbers) -> usize {
        let number = numbers.of(symbol);
        self.resize(numbers.len());
        number
    }

    /// So many instruments.
    pub(crate) fn resize(&mut self, count: usize) {
        for column in [
            &mut self.held,
            &mut self.wanted,
            &mut self.held_before,
            &mut self.wanted_before,
            &mut self.moved,
        ] {
            column.resize(count, 0.0);
        }
        self.price.resize(count, f64::NAN);
        self.traded.resize(count, Traded::default());
    }

    /// Value of all positions at the close.
    pub(crate) fn value(&self) -> f64 {
        let positions = self.held.iter().zip(&self.price).filter(|(held, _)| **held != 0.0);
        positions.map(|(held, price)| held * price).sum()
    }
}
