//! Conditions that a message of bars meets before it is put on record.
//!
//! A message that breaks one is refused and counted, and the run goes on. On record it would end this run and every
//! restart of it.

use betaflow_engine::assembly::{Assembler, AssemblyError, Fault, Rules, Values};
use betaflow_engine::frame::Bar;
use betaflow_engine::frame::Field;
use betaflow_engine::time::Iso;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use super::clock::now;
use super::error::Refusal;
use super::feed_factors::FeedFactors;
use super::nullable;
use super::protocol::{Bars, Hello, shown};
use crate::parquet::{BadRow, Settings};

/// Longest time that bars may close after the clock of this machine, in ns: clocks differ, and some daily bars are
/// stamped by the end of their date.
const AHEAD_NS_MAX: i64 = DAY_NS;
/// Longest step from bars to the next that a single message is enough for, in ns: longer than any holiday.
const JUMP_NS: i64 = 7 * DAY_NS;
/// Refusals that are reported one by one; later ones are reported at every power of two.
const REPORTED_MAX: u64 = 16;

/// Rules for the messages of a feed of our protocol, at its edge.
pub(super) struct BarRules {
    assembler: Assembler,
    settings: Settings,
    factors: Option<FeedFactors>,
    recorded: bool,
}

impl BarRules {
    /// Rules of a feed that is read with these settings.
    ///
    /// # Errors
    /// Settings that contradict each other.
    pub(super) fn new(hello: &Hello, settings: &Settings) -> Result<Self, AssemblyError> {
        Ok(Self {
            assembler: assembler(hello, settings)?,
            factors: own_factors(hello, settings),
            settings: settings.clone(),
            recorded: hello.recorded,
        })
    }

    /// Learns from a message that counts: how large a risk-free return may be depends on those before it.
    pub(super) fn observe(&mut self, bars: &Bars) {
        if let Some(factors) = &mut self.factors {
            // What is wrong with it has been found by the check.
            let _ = factors.take(bars);
        }
    }

    /// Returns whether bars close so much later than those before them that one message is not enough to believe it: every true
    /// message would come too late after a wrong one. The clock of this machine confirms the bars of today.
    pub(super) fn is_doubtful(&self, bars: &Bars, last: Option<TimestampNs>) -> bool {
        let jumps = last.is_some_and(|last| bars.timestamp.saturating_sub(last.0) > JUMP_NS);
        jumps && !self.recorded && bars.timestamp < now().0.saturating_sub(AHEAD_NS_MAX)
    }

    /// Checks a message whose predecessor closed at `last`.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub(super) fn check(&self, bars: &Bars, last: Option<TimestampNs>) -> Result<(), Refusal> {
        check_order(bars, last)?;
        if !self.recorded {
            check_clock(bars)?;
        }
        check_numbers(&self.assembler, &self.settings, bars)?;
        self.factors.as_ref().map_or(Ok(()), |factors| factors.check(bars))
    }
}

/// Assembler of the frames of a feed, before its first message.
pub(super) fn assembler(hello: &Hello, settings: &Settings) -> Result<Assembler, AssemblyError> {
    let mut assembler = Assembler::new(Rules {
        values: settings.values,
        fields: Vec::new(),
        universe: settings.universe.clone(),
        factors: settings.factors.clone(),
        factor_gap: settings.factor_gap,
    })?;
    let has = |field: Field| hello.columns.iter().any(|name| nullable::field(name) == Some(field));
    assembler.set_fields(settings.wanted(has))?;
    Ok(assembler)
}

/// The feed's own factors, where the settings make none.
pub(super) fn own_factors(hello: &Hello, settings: &Settings) -> Option<FeedFactors> {
    let own = settings.factors.is_empty() && (!hello.factors.is_empty() || hello.has_rf);
    own.then(|| FeedFactors::new(hello, settings.values, settings.factor_gap, settings.rf_max))
}

/// Refuses bars that do not close after those before them.
pub(super) fn check_order(bars: &Bars, last: Option<TimestampNs>) -> Result<(), Refusal> {
    let t = TimestampNs(bars.timestamp);
    match last.filter(|last| *last >= t) {
        Some(last) => Err((format!("{} after {}", Iso(t), Iso(last)), "a later time: a feed is sorted")),
        None => Ok(()),
    }
}

/// Refuses bars of a live feed that close far in the future: every true message would come too late after them.
pub(super) fn check_clock(bars: &Bars) -> Result<(), Refusal> {
    let now = now();
    if bars.timestamp <= now.0.saturating_add(AHEAD_NS_MAX) {
        return Ok(());
    }
    let found =
        format!("{}, where the clock of this machine says {}", Iso(TimestampNs(bars.timestamp)), Iso(now));
    Err((
        found,
        "a time at most a day ahead of it; a feed that plays a file back says so (\"recorded\": true)",
    ))
}

/// Returns whether a time lies so far ahead of the clock of this machine that bars of it would be refused.
pub(super) fn is_ahead(time: Option<TimestampNs>) -> bool {
    time.is_some_and(|time| time.0 > now().0.saturating_add(AHEAD_NS_MAX))
}

/// Refuses numbers that cannot become part of a frame, but where bad rows are skipped one by one.
pub(super) fn check_numbers(assembler: &Assembler, settings: &Settings, bars: &Bars) -> Result<(), Refusal> {
    if settings.on_bad_row != BadRow::Error {
        return Ok(());
    }
    for (i, symbol) in bars.symbols.iter().enumerate() {
        assembler.check(symbol, &bar(bars, i)).map_err(|fault| described(fault, symbol, settings.values))?;
    }
    Ok(())
}

/// The bar of the symbol at a position.
pub(super) fn bar(bars: &Bars, i: usize) -> Bar {
    let mut bar = Bar::of_close(f64::NAN);
    for (field, numbers) in &bars.columns {
        bar[*field] = numbers[i];
    }
    bar
}

/// A fault in words.
pub(super) fn described(fault: Fault, symbol: &str, values: Values) -> Refusal {
    let symbol = shown(symbol);
    match fault {
        Fault::Duplicate => (format!("`{symbol}` twice"), "each symbol once a message"),
        Fault::Value { field, found } => {
            let expected = match (values, field) {
                (Values::ReturnsOfAnySize, Field::Close) => "a finite return, or null",
                (Values::Returns, Field::Close) => "a return above -1 (decimal, not percent), or null",
                (_, Field::Volume | Field::Dividend | Field::Split) => "a number of at least 0, or null",
                _ => "a positive price, or null",
            };
            (format!("{found} in `{}` of `{symbol}`", field.names()[0]), expected)
        }
    }
}

/// Returns whether the refusal of this number, counted from 1, is reported.
pub(super) fn is_told(count: u64) -> bool {
    count <= REPORTED_MAX || count.is_power_of_two()
}
