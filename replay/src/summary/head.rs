//! Keys that the `summary.json` of every command has.

use betaflow_engine::source::{DataFacts, SessionFacts, SymbolChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Number, Rendered, time_text};

/// Version of the keys of `summary.json`. It increases when a key is renamed, moved or given another meaning.
pub(crate) const SCHEMA_VERSION: u64 = 1;

/// Keys that the `summary.json` of every command has.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Head {
    /// Version of the program.
    pub(crate) version: Option<String>,
    /// Version of the keys; folders of betaflow 0.2.0 and earlier have none.
    pub(crate) schema_version: Option<u64>,
    /// Counts of the input.
    pub(crate) data: Option<DataSummary>,
    /// Stressed environment; null if the data is unchanged.
    pub(crate) world: Option<String>,
    #[serde(flatten)]
    pub(crate) warnings: WarningList,
}

impl Head {
    pub(crate) fn new(data: &DataFacts, world: Option<String>, warnings: &[Rendered]) -> Self {
        Self {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            schema_version: Some(SCHEMA_VERSION),
            data: Some(data.into()),
            world,
            warnings: WarningList::new(warnings),
        }
    }
}

/// Warnings, each with its text and its code.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct WarningList {
    /// Text of each warning.
    pub(crate) warnings: Vec<String>,
    /// Stable code of each warning.
    pub(crate) warning_codes: Vec<String>,
}

impl WarningList {
    pub(crate) fn new(warnings: &[Rendered]) -> Self {
        Self {
            warnings: warnings.iter().map(|warning| warning.text.clone()).collect(),
            warning_codes: warnings.iter().map(|warning| warning.code.to_string()).collect(),
        }
    }

    /// Returns the texts about ruined accounts, and all others.
    pub(crate) fn by_ruin(&self) -> (Vec<&str>, Vec<&str>) {
        let is_ruin = |at: &usize| self.warning_codes.get(*at).is_some_and(|code| code.starts_with("ruined"));
        let (ruin, others): (Vec<usize>, Vec<usize>) = (0..self.warnings.len()).partition(is_ruin);
        let texts = |places: Vec<usize>| places.into_iter().map(|at| self.warnings[at].as_str()).collect();
        (texts(ruin), texts(others))
    }
}

/// Counts of the input.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct DataSummary {
    /// Rows of the price data.
    pub(crate) rows: u64,
    pub(crate) frames: u64,
    pub(crate) instruments: u64,
    /// Time of the first frame.
    pub(crate) first: Option<String>,
    /// Time of the last frame.
    pub(crate) last: Option<String>,
    /// Bad rows that were skipped, with `data.on_bad_row = "skip"`.
    pub(crate) skipped: u64,
    /// Frames before the first or after the last factor row.
    pub(crate) left_out: u64,
    /// Frames by sessions, with `data.sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sessions: Option<SessionsSummary>,
    /// Symbol changes of `data.renames` that acted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) symbol_changes: Vec<SymbolChangeSummary>,
}

/// Symbol change of `data.renames`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SymbolChangeSummary {
    /// Symbol before the date.
    pub(crate) from: String,
    /// Symbol from the date on.
    pub(crate) to: String,
    /// First date of the new symbol.
    pub(crate) date: String,
}

impl From<&SymbolChange> for SymbolChangeSummary {
    fn from(change: &SymbolChange) -> Self {
        Self { from: change.from.clone(), to: change.to.clone(), date: change.date.to_string() }
    }
}

/// Frames inside and outside the sessions of `data.sessions`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SessionsSummary {
    /// Sessions with a frame.
    pub(crate) sessions: u64,
    /// Sessions between the first and the last frame without any frame.
    pub(crate) without_frames: u64,
    /// Frames in a session.
    pub(crate) frames_inside: u64,
    /// Frames before the opening or after the close of the session of their date.
    pub(crate) frames_outside: u64,
    /// Frames of dates without a session.
    pub(crate) frames_without_session: u64,
    /// The first times of these frames.
    pub(crate) first_without_session: Vec<String>,
    /// Days of a year, by which returns are annualised.
    pub(crate) days_per_year: Number,
    /// Frames of a year.
    pub(crate) frames_per_year: Number,
}

impl From<&SessionFacts> for SessionsSummary {
    fn from(facts: &SessionFacts) -> Self {
        let first = facts.without_session.first.iter();
        Self {
            sessions: facts.sessions,
            without_frames: facts.without_frames,
            frames_inside: facts.inside,
            frames_outside: facts.outside,
            frames_without_session: facts.without_session.count,
            first_without_session: first.filter_map(|time| time_text(Some(*time))).collect(),
            days_per_year: Number(facts.per_year.0),
            frames_per_year: Number(facts.per_year.1),
        }
    }
}

impl From<&DataFacts> for DataSummary {
    fn from(data: &DataFacts) -> Self {
        Self {
            rows: data.rows,
            frames: data.frames,
            instruments: data.instruments,
            first: time_text(data.first),
            last: time_text(data.last),
            skipped: data.skipped,
            left_out: data.left_out,
            sessions: data.sessions.as_ref().map(SessionsSummary::from),
            symbol_changes: data.symbol_changes.iter().map(SymbolChangeSummary::from).collect(),
        }
    }
}
