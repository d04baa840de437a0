//! Settings of the engine's parts, for a caller that uses filters or the solver without a run.

use anyhow::Result;
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::settings::Calendar;

use super::data::DataSettings;
use super::layers::Layers;
use super::request::valid;
use super::unknown;
use crate::host::CallSetting;

/// Settings of filters and solver, with every default filled in.
#[derive(Clone, Debug)]
pub struct PartSettings {
    /// `[estimator]`.
    pub estimator: EstimatorSettings,
    /// `[sizing]`.
    pub sizing: SizingSettings,
    /// Frames per day and days per year of `[data]`.
    pub calendar: Calendar,
}

impl PartSettings {
    /// Checks the settings of a caller like those of a run.
    pub(crate) fn of(settings: &[CallSetting]) -> Result<Self> {
        let mut typed = Layers::default();
        settings.iter().for_each(|setting| typed.add_called(setting));
        unknown::check_tables(&typed)?;
        Ok(Self {
            estimator: valid(&typed, EstimatorSettings::check)?,
            sizing: valid(&typed, SizingSettings::check)?,
            calendar: valid(&typed, DataSettings::check)?.calendar(None),
        })
    }
}
