//! A row that something is wrong with.

use std::fmt;
use std::sync::Arc;

use crate::time::TimestampNs;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// Open, high and low are those of another day of the same instrument.
    CopiedBar,
    /// low ≤ open, close ≤ high does not hold, or a number is missing, or is no price.
    BrokenBar,
    /// The price is divided by a simple ratio, the others' are not, and it stays there.
    Split,
    /// A move near a simple ratio, without evidence that it is a split.
    LargeMove,
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
    /// The close stays the same on many more days than those of others.
    FlatDays,
    /// A date on which no instrument moves.
    HolidayFilled,
    /// The returns are those of another symbol.
    IdenticalSeries,
    /// Times in one unit are followed by times in another.
    MixedTimeUnits,
    /// All times are in another unit than the declared one.
    WrongTimeUnit,
    /// The factors belong to the returns of another frame.
    FactorsMisaligned,
    /// The symbol differs from another one by white space or case alone, or has white space at an end.
    SymbolsAlike,
    /// A factor has the same value in all frames.
    FactorConstant,
    /// A factor moves as a rate or a level does, not as a return.
    FactorLevel,
    /// A factor is a linear combination of others.
    FactorsCollinear,
}

impl Problem {
    /// All of them, the gravest first.
    pub const ALL: [Self; 22] = [
        Self::MixedTimeUnits,
        Self::WrongTimeUnit,
        Self::CopiedBar,
        Self::FactorsMisaligned,
        Self::FactorConstant,
        Self::FactorLevel,
        Self::FactorsCollinear,
        Self::BrokenBar,
        Self::SymbolsAlike,
        Self::Duplicate,
        Self::Unsorted,
        Self::Split,
        Self::BadAdjustment,
        Self::ReusedTicker,
        Self::ExtremeReturn,
        Self::LargeMove,
        Self::IdenticalSeries,
        Self::HolidayFilled,
        Self::FlatDays,
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
            Self::LargeMove => "large_move",
            Self::FlatDays => "flat_days",
            Self::HolidayFilled => "holiday_filled",
            Self::IdenticalSeries => "identical_series",
            Self::MixedTimeUnits => "mixed_time_units",
            Self::WrongTimeUnit => "wrong_time_unit",
            Self::FactorsMisaligned => "factors_misaligned",
            Self::SymbolsAlike => "symbols_alike",
            Self::FactorConstant => "factor_constant",
            Self::FactorLevel => "factor_level",
            Self::FactorsCollinear => "factors_collinear",
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
            Self::SymbolsAlike => {
                "symbols that differ by white space or case alone, or have white space at an end"
            }
            Self::LargeMove => "large move(s), possibly unadjusted splits",
            Self::FlatDays => "instrument(s) whose close often stays the same",
            Self::HolidayFilled => "date(s) on which no instrument moves: holidays that were filled forward",
            Self::IdenticalSeries => "instrument(s) with the returns of another symbol",
            Self::MixedTimeUnits => "place(s) where times change their unit",
            Self::WrongTimeUnit => "file(s) or folder(s) with all times in a wrong unit",
            Self::FactorsMisaligned => "factors that belong to another row",
            Self::FactorConstant => "factor(s) that do not move",
            Self::FactorLevel => "factor(s) that are a rate or a level, not a return",
            Self::FactorsCollinear => "factor(s) that others make up",
        }
    }

    /// True for a problem of a whole series: a run names each of the worst.
    #[must_use]
    pub const fn is_about_series(self) -> bool {
        matches!(self, Self::IdenticalSeries | Self::FlatDays)
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
