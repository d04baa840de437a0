//! Held and intended positions of a recorded run, rebuilt from its orders, fills and prices.

use std::collections::BTreeMap;

use crate::execution::{Action, Holdings, Reason};

/// Numbers of the instruments of both runs, by name.
#[derive(Clone, Debug, Default)]
pub struct InstrumentNumbers(BTreeMap<String, usize>);

impl InstrumentNumbers {
    /// Returns the number of an instrument; a new name gets the next number.
    pub fn of(&mut self, name: &str) -> usize {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.len();
        self.0.insert(name.to_owned(), number);
        number
    }

    /// Adds a new symbol of an instrument, from a symbol change.
    pub fn rename(&mut self, name: &str, number: usize) {
        self.0.entry(name.to_owned()).or_insert(number);
    }

    /// Count of instruments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().max().map_or(0, |last| last + 1)
    }

    /// Returns true if there are no instruments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Trades of one instrument on a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traded {
    /// Filled quantity of orders.
    pub filled: f64,
    /// Gain from the price of the fills to the close.
    pub earned: f64,
    /// Quantity of the orders that fall due on the frame.
    pub ordered: f64,
}

/// Positions of a run, by instrument number.
///
/// Intended positions are those held if every order filled whole on its first frame.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    held: Vec<f64>,
    intended: Vec<f64>,
    price: Vec<f64>,
    /// Held quantity at the preceding close, in its units.
    pub(super) held_before: Vec<f64>,
    /// Intended quantity at the preceding close, in its units.
    pub(super) intended_before: Vec<f64>,
    /// Gain of one unit of the preceding close by price, split and dividend.
    pub(super) moved: Vec<f64>,
    pub(super) traded: Vec<Traded>,
    numbers: Vec<usize>,
}

impl Positions {
    /// Instrument number of each column of the data.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// Advances to the next frame of the data, before its fills. `names`: all instruments of the data so far.
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

    /// Opens the account with positions. Call on its first recorded frame, after [`Self::begin`].
    pub fn open(&mut self, holdings: &Holdings, numbers: &mut InstrumentNumbers) {
        for (symbol, &quantity) in &holdings.quantities {
            let number = self.number(symbol, numbers);
            self.held[number] = quantity;
            self.intended[number] = quantity;
        }
    }

    /// Takes the orders that fall due on the frame, as instrument and quantity. Call before the frame's
    /// fills.
    pub fn order<'a>(
        &mut self,
        due: impl ExactSizeIterator<Item = (&'a str, f64)>,
        numbers: &mut InstrumentNumbers,
    ) {
        if due.len() > 0 {
            // Orders start from the held position.
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
            // The fraction leaves the intended position too, at the close, so it has no gain from fill price to close.
            Reason::CashInLieu => {
                self.held[number] += quantity;
                self.intended[number] += quantity;
            }
            // The intended position follows, as for a fraction paid out, and the fill has a gain of its own.
            Reason::Recall => {
                self.held[number] += quantity;
                self.intended[number] += quantity;
                self.traded[number].earned += quantity * (self.price[number] - price);
            }
            Reason::Order => {
                self.held[number] += quantity;
                let traded = &mut self.traded[number];
                traded.filled += quantity;
                traded.earned += quantity * (self.price[number] - price);
            }
        }
    }

    /// Closes a position without an order. The move from the last price to the fill price is a gain of the
    /// held position.
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

    /// Extends the columns to `count` instruments.
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
