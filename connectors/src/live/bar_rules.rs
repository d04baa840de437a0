//! Conditions that a bars message must meet before it is recorded.
//!
//! A message that violates one is refused and counted, and the run continues. A recorded invalid message
//! would end this run and every restart.

use betaflow_engine::assembly::{Assembler, AssemblyError, Fault, Rules, Values};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Bar;
use betaflow_engine::frame::Field;
use betaflow_engine::time::Iso;
use betaflow_engine::time::{DAY_NS, TimestampNs};

use super::error::{LiveError, Refusal};
use super::feed_factors::FeedFactors;
use super::nullable;
use super::protocol::{Bars, FeedValues, Hello, shown};
use crate::clock::now;
use crate::parquet::{BadRow, Settings};

/// Maximum lead of a bar's close over the local clock, in ns. Clocks differ, and some daily bars are stamped
/// with the end of their date.
const AHEAD_NS_MAX: i64 = DAY_NS;
/// Longest step between consecutive bars that needs no confirmation, in ns. No holiday is longer.
const JUMP_NS: i64 = 7 * DAY_NS;
/// Number of refusals reported one by one; later ones are reported at every power of two.
const REPORTED_MAX: u64 = 16;

/// Expectation if the recorded bars end in the future.
pub(super) const RECORD_AHEAD: &str = "a later time; the recorded bars lie ahead of the local clock, and all correct ones are too \
                            late after them; start a new state folder";

/// Rules for the messages of a feed in betaflow's own protocol, checked by its client.
pub(super) struct BarRules {
    assembler: Assembler,
    settings: Settings,
    factors: Option<FeedFactors>,
    recorded: bool,
}

impl BarRules {
    /// Creates the rules for a feed read with `settings`.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub(super) fn new(hello: &Hello, settings: &Settings) -> Result<Self, LiveError> {
        Ok(Self {
            assembler: assembler(hello, settings)?,
            factors: own_factors(hello, settings),
            settings: settings.clone(),
            recorded: hello.recorded,
        })
    }

    /// Updates the rules with an accepted message: the limit of a risk-free return depends on earlier ones.
    pub(super) fn observe(&mut self, bars: &Bars) {
        if let Some(factors) = &mut self.factors {
            // `check` has already reported invalid factors.
            let _ = factors.take(bars);
        }
    }

    /// Returns whether a second message must confirm the time of these bars, because it is far ahead of the
    /// preceding time. If a wrong time were accepted, every later correct message would be late. Times near
    /// the local clock need no confirmation.
    pub(super) fn needs_confirmation(&self, bars: &Bars, last: Option<TimestampNs>) -> bool {
        let jumps = last.is_some_and(|last| bars.timestamp.saturating_sub(last.0) > JUMP_NS);
        jumps && !self.recorded && bars.timestamp < now().0.saturating_sub(AHEAD_NS_MAX)
    }

    /// Checks a message whose predecessor closed at `last`.
    ///
    /// # Errors
    /// Names the first rule that the message violates.
    pub(super) fn check(&self, bars: &Bars, last: Option<TimestampNs>) -> Result<(), Refusal> {
        check_order(bars, last)?;
        if !self.recorded {
            check_clock(bars)?;
        }
        check_numbers(&self.assembler, &self.settings, bars)?;
        self.factors.as_ref().map_or(Ok(()), |factors| factors.check(bars))
    }
}

/// Checks that the feed has the columns and values that the settings need.
pub(super) fn check_needs(hello: &Hello, settings: &Settings) -> Result<(), LiveError> {
    let (stated, wanted) = (hello.values == FeedValues::Returns, settings.values.are_returns());
    if stated != wanted {
        let word = |returns| if returns { "returns" } else { "prices" };
        let found = format!("a feed of {}", word(stated));
        return Err(said(hello, found, &format!("{}, as the settings state", word(wanted))));
    }
    let second = settings.return_column().map(|_| (Field::ReturnPrice, Need::ReturnPrice));
    for (field, need) in settings.required.iter().copied().chain(second) {
        if !hello.columns.iter().any(|name| nullable::field(name) == Some(field)) {
            let found = format!("the columns {}", hello.columns.join(", "));
            let name = field.names()[0];
            let expected = format!(
                "`{name}` too, {}; serve it in the feed, or remove the setting that needs it",
                need.purpose()
            );
            return Err(said(hello, found, &expected));
        }
    }
    Ok(())
}

/// Error of the hello message.
pub(super) fn said(hello: &Hello, found: String, expected: &str) -> LiveError {
    let (feed, place) = (shown(&hello.name), HELLO.to_owned());
    LiveError::Input { feed, place, found, expected: expected.to_owned() }
}

