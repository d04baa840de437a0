//! Profiles of `score`.

use anyhow::Result;
use betaflow_engine::execution::SpreadModel;

use super::Profile;
use crate::config::Config;

impl Profile {
    /// Name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tutorial => "tutorial",
        }
    }
}

/// Returns the settings with the costs of the profile; `run.toml` records these.
///
/// # Errors
/// The file of half-spreads cannot be read.
pub(crate) fn apply(profile: Profile, config: Config) -> Result<Config> {
    if profile == Profile::Full {
        return Ok(config);
    }
    // `half_spreads` holds the contents of the file, and its values are halved below.
    let mut execution = config.run().execution.clone();
    execution.spread_file = None;
    execution.impact_coefficient = 0.0;
    execution.permanent_impact_coefficient = 0.0;
    // Quotes and estimated spreads cannot be halved; use half of the configured spread instead.
    execution.spread_model = SpreadModel::Constant;
    let costs = [
        &mut execution.commission_bps,
        &mut execution.commission_per_share,
        &mut execution.commission_min,
        &mut execution.half_spread_bps,
        &mut execution.financing_bps_per_year,
    ];
    // The fees of a file are halved by their multiplier.
    let borrow_multiplier = if execution.borrow_file.is_some() { 0.5 } else { 1.0 };
    if execution.borrow_file.is_none() {
        execution.borrow_bps_per_year *= 0.5;
    }
    costs.into_iter().chain(execution.half_spreads.values_mut()).for_each(|cost| *cost *= 0.5);
    config.changed(|config| {
        config.execution = execution;
        config.world.borrow_multiplier *= borrow_multiplier;
    })
}
