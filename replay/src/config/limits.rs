//! Settings of what stops trading, and not the program.

use betaflow_connectors::live::FeedLimits;
use betaflow_engine::portfolio::LossLimits;
use betaflow_engine::settings::{Invalid, require};
use betaflow_engine::time::duration_ns;
use serde::{Deserialize, Serialize};

/// `[limits]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    /// Largest loss of a UTC date, as a share of the NAV at the end of the date before.
    pub daily_loss_max: Option<f64>,
    /// Largest loss since the highest NAV, as a share of it.
    pub drawdown_max: Option<f64>,
    /// How long a live feed may say nothing: the frame after a longer silence is not traded on.
    pub stale_after: Option<String>,
    /// Frames of a UTC date that may give way to later ones because the pipeline could not follow; beyond them nothing
    /// more is traded on that date.
    pub conflations_max: Option<u64>,
}

impl LimitSettings {
    /// Checks the range of every number, and that the time can be read.
    ///
    /// # Errors
    /// The first that is not as it should be.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        self.losses().check()?;
        let text = self.stale_after.as_deref().unwrap_or_default();
        let read = self.stale_after.as_deref().is_none_or(|text| duration_ns(text).is_ok());
        require(read, "stale_after", format!("{text:?}"), "a time such as \"30s\" or \"5m\"")
    }

    /// What the NAV decides.
    #[must_use]
    pub(crate) fn losses(&self) -> LossLimits {
        LossLimits { daily_loss_max: self.daily_loss_max, drawdown_max: self.drawdown_max }
    }

    /// What the feed decides.
    #[must_use]
    pub(crate) fn feed(&self) -> FeedLimits {
        let silence_ns_max = self.stale_after.as_deref().and_then(|text| duration_ns(text).ok());
        FeedLimits { silence_ns_max, conflations_max: self.conflations_max }
    }

    /// Whether nothing is said.
    #[must_use]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
