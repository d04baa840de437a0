//! Symbol changes: from a date on, the rows of one symbol continue the instrument of another.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::universe::Universe;
use crate::time::Date;

/// Symbol change of an instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    /// Symbol before the date.
    pub from: String,
    /// Symbol from the date on.
    pub to: String,
    /// First date of the new symbol.
    pub date: Date,
    /// Units of the new symbol that replace one unit of the old one.
    pub ratio: f64,
}

/// Symbol changes in the order in which they act: by date, then as given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Renames(Arc<[Rename]>);

/// Reason why symbol changes contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenameFault {
    /// Both symbols are the same.
    SameSymbol,
    /// The ratio is not a positive finite number.
    Ratio,
    /// The old symbol has been given up already, on this date.
    Gone(Date),
    /// The new symbol is already that of an instrument that took it over, on this date.
    Taken(Date),
}

/// The symbol or ratio that was expected in place of the one found.
impl fmt::Display for RenameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameSymbol => f.write_str("another symbol than the old one"),
            Self::Ratio => {
                f.write_str("a positive finite number, the units of the new symbol for one of the old")
            }
            Self::Gone(date) => write!(f, "a symbol that was not replaced before (this one was, on {date})"),
            Self::Taken(date) => {
                write!(f, "a symbol that no other instrument took over before (one did, on {date})")
            }
        }
    }
}

impl Renames {
    /// Sorts symbol changes by date and checks them.
    ///
    /// # Errors
    /// Returns the position, in the order given, of the first change that contradicts itself or an earlier one.
    pub fn new(rows: Vec<Rename>) -> Result<Self, (usize, RenameFault)> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|row| rows[*row].date);
        for (at, row) in order.iter().enumerate() {
            let Rename { from, to, ratio, .. } = &rows[*row];
            let last = |symbol: &String| {
                let earlier = order[..at].iter().rev().map(|row| &rows[*row]);
                earlier.clone().find(|rename| rename.from == *symbol || rename.to == *symbol)
            };
            if from == to {
                return Err((*row, RenameFault::SameSymbol));
            }
            if !(*ratio > 0.0 && *ratio < f64::INFINITY) {
                return Err((*row, RenameFault::Ratio));
            }
            if let Some(earlier) = last(from).filter(|earlier| earlier.from == *from) {
                return Err((*row, RenameFault::Gone(earlier.date)));
            }
            if let Some(earlier) = last(to).filter(|earlier| earlier.to == *to) {
                return Err((*row, RenameFault::Taken(earlier.date)));
            }
        }
        Ok(Self(order.into_iter().map(|row| rows[row].clone()).collect()))
    }

    /// Symbol changes in the order in which they act.
    #[must_use]
    pub fn rows(&self) -> &[Rename] {
        &self.0
    }

    /// SHA-256 of the changes up to a date.
    #[must_use]
    pub fn digest_until(&self, date: Date) -> [u8; 32] {
        digest_of(&self.0[..self.0.partition_point(|rename| rename.date <= date)])
    }

    /// SHA-256 of all changes.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest_of(&self.0)
    }

    /// Returns the universe in which a rule that names one symbol of an instrument names all its symbols.
    pub(super) fn widen(&self, universe: &Universe) -> Universe {
        let Universe { include, exclude, trade } = universe;
        let all = |names: &[String]| {
            let mut names: Vec<String> = names.to_vec();
            names.extend(self.others_of(names.iter()));
            names
        };
        Universe { include: all(include), exclude: all(exclude), trade: all(trade) }
    }

    /// Other symbols of the instruments with these symbols.
    fn others_of<'a>(&self, symbols: impl Iterator<Item = &'a String>) -> Vec<String> {
        let given: BTreeSet<String> = symbols.cloned().collect();
        let mut all = given.clone();
        loop {
            let before = all.len();
            for Rename { from, to, .. } in self.0.iter() {
                if all.contains(from) || all.contains(to) {
                    all.extend([from.clone(), to.clone()]);
                }
            }
            if all.len() == before {
                return all.difference(&given).cloned().collect();
            }
        }
    }

    /// Returns true if `symbol` has been given up as of a date.
    pub(super) fn is_gone_on(&self, date: Date, symbol: &str) -> bool {
        self.is_gone(self.0.partition_point(|rename| rename.date <= date), symbol)
    }

    /// Returns true if `symbol` has been given up, after the first `applied` changes.
    pub(super) fn is_gone(&self, applied: usize, symbol: &str) -> bool {
        let mut earlier = self.0[..applied].iter().rev();
        earlier
            .find(|rename| rename.from == symbol || rename.to == symbol)
            .is_some_and(|last| last.from == symbol)
    }

    /// Returns true if a later change than the first `applied` gives up `symbol`.
    pub(super) fn is_ending(&self, applied: usize, symbol: &str) -> bool {
        self.0[applied..].iter().any(|rename| rename.from == symbol)
    }
}

/// SHA-256 of symbol changes.
fn digest_of(rows: &[Rename]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for rename in rows {
        for symbol in [&rename.from, &rename.to] {
            digest.update((symbol.len() as u64).to_le_bytes());
            digest.update(symbol.as_bytes());
        }
        digest.update(rename.date.days().to_le_bytes());
        digest.update(rename.ratio.to_le_bytes());
    }
    digest.finalize().into()
}
