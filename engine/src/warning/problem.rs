//! Kinds of data-quality findings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind of a data-quality finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Problem {
    /// Open, high and low equal those of another day of the same instrument.
    CopiedBar,
    /// The bar violates low ≤ open, close ≤ high, or a number is missing or is not a valid price.
    BrokenBar,
    /// The price is divided by a simple ratio and stays there, while other instruments do not move.
    Split,
    /// A move near a simple ratio, without evidence that it is a split.
    LargeMove,
    /// A return beyond a plausible size: a bad tick, or a spin-off without adjustment.
    ExtremeReturn,
    /// The adjusted price jumps, the traded price does not.
    BadAdjustment,
    /// The close stays the same for longer than chance explains, while other instruments trade.
    Stale,
    /// A jump after a gap: another instrument under the same symbol.
    ReusedTicker,
    /// The instrument has a row at this time already.
    Duplicate,
    /// The row comes after a later one.
    Unsorted,
    /// Other instruments have a row on this date, and the instrument has rows before and after it.
    MissingDay,
    /// The price moved without volume.
    ZeroVolume,
    /// The close stays the same on many more days than for other instruments.
    FlatDays,
    /// A date on which no instrument moves.
    HolidayFilled,
    /// The returns equal those of another symbol.
    IdenticalSeries,
    /// Times in one unit are followed by times in another.
    MixedTimeUnits,
    /// All times are in another unit than the declared one.
    WrongTimeUnit,
    /// The factors belong to the returns of another frame.
    FactorsMisaligned,
    /// The symbol differs from another only by white space or case, or has white space at an end.
    SymbolsAlike,
    /// A factor has the same value in all frames.
    FactorConstant,
    /// A factor behaves like a rate or a level, not like a return.
    FactorLevel,
    /// A factor is a linear combination of others.
    FactorsCollinear,
}

impl Problem {
    /// All kinds, the most severe first.
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

    /// Stable name in snake case, for tables and as the code of a warning.
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

    /// Returns true for a problem of a whole series rather than of single rows.
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
