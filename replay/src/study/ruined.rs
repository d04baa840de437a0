//! Ruined scenarios of a study.

use anyhow::Result;

use super::{Outcome, Study};
use crate::summary::{Code, Rendered, RuinedScenario, Settings};

/// Maximum scenarios named in a warning.
const NAMED: usize = 5;

/// Numbers and settings of the ruined scenarios.
pub(crate) struct RuinedScenarios {
    scenarios: Vec<(usize, String, Result<Settings>)>,
    all: usize,
}

impl RuinedScenarios {
    /// Collects the ruined scenarios among the outcomes.
    pub(crate) fn of(study: &Study, outcomes: &[Outcome]) -> Self {
        let ruined = outcomes.iter().map(|outcome| &outcome.row).filter(|row| row.ruined);
        let scenario = |number: usize| {
            let sets = study.grid.sets(number).join(", ");
            let name = if sets.is_empty() { "the configuration".to_owned() } else { sets };
            (number, name, study.grid.values_of(&study.configs[number]))
        };
        Self { scenarios: ruined.map(|row| scenario(row.number)).collect(), all: outcomes.len() }
    }

    /// Number of ruined scenarios.
    pub(crate) fn count(&self) -> usize {
        self.scenarios.len()
    }

    /// Returns `ruined` of `summary.json`.
    ///
    /// # Errors
    /// A setting cannot be written as JSON.
    pub(crate) fn summary(&self) -> Result<Vec<RuinedScenario>> {
        let one = |(number, _, settings): &(usize, String, Result<Settings>)| match settings {
            Ok(settings) => Ok(RuinedScenario { scenario: *number as u64, settings: settings.clone() }),
            Err(error) => Err(anyhow::anyhow!("{error:#}")),
        };
        self.scenarios.iter().map(one).collect()
    }

    /// Lists the scenarios with their settings, at most [`NAMED`].
    pub(crate) fn names(&self) -> String {
        let named: Vec<String> = self
            .scenarios
            .iter()
            .take(NAMED)
            .map(|(number, name, _)| format!("scenario {number} ({name})"))
            .collect();
        match self.count().saturating_sub(NAMED) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }

    /// Returns the warning about the ruined scenarios.
    pub(crate) fn warning(&self) -> Option<Rendered> {
        (self.count() > 0).then(|| {
            Rendered::new(Code::RuinedScenarios, format!(
                "RUINED: {} of {} scenarios, whose value fell to 0 or below: {}. They have no ratio, and are never best, \
                 robust, efficient or recommended (column `outcome` of scenarios.parquet).",
                self.count(),
                self.all,
                self.names()
            ))
        })
    }
}
