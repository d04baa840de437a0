//! Errors of rows that cannot become frames.

use std::fmt;

use super::{Rename, Values};
use crate::frame::Field;
use crate::time::{Iso, TimestampNs};

/// Reason why one row cannot become part of a frame. The reader of the row adds its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The instrument has a row in this frame already.
    Duplicate,
    /// The value is neither null nor valid.
    Value {
        /// Column of the bar.
        field: Field,
        /// The value.
        found: f64,
    },
    /// The symbol was replaced by another one at an earlier date.
    Renamed,
}

/// Error of rows that are valid one by one but cannot become frames together, or of rules that contradict
/// each other.
#[derive(Clone, Debug, PartialEq)]
pub enum AssemblyError {
    /// An instrument of a factor expression had no price in some frames and then had one again.
    FactorGap {
        /// First frame without the price.
        gap: TimestampNs,
        /// First frame with all prices again.
        resumed: TimestampNs,
        /// The instrument.
        instrument: String,
    },
    /// No frame has a price for every instrument of the factor expressions.
    FactorsNeverComplete {
        /// Instruments without any price; empty if each has one, but never in the same frame.
        missing: Vec<String>,
    },
    /// The index of cumulated returns is not a positive finite number.
    IndexOutOfRange {
        /// The instrument.
        instrument: String,
        /// Time of the frame.
        timestamp: TimestampNs,
        /// Value of the index.
        found: f64,
    },
    /// Two rules of the universe contradict each other.
    Universe {
        /// The symbol.
        symbol: String,
        /// The contradiction.
        conflict: UniverseConflict,
    },
    /// Two factors have the same name.
    FactorTwice(String),
    /// Prices, volumes or dividends are requested of data that states returns.
    PricesOfReturns(Field),
    /// The new symbol of a change had prices before its date.
    RenamedToListed(Rename),
    /// A changed symbol is part of a factor expression, or is the benchmark.
    RenamedConstituent(Rename),
    /// A change has a ratio, and the data states returns.
    RatioOfReturns(Rename),
}

/// Contradiction between two rules of the universe about one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniverseConflict {
    /// In both `trade` and `exclude`.
    TradedAndExcluded,
    /// In `trade` and not in `include`.
    TradedNotIncluded,
    /// In both `include` and `exclude`.
    IncludedAndExcluded,
}

impl fmt::Display for UniverseConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TradedAndExcluded => "in both `trade` and `exclude`, expected in one",
            Self::TradedNotIncluded => "in `trade` but not in `include`, expected in both",
            Self::IncludedAndExcluded => "in both `include` and `exclude`, expected in one",
        })
    }
}

impl fmt::Display for AssemblyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FactorGap { gap, resumed, instrument } => write!(
                f,
                "found no price of `{instrument}`, which a factor expression uses, at {} before all prices resume at {}, \
                 expected one in every frame; fill the gap",
                Iso(*gap),
                Iso(*resumed)
            ),
            Self::FactorsNeverComplete { missing } if missing.is_empty() => f.write_str(
                "found no frame with a price of every instrument of the factor expressions, expected at least one: check \
                 that their bars close at the same time",
            ),
            Self::FactorsNeverComplete { missing } => write!(
                f,
                "found no price in the data for {}, expected one for each instrument of a factor expression; check their \
                 spelling and the range of dates",
                missing.join(", ")
            ),
            Self::IndexOutOfRange { instrument, timestamp, found } => write!(
                f,
                "the index of the cumulated returns of `{instrument}` is {found} at {}, expected a positive \
                 finite number; check that the column holds simple returns as decimals, not percent or prices",
                Iso(*timestamp)
            ),
            Self::Universe { symbol, conflict } => write!(f, "universe: found `{symbol}` {conflict}"),
            Self::FactorTwice(name) => write!(f, "factors: found the name `{name}` twice, expected once"),
            Self::PricesOfReturns(field) => write!(
                f,
                "found {} (`{}`) in data of returns, expected data of prices",
                field.role(),
                field.names()[0]
            ),
            Self::RenamedToListed(Rename { from, to, date, .. }) => write!(
                f,
                "data.renames: found prices of `{to}` before {date}, on which `{from}` becomes `{to}`, expected none; \
                 correct the date, or give the instrument that had the symbol before another symbol"
            ),
            Self::RenamedConstituent(Rename { from, to, date, .. }) => write!(
                f,
                "data.renames: found a change of `{from}` to `{to}` on {date}, expected none of an instrument that a \
                 factor expression or the benchmark uses; write all its rows under one symbol"
            ),
            Self::RatioOfReturns(Rename { from, to, ratio, .. }) => write!(
                f,
                "data.renames: found the ratio {ratio} for `{from}` and `{to}` in data of returns, expected 1: returns \
                 have no unit"
            ),
        }
    }
}

impl std::error::Error for AssemblyError {}

impl Values {
    /// Exclusive lower bound of valid values.
    pub(super) const fn floor(self) -> f64 {
        match self {
            Self::Prices => 0.0,
            Self::Returns => -1.0,
            Self::ReturnsOfAnySize => f64::NEG_INFINITY,
        }
    }
}
