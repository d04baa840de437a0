//! Symbol changes as they act: the new symbol takes the place of the old one in the engine order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::assembler::{Assembler, GONE, Target, is_column};
use super::symbols::Slot;
use super::{AssemblyError, Rename, Rules};
use crate::frame::{Field, Frame, Renamed};
use crate::source::SymbolChange;
use crate::time::{Date, TimestampNs};

/// State of the symbol changes between timestamps.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Renaming {
    /// Number of changes that have acted.
    pub(super) applied: usize,
    /// Changes that no frame has carried so far.
    announced: Vec<Announced>,
    /// Instruments with a symbol change, if the data has a separate price for returns.
    joined: Vec<Joined>,
}

/// Change of a listed instrument.
#[derive(Debug, Serialize, Deserialize)]
struct Announced {
    instrument: u32,
    slot: Slot,
    ratio: f64,
}

/// Join of two price histories whose adjustment factors need not agree.
///
/// The adjusted price of the new symbol is scaled so that the return over the join is that of the traded price,
/// c ratio / c' − 1, without a dividend of that frame.
#[derive(Debug, Serialize, Deserialize)]
struct Joined {
    instrument: u32,
    /// Last adjusted price over the traded one.
    factor: f64,
    /// Scale of the adjusted price of the present symbol.
    scale: f64,
    /// Ratio of a change whose first price is still to come.
    due: Option<f64>,
}

impl Joined {
    fn write(&mut self, frame: &mut Frame) {
        let i = self.instrument as usize;
        let Some(adjusted) = frame.return_price.get_mut(i).filter(|adjusted| !adjusted.is_nan()) else {
            return;
        };
        let close = frame.close[i];
        if let Some(ratio) = self.due.filter(|_| !close.is_nan()) {
            let scale = self.factor * ratio * close / *adjusted;
            self.scale = if scale.is_nan() { 1.0 } else { scale };
            self.due = None;
        }
        *adjusted *= self.scale;
        if !close.is_nan() {
            self.factor = *adjusted / close;
        }
    }
}

/// Checks the symbol changes against the other rules.
///
/// # Errors
/// A change of an instrument of a factor expression or of the benchmark, or a ratio in data of returns.
pub(super) fn check(rules: &Rules, constituents: &BTreeSet<String>) -> Result<(), AssemblyError> {
    for rename in rules.renames.rows() {
        let is_used =
            |symbol: &String| constituents.contains(symbol) || rules.benchmark.as_ref() == Some(symbol);
        if is_used(&rename.from) || is_used(&rename.to) {
            return Err(AssemblyError::RenamedConstituent(rename.clone()));
        }
        if rename.ratio != 1.0 && rules.values.are_returns() {
            return Err(AssemblyError::RatioOfReturns(rename.clone()));
        }
    }
    Ok(())
}

impl Assembler {
    /// Lets the symbol changes up to a timestamp act.
    pub(super) fn rename_until(&mut self, timestamp: TimestampNs) {
        let date = Date::of(self.rules.zone.local(timestamp));
        while let Some(rename) =
            self.rules.renames.rows().get(self.renaming.applied).filter(|row| row.date <= date)
        {
            let rename = rename.clone();
            self.renaming.applied += 1;
            let Some(from) = self.symbols.get(&rename.from) else { continue };
            let target = std::mem::replace(&mut self.entries[from.index()].target, GONE);
            self.order.clear();
            if !is_column(target) {
                // Without a price so far, the new symbol begins like any other; so does one outside the universe.
                continue;
            }
            let to = self.place(&rename.to);
            let before = std::mem::replace(&mut self.entries[to.index()].target, target);
            if is_column(before) {
                self.failure.get_or_insert(AssemblyError::RenamedToListed(rename));
                continue;
            }
            self.renaming.announced.push(Announced { instrument: target, slot: to, ratio: rename.ratio });
            if let Some(joined) = self.renaming.joined.iter_mut().find(|joined| joined.instrument == target) {
                joined.due = Some(joined.due.unwrap_or(1.0) * rename.ratio);
            }
        }
    }

    /// Watches a newly listed instrument whose symbol changes later.
    pub(super) fn watch(&mut self, slot: Slot, instrument: Target) {
        let ends = |symbol: &str| self.rules.renames.is_ending(self.renaming.applied, symbol);
        if self.rules.has(Field::ReturnPrice) && ends(self.symbols.name(slot)) {
            self.renaming.joined.push(Joined { instrument, factor: f64::NAN, scale: 1.0, due: None });
        }
    }

    /// Writes the symbol changes into the frame that is emitted.
    pub(super) fn write_renames(&mut self, frame: &mut Frame) {
        for Announced { instrument, slot, ratio } in self.renaming.announced.drain(..) {
            let i = instrument as usize;
            frame.renamed.push(Renamed { instrument, name: self.symbols.name(slot).clone() });
            if ratio != 1.0 {
                let split = frame.split_of(i) * ratio;
                frame.split.resize(frame.close.len(), f64::NAN);
                frame.split[i] = split;
            }
        }
        self.renaming.joined.iter_mut().for_each(|joined| joined.write(frame));
    }

    /// Changes so far, both of whose symbols the data has.
    #[must_use]
    pub fn symbol_changes(&self) -> Vec<SymbolChange> {
        let acted = self.rules.renames.rows()[..self.renaming.applied].iter();
        let both = acted.filter(|row| self.is_in_data(&row.from) && self.is_in_data(&row.to));
        both.map(|Rename { from, to, date, .. }| SymbolChange {
            from: from.clone(),
            to: to.clone(),
            date: *date,
        })
        .collect()
    }

    /// Symbols of the changes so far that no row had although the other symbol of the change had one; an old symbol
    /// counts only if the data begins before its date. If no change has a symbol of the data: those of the first.
    #[must_use]
    pub fn unseen_renames(&self, first: Option<TimestampNs>) -> Vec<String> {
        let acted = &self.rules.renames.rows()[..self.renaming.applied];
        let begins = |date: Date| first.is_some_and(|first| Date::of(self.rules.zone.local(first)) < date);
        let unseen = acted.iter().filter_map(|Rename { from, to, date, .. }| {
            match (self.is_in_data(from), self.is_in_data(to)) {
                (true, false) => Some(to.clone()),
                (false, true) if begins(*date) => Some(from.clone()),
                _ => None,
            }
        });
        let any = acted.iter().any(|row| self.is_in_data(&row.from) || self.is_in_data(&row.to));
        match acted.first() {
            Some(Rename { from, to, .. }) if !any => vec![from.clone(), to.clone()],
            _ => unseen.collect(),
        }
    }
}
