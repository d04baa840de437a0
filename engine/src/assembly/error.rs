//! Errors of rows that cannot become frames.

use std::fmt;

use super::Values;
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
}

/// Rows that are valid one by one and cannot become frames together, or rules that contradict each other.
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
        /// Those without any price at all; empty if each has one, but never in the same frame.
        missing: Vec<String>,
    },
    /// Cumulated returns have left the range of numbers.
    IndexOutOfRange {
        /// The instrument.
        instrument: String,
        /// The frame.
        timestamp: TimestampNs,
        /// The index.
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
    /// Data of returns has no prices, volumes or dividends.
    PricesOfReturns(Field),
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
                "found no price of `{instrument}`, which a factor expression uses, at {} although all have one again at {}, \
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
                "the factor expressions name instruments without any price in the data: {}; check their spelling and the \
                 range of dates",
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
                "found data of returns, expected prices: returns have no prices beside the index that is traded, and so not \
                 {} (`{}`)",
                field.role(),
                field.names()[0]
            ),
        }
    }
}

impl std::error::Error for AssemblyError {}

impl Values {
    /// The values that are valid lie strictly between this and infinity.
    pub(super) const fn floor(self) -> f64 {
        match self {
            Self::Prices => 0.0,
            Self::Returns => -1.0,
            Self::ReturnsOfAnySize => f64::NEG_INFINITY,
        }
    }
}
