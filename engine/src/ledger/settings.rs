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
        /// The last frame of each calendar month, and the last frame.
        Monthly = "monthly",
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
        /// Frames of `betas.parquet`: `monthly` is the last frame of each calendar month and the last frame of all.
        /// By default `betaflow estimate` records all frames, and `betaflow paper` those that rebalance.
        betas: Frames = Frames::Monthly;
        /// Frames of `weights.parquet`.
        weights: Frames = Frames::Rebalances;
        /// True to add a row to `weights.parquet` for every instrument with an expected return, held or not; unset: true
        /// where short positions are allowed, because nearly all instruments are then held.
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_returns: Option<bool> = None;
    }
}

impl RecordSettings {
    /// Returns true if a table has the last frame of each month, which is known from the frame after it.
    #[must_use]
    pub fn is_monthly(&self) -> bool {
        [self.betas, self.weights].contains(&Frames::Monthly)
    }

    /// Returns the settings of a live run, which records frames that rebalance in place of those that end a month: no
    /// live frame waits for the next one.
    #[must_use]
    pub fn live(self) -> Self {
        let live = |frames| if frames == Frames::Monthly { Frames::Rebalances } else { frames };
        Self { betas: live(self.betas), weights: live(self.weights), ..self }
    }
}
