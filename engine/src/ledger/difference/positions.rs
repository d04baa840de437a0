//! Held and ordered positions of a recorded run, rebuilt from its orders, fills and prices.

use std::collections::BTreeMap;

use crate::execution::{Action, Reason};

/// Numbers of the instruments of both runs, by name.
#[derive(Clone, Debug, Default)]
pub struct InstrumentNumbers(BTreeMap<String, usize>);

impl InstrumentNumbers {
    /// Number of an instrument; a new name gets the next number.
    pub fn of(&mut self, name: &str) -> usize {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.0.len();
        self.0.insert(name.to_owned(), number);
        number
    }

    /// Count of instruments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without instruments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Trades of an instrument on a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traded {
    /// Quantity of orders that was filled.
    pub filled: f64,
    /// Gain from the price of the fills to the close.
    pub earned: f64,
    /// Quantity of the orders that fall due on the frame.
    pub ordered: f64,
}

/// Positions of a run, by number of the instrument.
///
/// `intended` positions are those that would be held had every order filled whole on its first frame.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    held: Vec<f64>,
    intended: Vec<f64>,
    price: Vec<f64>,
    /// Held at the preceding close, in its units.
    pub(super) held_before: Vec<f64>,
    /// Intended at the preceding close, in its units.
    pub(super) intended_before: Vec<f64>,
    /// Gain of a unit of the preceding close by price, split and dividend.
    pub(super) moved: Vec<f64>,
    pub(super) traded: Vec<Traded>,
    numbers: Vec<usize>,
}

impl Positions {
    /// Number of each instrument of the data, in the order of the data.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// Moves to the next frame of the data, before its fills. `names`: all instruments of the data so far.
    pub fn begin(
        &mut self,
        names: &[String],
        close: &[f64],
        actions: &[Action],
        numbers: &mut InstrumentNumbers,
    ) {
        let known = self.numbers.len();
        self.numbers.extend(names[known..].iter().map(|name| numbers.of(name)));
        self.resize(numbers.len());
        self.held_before.clone_from(&self.held);
        self.intended_before.clone_from(&self.intended);
        let before = self.price.clone();
        self.moved.fill(0.0);
        self.traded.fill(Traded::default());
        let mut paid = vec![(1.0, 0.0); self.numbers.len()];
        for action in actions {
            let at = action.instrument as usize;
            paid[at] = (action.split, action.dividend);
            let number = self.numbers[at];
            self.held[number] *= action.split;
            self.intended[number] *= action.split;
            self.price[number] /= action.split;
        }
        for (at, &number) in self.numbers.iter().enumerate() {
            if !close[at].is_nan() {
                self.price[number] = close[at];
            }
            let (split, dividend) = paid[at];
            let moved = split * (self.price[number] + dividend) - before[number];
            self.moved[number] = if moved.is_nan() { 0.0 } else { moved };
        }
    }

    /// Takes the orders that fall due on the frame: instrument and quantity. It comes before the fills.
    pub fn order<'a>(
        &mut self,
        due: impl ExactSizeIterator<Item = (&'a str, f64)>,
        numbers: &mut InstrumentNumbers,
    ) {
        if due.len() > 0 {
            // Orders change the position that is held.
            self.intended.clone_from(&self.held);
        }
        for (symbol, quantity) in due {
            let number = self.number(symbol, numbers);
            self.intended[number] += quantity;
            self.traded[number].ordered += quantity;
        }
    }

    /// Takes a fill of the frame.
    pub fn fill(
        &mut self,
        symbol: &str,
        (quantity, price): (f64, f64),
        reason: Reason,
        numbers: &mut InstrumentNumbers,
    ) {
        let number = self.number(symbol, numbers);
        match reason {
            Reason::Delisting | Reason::Ruin => self.force(number, quantity, price),
            // The fraction leaves the intended position too; at the close, so that it earned nothing.
            Reason::CashInLieu => {
                self.held[number] += quantity;
                self.intended[number] += quantity;
            }
            Reason::Order => {
                self.held[number] += quantity;
                let traded = &mut self.traded[number];
                traded.filled += quantity;
                traded.earned += quantity * (self.price[number] - price);
            }
        }
    }

    /// Closes a position without an order. The move from the last price to that of the fill is one of the held position.
    fn force(&mut self, number: usize, quantity: f64, price: f64) {
        let split = self.held[number] / self.held_before[number];
        let moved = split * (price - self.price[number]);
        self.moved[number] += if moved.is_finite() { moved } else { 0.0 };
        self.held[number] += quantity;
        self.intended[number] = self.held[number];
    }

    fn number(&mut self, symbol: &str, numbers: &mut InstrumentNumbers) -> usize {
        let number = numbers.of(symbol);
        self.resize(numbers.len());
        number
    }

    /// Grows to `count` instruments.
    pub fn resize(&mut self, count: usize) {
        for column in [
            &mut self.held,
            &mut self.intended,
            &mut self.held_before,
            &mut self.intended_before,
            &mut self.moved,
        ] {
            column.resize(count, 0.0);
        }
        self.price.resize(count, f64::NAN);
        self.traded.resize(count, Traded::default());
    }

    /// Value of all positions at the close.
    #[must_use]
    pub fn value(&self) -> f64 {
        let positions = self.held.iter().zip(&self.price).filter(|(held, _)| **held != 0.0);
        positions.map(|(held, price)| held * price).sum()
    }
}
