//! Hold-out in `summary.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::number::read_if_present;
use super::{MetricsBySeries, Number};

/// Hold-out of a run: kept unread, or opened and scored.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct HoldoutSummary {
    /// First date of the hold-out.
    pub(crate) from: String,
    /// True if the run has read the hold-out.
    pub(crate) opened: bool,
    /// Result, if the hold-out was opened.
    #[serde(flatten, deserialize_with = "read_score")]
    #[schemars(with = "Option<ScoreSummary>")]
    pub(crate) score: Option<ScoreSummary>,
}

/// Reads the result of a hold-out that was opened.
fn read_score<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ScoreSummary>, D::Error> {
    read_if_present("openings", deserializer)
}

impl HoldoutSummary {
    /// Creates the part for a hold-out that the run did not read.
    pub(crate) fn kept(from: &str) -> Self {
        Self { from: from.to_owned(), opened: false, score: None }
    }
}

/// Result of a hold-out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ScoreSummary {
    /// Time of the last frame of the hold-out.
    pub(crate) to: Option<String>,
    #[serde(flatten)]
    pub(crate) inside: PeriodMetrics,
    /// Figures before the hold-out.
    pub(crate) before: PeriodMetrics,
    /// Openings that read at least one frame of the hold-out, including this one.
    pub(crate) openings: u64,
    /// Frames that an earlier opening has read.
    pub(crate) seen_frames: u64,
    pub(crate) earlier_openings: Vec<EarlierOpening>,
    /// Earlier openings that read no frame of the hold-out.
    pub(crate) other_openings: u64,
    pub(crate) failed_openings: Vec<FailedOpening>,
    /// Logged runs with returns in the hold-out.
    pub(crate) trials: Option<TrialsInside>,
    pub(crate) profile: String,
    pub(crate) data_digest: String,
    pub(crate) configuration_digest: String,
    /// Path of the hold-out log.
    pub(crate) ledger: String,
}

/// Figures of a part of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PeriodMetrics {
    pub(crate) frames: u64,
    pub(crate) metrics: MetricsBySeries,
}

/// An earlier opening that has read some of the same frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct EarlierOpening {
    /// Time of the opening, UTC.
    pub(crate) time: String,
    pub(crate) profile: String,
    pub(crate) data_digest: String,
    pub(crate) configuration_digest: String,
    /// Digest of the run; null if the run did not finish.
    pub(crate) digest: Option<String>,
    pub(crate) net_sharpe: Number,
    pub(crate) from: String,
    pub(crate) to: Option<String>,
    pub(crate) frames: Option<u64>,
    /// True if the bytes of the data and the start are equal.
    pub(crate) same_data_and_start: bool,
    /// First frame that both have read.
    pub(crate) seen_from: Option<String>,
    /// Last frame that both have read.
    pub(crate) seen_to: Option<String>,
    pub(crate) seen_frames: u64,
}

/// An opening that ended in an error and showed no figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FailedOpening {
    pub(crate) time: String,
    pub(crate) profile: String,
    pub(crate) configuration_digest: String,
    pub(crate) error: Option<String>,
}

/// Runs of the trials log whose returns reach into the hold-out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrialsInside {
    pub(crate) runs: u64,
    /// Distinct choices of these runs.
    pub(crate) choices: u64,
    pub(crate) first_run: String,
    pub(crate) last_run: String,
    pub(crate) seen_from: Option<String>,
    pub(crate) seen_to: Option<String>,
    /// Path of the trials log.
    pub(crate) log: String,
}
