//! How forgiving a score is.

use anyhow::Result;
use betaflow_engine::execution::SpreadModel;

use super::Profile;
use crate::config::Config;

impl Profile {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tutorial => "tutorial",
        }
    }
}

/// Changes the settings to those of the profile. What is changed is in `run.toml` like everything else.
///
/// # Errors
/// The file of half-spreads cannot be read.
pub(crate) fn apply(profile: Profile, config: &mut Config) -> Result<()> {
    if profile == Profile::Full {
        return Ok(());
    }
    // With what the file of half-spreads says: half of it can only be written down by instrument.
    let mut execution = config.run_settings()?.execution;
    execution.spread_file = None;
    execution.impact_coefficient = 0.0;
    execution.permanent_impact_coefficient = 0.0;
    // Quotes and estimates are what they are: half the usual spread stands for them.
    execution.spread_model = SpreadModel::Constant;
    let costs = [
        &mut execution.commission_bps,
        &mut execution.commission_per_share,
        &mut execution.commission_min,
        &mut execution.half_spread_bps,
        &mut execution.borrow_bps_per_year,
        &mut execution.financing_bps_per_year,
    ];
    costs.into_iter().chain(execution.half_spreads.values_mut()).for_each(|cost| *cost *= 0.5);
    config.execution = execution;
    Ok(())
}
