//! Result of `paper` for a caller.

use betaflow_engine::ledger::{RunFacts, hex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// Result of `paper` for a caller in the same process. The record of the run is its state folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PaperSummary {
    /// SHA-256 of the ledger; none before the first rebalance.
    pub(crate) digest: Option<String>,
    /// Frames since this start.
    pub(crate) frames: u64,
    /// Rebalances so far.
    pub(crate) rebalances: u64,
    /// Net asset value at the first rebalance.
    pub(crate) first_nav: Option<Number>,
    /// Net asset value after the last frame.
    pub(crate) last_nav: Option<Number>,
    /// True if trading has ended because nothing was left of the net asset value.
    pub(crate) ruined: bool,
}

impl PaperSummary {
    /// Summary of a run that has ended.
    pub(crate) fn new(facts: &RunFacts, ruined: bool) -> Self {
        let has_ledger = facts.digest.iter().any(|byte| *byte != 0);
        Self {
            digest: has_ledger.then(|| hex(&facts.digest)),
            frames: facts.data.frames,
            rebalances: facts.sizing.decisions,
            first_nav: facts.performance.nav.map(|(first, _)| first.into()),
            last_nav: facts.performance.nav.map(|(_, last)| last.into()),
            ruined,
        }
    }
}