/// Place of the hello message, for errors.
const HELLO: &str = "hello";

/// Creates the frame assembler of a feed, before its first message.
///
/// # Errors
/// The settings contradict each other, or do not agree with the columns of the feed.
pub(super) fn assembler(hello: &Hello, settings: &Settings) -> Result<Assembler, LiveError> {
    made(hello, settings).map_err(|error| LiveError::Assembly {
        feed: shown(&hello.name),
        place: HELLO.to_owned(),
        error: Box::new(error),
    })
}

fn made(hello: &Hello, settings: &Settings) -> Result<Assembler, AssemblyError> {
    let mut assembler = Assembler::new(Rules {
        values: settings.values,
        fields: Vec::new(),
        universe: settings.universe.clone(),
        factors: settings.factors.clone(),
        factor_gap: settings.factor_gap,
        benchmark: settings.benchmark.clone(),
        zone: settings.zone.clone(),
        renames: settings.renames.clone(),
    })?;
    let has = |field: Field| hello.columns.iter().any(|name| nullable::field(name) == Some(field));
    assembler.set_fields(settings.wanted(has))?;
    Ok(assembler)
}

/// Returns the feed's own factors, unless the settings define factors.
pub(super) fn own_factors(hello: &Hello, settings: &Settings) -> Option<FeedFactors> {
    let own = settings.factors.is_empty() && (!hello.factors.is_empty() || hello.has_rf);
    own.then(|| FeedFactors::new(hello, settings))
}

/// Names of the factors of a feed read with `settings`.
///
/// # Errors
/// The settings contradict each other.
pub fn feed_factor_names(hello: &Hello, settings: &Settings) -> Result<Vec<String>, LiveError> {
    Ok(match own_factors(hello, settings) {
        Some(factors) => factors.names().to_vec(),
        None => assembler(hello, settings)?.factor_names().to_vec(),
    })
}

/// Refuses bars that do not close after the preceding ones.
pub(super) fn check_order(bars: &Bars, last: Option<TimestampNs>) -> Result<(), Refusal> {
    let t = TimestampNs(bars.timestamp);
    match last.filter(|last| *last >= t) {
        Some(last) => {
            Err((format!("{} after {}", Iso(t), Iso(last)), "a later time, because a feed is sorted"))
        }
        None => Ok(()),
    }
}

/// Refuses bars of a live feed that close far in the future: after them, all correct messages would be late.
pub(super) fn check_clock(bars: &Bars) -> Result<(), Refusal> {
    let now = now();
    if bars.timestamp <= now.0.saturating_add(AHEAD_NS_MAX) {
        return Ok(());
    }
    let found = format!("{}, while the local clock is at {}", Iso(TimestampNs(bars.timestamp)), Iso(now));
    Err((
        found,
        "a time at most one day ahead of it; if the feed plays back a file, send \"recorded\": true in its hello",
    ))
}

/// Returns whether a time is so far ahead of the local clock that its bars would be refused.
pub(super) fn is_ahead(time: Option<TimestampNs>) -> bool {
    time.is_some_and(|time| time.0 > now().0.saturating_add(AHEAD_NS_MAX))
}

/// Refuses numbers that are invalid in a frame, unless the settings skip bad rows.
pub(super) fn check_numbers(assembler: &Assembler, settings: &Settings, bars: &Bars) -> Result<(), Refusal> {
    if settings.on_bad_row != BadRow::Error {
        return Ok(());
    }
    for (i, symbol) in bars.symbols.iter().enumerate() {
        assembler
            .check(TimestampNs(bars.timestamp), symbol, &bar(bars, i))
            .map_err(|fault| describe_fault(fault, symbol, settings.values))?;
    }
    Ok(())
}

/// Returns the bar of the symbol at position `i`.
pub(super) fn bar(bars: &Bars, i: usize) -> Bar {
    let mut bar = Bar::of_close(f64::NAN);
    for (field, numbers) in &bars.columns {
        bar[*field] = numbers[i];
    }
    bar
}

/// Returns the finding and the expectation of a fault.
pub(super) fn describe_fault(fault: Fault, symbol: &str, values: Values) -> Refusal {
    let symbol = shown(symbol);
    match fault {
        Fault::Duplicate => (format!("duplicate symbol `{symbol}`"), "each symbol once per message"),
        Fault::Renamed => (
            format!("a bar of `{symbol}`, which data.renames replaces by another symbol"),
            "the new symbol from the date of the change on",
        ),
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

/// Returns whether the `count`-th refusal, counted from 1, is reported.
pub(super) fn is_reported(count: u64) -> bool {
    count <= REPORTED_MAX || count.is_power_of_two()
}
