//! `[limits]`: limits beyond which trading stops while the program continues.

use betaflow_connectors::live::FeedLimits;
use betaflow_engine::portfolio::LossLimits;
use betaflow_engine::settings;
use betaflow_engine::settings::{Invalid, SettingsTable as _};
use betaflow_engine::time::duration_ns;
use serde::{Deserialize, Serialize};

settings! {
    /// Limits beyond which trading stops; by default none. Omitted from `run.toml` when every value is the default.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct LimitSettings in "limits" {
        /// Largest loss of a date; beyond it the date trades no more.
        daily_loss_max: Option<f64> = None, in 1e-9 to 0.9999, unit "share of the NAV at the end of the date before";
        /// Largest drawdown; beyond it the run trades no more.
        drawdown_max: Option<f64> = None, in 1e-9 to 0.9999, unit "share of the highest NAV";
        /// Longest silence of a live feed; the frame after a longer one is not traded on.
        stale_after: Option<String> = None, form "a time such as \"30s\" or \"5m\"";
        /// Largest number of frames of a date that a live feed merges into later ones; beyond it the date trades no more.
        conflations_max: Option<u64> = None, unit "frames";
    }
}

impl LimitSettings {
    /// Checks the range of every number, and that the time can be read.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let text = self.stale_after.as_deref().unwrap_or_default();
        let read = self.stale_after.as_deref().is_none_or(|text| duration_ns(text).is_ok());
        Self::require("stale_after", read, format!("{text:?}"))
    }

    /// Limits on the NAV.
    #[must_use]
    pub(crate) fn losses(&self) -> LossLimits {
        LossLimits { daily_loss_max: self.daily_loss_max, drawdown_max: self.drawdown_max }
    }

    /// Limits on the feed.
    #[must_use]
    pub(crate) fn feed(&self) -> FeedLimits {
        let silence_ns_max = self.stale_after.as_deref().and_then(|text| duration_ns(text).ok());
        FeedLimits { silence_ns_max, conflations_max: self.conflations_max }
    }

    /// True if every value is the default.
    #[must_use]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
