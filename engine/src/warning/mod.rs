//! Warnings about the data and the estimates of a run, as data. The program formats them as text.

mod problem;
mod world_note;

use serde::{Deserialize, Serialize};

use crate::time::TimestampNs;

pub use problem::Problem;
pub use world_note::{WorldNote, WorstWindow};

/// Warning about a fact that changes the interpretation of a run's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Warning {
    /// Frames per date differ from the calendar's by a factor of two or more.
    FramesPerDay {
        /// Frames per day of the calendar.
        stated: u32,
        /// Frames per date in the data.
        found: FramesOfDate,
    },
    /// Dates per year differ from the calendar's by a factor of two or more.
    DaysPerYear {
        /// Days per year of the calendar.
        stated: f64,
        /// Dates per year in the data.
        found: f64,
    },
    /// Findings of one kind in the prices.
    DataQuality {
        /// Kind of the findings.
        problem: Problem,
        /// Number of findings.
        findings: u64,
        /// The worst findings, worst first.
        worst: Vec<Example>,
    },
    /// A finding about the factors.
    FactorQuality {
        /// Kind of the finding.
        problem: Problem,
        /// Values found and expected.
        detail: String,
    },
    /// The factors explain less of the returns than no factors would: hedged R² below 0.
    HedgedR2Negative {
        /// Hedged R².
        hedged_r2: f64,
        /// Names of the factors.
        factors: Vec<String>,
    },
    /// Numbers of the user may contain the return that they forecast.
    ForecastContainsReturn {
        /// Column: `signal`, `alpha` or a factor of the risk model.
        column: String,
        /// Mean rank correlation with the next bar's return.
        correlation: f64,
        /// Its standard error.
        error: f64,
    },
    /// The universe names an instrument that no row of the data has.
    InstrumentNotInData {
        /// Rule that names it.
        rule: UniverseRule,
        /// Name of the instrument.
        symbol: String,
        /// Most similar name in the data.
        nearest: Option<String>,
    },
    /// An instrument of a factor expression has no price any more; the frames after it are left out.
    FactorInstrumentEnded {
        /// The instrument.
        instrument: String,
        /// First frame that is left out.
        from: TimestampNs,
    },
    /// Timestamps without a price of an instrument in the universe; they make no frames.
    EmptyTimestamps {
        /// Number of timestamps.
        count: u64,
    },
    /// A file that is not a Parquet file in time order, and how it was understood.
    Imported {
        /// Path of the file or folder.
        file: String,
        /// Format, columns, range and order, as one line.
        facts: String,
    },
    /// Invalid rows that were skipped.
    RowsSkipped {
        /// Number of rows.
        count: u64,
    },
    /// Frames left out because they lie outside the factor rows.
    FramesWithoutFactors {
        /// Number of frames.
        count: u64,
        /// True if frames after the last factor row are left out as well as those before the first.
        after_last: bool,
    },
    /// A risk-free return that is accepted although its annual rate is implausible.
    RfLarge {
        /// Name of the file or feed.
        source: String,
        /// Time of the row.
        time: TimestampNs,
        /// Return of the row.
        found: f64,
        /// The return compounded over a year.
        annual: f64,
        /// Largest annual rate without a warning.
        annual_max: f64,
    },
    /// Recorded inputs that this version rejects and skips.
    InputSkipped {
        /// Number of the first skipped input.
        number: u64,
        /// Reason for skipping it.
        reason: String,
    },
    /// Instruments that the file of groups does not name.
    InstrumentsWithoutGroup {
        /// Number of instruments.
        count: u64,
        /// The first of them, in engine order.
        first: Vec<String>,
    },
    /// The feed ended before every factor had a value.
    FeedEndedEarly {
        /// Error at the end of the feed.
        reason: String,
    },
    /// Messages of the feed that were skipped because history has their frames.
    MessagesBeforeHistoryEnd {
        /// Number of messages.
        count: u64,
    },
    /// History is stamped by the open of its bars, the feed by the close.
    HistoryStampedByOpen {
        /// Last frame of history, and first bars of the feed after it.
        join: [TimestampNs; 2],
        /// Bars of the feed that history has one bar earlier.
        shifted: u64,
    },
    /// Bars in both history and feed differ.
    HistoryDiffers {
        /// Last frame of history, and first bars of the feed after it.
        join: [TimestampNs; 2],
        /// Number of bars that differ.
        differing: u64,
        /// Number of bars in both.
        compared: u64,
        /// First difference.
        first: Option<BarDifference>,
    },
}

impl Warning {
    /// Stable code in snake case, as in `warning_codes` of summaries.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FramesPerDay { .. } => "frames_per_day",
            Self::DaysPerYear { .. } => "days_per_year",
            Self::DataQuality { problem, .. } | Self::FactorQuality { problem, .. } => problem.name(),
            Self::HedgedR2Negative { .. } => "hedged_r2_negative",
            Self::ForecastContainsReturn { .. } => "forecast_contains_return",
            Self::InstrumentNotInData { .. } => "instrument_not_in_data",
            Self::FactorInstrumentEnded { .. } => "factor_instrument_ended",
            Self::EmptyTimestamps { .. } => "empty_timestamps",
            Self::Imported { .. } => "imported",
            Self::RowsSkipped { .. } => "rows_skipped",
            Self::FramesWithoutFactors { .. } => "frames_without_factors",
            Self::RfLarge { .. } => "rf_large",
            Self::InputSkipped { .. } => "input_skipped",
            Self::InstrumentsWithoutGroup { .. } => "instruments_without_group",
            Self::FeedEndedEarly { .. } => "feed_ended_early",
            Self::MessagesBeforeHistoryEnd { .. } => "messages_before_history_end",
            Self::HistoryStampedByOpen { .. } => "history_stamped_by_open",
            Self::HistoryDiffers { .. } => "history_differs",
        }
    }
}

/// Frames per date in the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum FramesOfDate {
    /// Lower bound, from the first and last date, which may be partial.
    AtLeast(u64),
    /// Mean over whole dates.
    Mean(f64),
}

/// Example of a finding in a warning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The instrument.
    pub symbol: String,
    /// Time of the row.
    pub timestamp: TimestampNs,
    /// Values found and expected.
    pub detail: String,
}

/// Rule of the universe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UniverseRule {
    /// Only these instruments.
    Include,
    /// All but these.
    Exclude,
    /// Exactly these.
    Trade,
    /// Symbol changes, `data.renames`.
    Renames,
}

impl UniverseRule {
    /// Name of the rule in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Exclude => "exclude",
            Self::Trade => "trade",
            Self::Renames => "renames",
        }
    }
}

/// Difference between history and feed in a value of a bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BarDifference {
    /// Name of the column.
    pub column: String,
    /// The instrument.
    pub symbol: String,
    /// Time of the close of the bar.
    pub time: TimestampNs,
    /// Value in history.
    pub history: f64,
    /// Value on the feed.
    pub feed: f64,
}
