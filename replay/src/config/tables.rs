//! Tables `[universe]` and `[pipeline]`.

use betaflow_engine::pipeline::Placement;
use betaflow_engine::settings;
use betaflow_engine::settings::{Invalid, SettingsTable as _};
use serde::{Deserialize, Serialize};

settings! {
    /// Instruments that are estimated and traded.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct UniverseSettings in "universe" {
        /// Only these instruments; empty: all.
        include: Vec<String> = Vec::new();
        /// All instruments except these.
        exclude: Vec<String> = Vec::new();
        /// Exactly these instruments, those of factors included; empty: all that no factor uses.
        trade: Vec<String> = Vec::new();
        /// File of groups, Parquet or CSV: `symbol`, text columns such as `sector`, optional `from`.
        ///
        /// A row is in force from its date `from` on, without one from the beginning. A factor "group:COLUMN" in
        /// `[factors]` is made of the groups of a column.
        #[serde(skip_serializing_if = "Option::is_none")]
        groups: Option<String> = None, form "a path";
        /// File of spells of membership: `symbol`, `from` and `to`, the first and last date; an instrument is held only then.
        ///
        /// Instruments are estimated whenever they have prices. One outside its spells is sold at the next rebalances, first
        /// of all and under the turnover cap, and is not bought. Null `to`: still a member; null `from`: from the beginning.
        #[serde(skip_serializing_if = "Option::is_none")]
        membership: Option<String> = None, form "a path";
    }
}

/// Stages of a pipeline that trades.
const STAGES: usize = 5;
const PLACEMENTS: &str = "\"auto\", \"inline\", \"threaded\", or a list with the number of neighbouring stages for each \
                          thread, five in all, such as [1, 4]";

settings! {
    /// Threads and channels; no setting changes a result.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct PipelineSettings in "pipeline" {
        /// Placement of the stages on threads.
        placement: Placement = Placement::Auto, form PLACEMENTS;
        /// Capacity of a channel.
        capacity: usize = 64, in 1 to 65_536, unit "messages";
        /// Frames of a message; unset: chosen by the number of instruments.
        batch: Option<usize> = None, in 1 to 4_096, unit "frames";
    }
}

impl PipelineSettings {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        match &self.placement {
            Placement::Groups(sizes) => {
                let fits = sizes.iter().sum::<usize>() == STAGES && !sizes.contains(&0);
                Self::require("placement", fits, format!("{sizes:?}"))
            }
            _ => Ok(()),
        }
    }
}
