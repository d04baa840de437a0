//! A row that something is wrong with.

use std::fmt;
use std::sync::Arc;

use crate::frame::TimestampNs;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// Open, high and low are those of another day of the same instrument.
    CopiedBar,
    /// low ≤ open, close ≤ high does not hold, or a number is missing, or is no price.
    BrokenBar,
    /// The price is divided by a simple ratio, the others' are not, and it stays there.
    Split,
    /// A return beyond reason: a bad tick, or a spin-off that is not adjusted.
    ExtremeReturn,
    /// The adjusted price jumps where the price does not.
    BadAdjustment,
    /// The same close for longer than chance explains, while others trade.
    Stale,
    /// A jump together with a gap: another instrument under the same name.
    ReusedTicker,
    /// The instrument has a row at this time already.
    Duplicate,
    /// The row comes after a later one.
    Unsorted,
    /// The others have a row on this date, and the instrument has before and after it.
    MissingDay,
    /// The price moved without volume.
    ZeroVolume,
    /// The first factor belongs to the returns of another day.
    FactorsMisaligned,
    /// The symbol differs from another one by white space or case alone, or has white space at an end.
    SymbolsAlike,
}

impl Problem {
    /// All of them, the gravest first.
    pub const ALL: [Self; 13] = [
        Self::CopiedBar,
        Self::FactorsMisaligned,
        Self::BrokenBar,
        Self::SymbolsAlike,
        Self::Duplicate,
        Self::Unsorted,
        Self::Split,
        Self::BadAdjustment,
        Self::ReusedTicker,
        Self::ExtremeReturn,
        Self::Stale,
        Self::MissingDay,
        Self::ZeroVolume,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopiedBar => "copied_bar",
            Self::BrokenBar => "broken_bar",
            Self::Split => "split",
            Self::ExtremeReturn => "extreme_return",
            Self::BadAdjustment => "bad_adjustment",
            Self::Stale => "stale",
            Self::ReusedTicker => "reused_ticker",
            Self::Duplicate => "duplicate",
            Self::Unsorted => "unsorted",
            Self::MissingDay => "missing_day",
            Self::ZeroVolume => "zero_volume",
            Self::FactorsMisaligned => "factors_misaligned",
            Self::SymbolsAlike => "symbols_alike",
        }
    }

    /// What rows with it are, as the object of "there are".
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::CopiedBar => "row(s) with the bar of another day (look-ahead, if it is a later one)",
            Self::BrokenBar => "row(s) whose numbers contradict each other or are no prices",
            Self::Split => "jumps by a simple ratio that stay: splits that are not adjusted",
            Self::ExtremeReturn => "returns beyond reason",
            Self::BadAdjustment => {
                "jumps of the adjusted price, or stated splits, that the price does not show"
            }
            Self::Stale => "row(s) of a price that stands still",
            Self::ReusedTicker => "jumps after a gap: another instrument under the same name",
            Self::Duplicate => "row(s) that repeat an instrument's row of the same time",
            Self::Unsorted => "row(s) that come after a later one",
            Self::MissingDay => "days without a row inside an instrument's history",
            Self::ZeroVolume => "row(s) whose price moved without volume",
            Self::FactorsMisaligned => "factors that belong to another day",
            Self::SymbolsAlike => {
                "symbols that differ by white space or case alone, or have white space at an end"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A row that something is wrong with.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Time of the row.
    pub timestamp: TimestampNs,
    /// The instrument, or `(panel)` where it is about all.
    pub symbol: Arc<str>,
    /// What is wrong.
    pub problem: Problem,
    /// What was found, and what was expected.
    pub detail: String,
    /// Larger is worse, within a kind of problem; no unit.
    pub severity: f64,
}
