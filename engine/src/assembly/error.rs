//! What can be wrong with the rows of a frame.

use std::fmt;

use super::Values;
use crate::frame::Field;
use crate::time::Iso;
use crate::time::TimestampNs;

/// Why one row cannot become part of a frame. Whoever read the row knows where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The instrument has a row in this frame already.
    Duplicate,
    /// The value is neither null nor valid.
    Value {
        /// Which column of the bar.
        field: Field,
        /// What is in it.
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
        /// What is asked of it.
        conflict: &'static str,
    },
    /// Two factors have the same name.
    FactorTwice(String),
    /// Data of returns has no prices, volumes or dividends.
    PricesOfReturns(Field),
}

impl fmt::Display for AssemblyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FactorGap { gap, resumed, instrument } => write!(
                f,
                "the factor expressions need a price of `{instrument}` in every frame: it has none at {} \
                 although all have one again at {}; fill the gap, or set data.factor_gap = \"carry\" to hand \
                 such frames on without an update of the estimates",
                Iso(*gap),
                Iso(*resumed)
            ),
            Self::FactorsNeverComplete { missing } if missing.is_empty() => f.write_str(
                "no frame has a price of every instrument of the factor expressions: they never trade at the \
                 same timestamp; check that their bars close at the same time",
            ),
            Self::FactorsNeverComplete { missing } => write!(
                f,
                "the factor expressions name instruments without any price in the data: {}; check the \
                 spelling in [factors] and the range of dates",
                missing.join(", ")
            ),
            Self::IndexOutOfRange { instrument, timestamp, found } => write!(
                f,
                "the index of the cumulated returns of `{instrument}` is {found} at {}, expected a positive \
                 finite number; check that the column holds simple returns as decimals, not percent or prices",
                Iso(*timestamp)
            ),
            Self::Universe { symbol, conflict } => write!(f, "[universe]: `{symbol}` {conflict}"),
            Self::FactorTwice(name) => write!(f, "[factors]: the name `{name}` is given twice"),
            Self::PricesOfReturns(field) => write!(
                f,
                "data.values = \"returns\" has no prices beside the index that it trades, and so not {} (`{}`): fill \
                 at the close, leave data.return_price out, and leave out costs and limits that need it",
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
