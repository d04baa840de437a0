//! Settings of the record of a run.

use serde::{Deserialize, Serialize};

use crate::{choices, settings};

choices! {
    /// Frames of a table that are recorded.
    pub enum Frames, default Rebalances {
        /// Every frame.
        All = "all",
        /// Frames that rebalance.
        Rebalances = "rebalances",
        /// The last frame.
        Last = "last",
        /// None: there is no such table.
        None = "none",
    }
}

settings! {
    /// Recorded frames. Fewer frames make long runs faster.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct RecordSettings in "record" {
        /// Frames of `betas.parquet`; `betaflow estimate` records all by default.
        betas: Frames = Frames::Rebalances;
        /// Frames of `weights.parquet`.
        weights: Frames = Frames::Rebalances;
        /// True to add a row to `weights.parquet` for every instrument with an expected return, held or not; unset: true
        /// where short positions are allowed, because nearly all instruments are then held.
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_returns: Option<bool> = None;
    }
}
