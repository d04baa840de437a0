//! A frame: all instruments' bars that close at one timestamp.

mod batch;
mod field;
mod user_data;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::Part;
use crate::time::{TimestampNs, UtcOffset};

pub use batch::Batch;
pub use field::{Bar, Field};
pub use user_data::{CrossSection, UserData};

/// Supervision flag of a live feed; always `None` for files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supervision {
    /// Ordinary frame.
    #[default]
    None,
    /// Updates estimates and marks positions; no trades.
    Halted,
    /// Trading halted by a drawdown may resume.
    Resumed,
}

/// New symbol of an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Engine index.
    pub instrument: u32,
    /// The new symbol.
    pub name: Arc<str>,
}

/// One timestamp's bars as columns of length n, in engine order.
///
/// Engine order is the order of the instruments' first prices, ties by the bytes of the symbol. It is
/// append-only, so a column of an earlier frame is a prefix-compatible view of the same instruments. A NaN in
/// a column means that the instrument did not trade in this frame; sources reject every other value that is
/// not a positive finite number.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Number of the frame, from 0, the same in every table and across restarts.
    pub seq: u64,
    /// Time at which the bars closed.
    pub timestamp: TimestampNs,
    /// Local time less UTC at `timestamp`, in the time zone of the run ([`Zone::offset`](crate::time::Zone::offset)).
    pub utc_offset: UtcOffset,
    /// Names of the instruments that join the engine order on this frame, in that order.
    pub listed: Vec<Arc<str>>,
    /// Instruments of earlier frames that have another symbol from this frame on. Their prices, volumes and positions
    /// are in units of the new symbol; a ratio between the two is a split of this frame.
    pub renamed: Vec<Renamed>,
    /// Traded price, at which positions are marked, length n.
    pub close: Vec<f64>,
    /// Opening price, length n; this column and those below are empty if not requested or not in the data.
    pub open: Vec<f64>,
    /// Highest price, length n.
    pub high: Vec<f64>,
    /// Lowest price, length n.
    pub low: Vec<f64>,
    /// Quantity traded, length n.
    pub volume: Vec<f64>,
    /// Bid at the close of the bar, length n.
    pub bid: Vec<f64>,
    /// Ask at the close of the bar, length n.
    pub ask: Vec<f64>,
    /// Cash paid on a unit held at the preceding close, per unit after a split of the same frame, length n;
    /// NaN and 0 mean no dividend. Both `dividend` and `split` may be present without a trade.
    pub dividend: Vec<f64>,
    /// Units that one unit of the preceding close becomes, length n; NaN, 0 and 1 mean no split.
    pub split: Vec<f64>,
    /// Adjusted price from which returns are computed, length n; empty if it is `close`.
    pub return_price: Vec<f64>,
    /// Simple returns as the data states them, length n; empty if the data states prices.
    pub returns: Vec<f64>,
    /// Simple returns of the k factors from the preceding frame to this one (decimal). All NaN if the factors
    /// have no row for this frame, which then updates no estimate.
    pub factors: Vec<f64>,
    /// Risk-free return from the preceding frame to this one; 0 if the factor data has none.
    pub rf: f64,
    /// Numbers from files of the user that become known on this frame.
    pub given: UserData,
    /// Total return of the benchmark's instrument from the preceding frame to this one; NaN without a price, or if no
    /// instrument is the benchmark.
    pub benchmark: f64,
    /// True on the last frame of a calendar month and on the last frame of all, in runs that record by month
    /// ([`MonthEnds`](crate::source::MonthEnds)); else false.
    pub ends_month: bool,
    /// Supervision of the frame.
    pub supervision: Supervision,
    /// State of the source after this frame, possibly empty; if present, every stage adds its state.
    pub checkpoint: Option<Part>,
}

impl Frame {
    /// Number of instruments in the engine order as of this frame.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.close.len()
    }

    /// Local date, in days since 1970-01-01, in the time zone of the run.
    #[must_use]
    pub const fn date(&self) -> i64 {
        self.local_time().date()
    }

    /// Clock time of the run's time zone, as if it were UTC.
    #[must_use]
    pub const fn local_time(&self) -> TimestampNs {
        self.timestamp.local(self.utc_offset)
    }

    /// Returns true if the factors have a row for this frame.
    #[must_use]
    pub fn has_factors(&self) -> bool {
        self.factors.iter().all(|f| f.is_finite())
    }

    /// Column of a field.
    #[must_use]
    pub fn column(&self, field: Field) -> &[f64] {
        match field {
            Field::Close => &self.close,
            Field::ReturnPrice => &self.return_price,
            Field::Open => &self.open,
            Field::High => &self.high,
            Field::Low => &self.low,
            Field::Volume => &self.volume,
            Field::Bid => &self.bid,
            Field::Ask => &self.ask,
            Field::Dividend => &self.dividend,
            Field::Split => &self.split,
        }
    }

    /// Mutable column of a field.
    #[inline]
    pub fn column_mut(&mut self, field: Field) -> &mut Vec<f64> {
        match field {
            Field::Close => &mut self.close,
            Field::ReturnPrice => &mut self.return_price,
            Field::Open => &mut self.open,
            Field::High => &mut self.high,
            Field::Low => &mut self.low,
            Field::Volume => &mut self.volume,
            Field::Bid => &mut self.bid,
            Field::Ask => &mut self.ask,
            Field::Dividend => &mut self.dividend,
            Field::Split => &mut self.split,
        }
    }

    /// Dividend per unit; 0 without a dividend.
    #[must_use]
    pub fn dividend_of(&self, instrument: usize) -> f64 {
        self.dividend.get(instrument).copied().filter(|dividend| *dividend > 0.0).unwrap_or(0.0)
    }

    /// Units that one unit becomes; 1 without a split.
    #[must_use]
    pub fn split_of(&self, instrument: usize) -> f64 {
        self.split.get(instrument).copied().filter(|ratio| *ratio > 0.0).unwrap_or(1.0)
    }

    /// Empties every column and keeps its memory.
    pub fn clear(&mut self) {
        self.listed.clear();
        self.renamed.clear();
        for field in Field::ALL {
            self.column_mut(field).clear();
        }
        self.returns.clear();
        self.factors.clear();
        self.rf = 0.0;
        self.given.clear();
        self.benchmark = f64::NAN;
        self.ends_month = false;
        self.supervision = Supervision::None;
        self.checkpoint = None;
    }
}
