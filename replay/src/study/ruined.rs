//! The scenarios of a study whose account was ruined.

use anyhow::Result;
use serde_json::{Value, json};

use super::levels::values_of;
use super::{Outcome, Study};
use crate::summary::{Code, Rendered};

/// Scenarios that are named in a sentence.
const NAMED: usize = 5;

/// Ruined scenarios by their numbers, each with its settings.
pub(crate) struct Ruined {
    scenarios: Vec<(usize, String, Result<Value>)>,
    all: usize,
}

impl Ruined {
    /// Those of the outcomes.
    pub(crate) fn of(study: &Study, outcomes: &[Outcome]) -> Self {
        let ruined = outcomes.iter().map(|outcome| &outcome.row).filter(|row| row.ruined);
        let scenario = |number: usize| {
            let sets = study.grid.sets(number).join(", ");
            let name = if sets.is_empty() { "the configuration as it is".to_owned() } else { sets };
            (number, name, values_of(&study.grid, &study.configs[number]))
        };
        Self { scenarios: ruined.map(|row| scenario(row.number)).collect(), all: outcomes.len() }
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.scenarios.len()
    }

    /// Value of `ruined` in `summary.json`.
    ///
    /// # Errors
    /// A setting has no place in JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        let one = |(number, _, settings): &(usize, String, Result<Value>)| match settings {
            Ok(settings) => Ok(json!({"scenario": number, "settings": settings})),
            Err(error) => Err(anyhow::anyhow!("{error:#}")),
        };
        self.scenarios.iter().map(one).collect()
    }

    /// Their settings, as many as have room in a sentence.
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

    /// The sentence about them.
    pub(crate) fn warning(&self) -> Option<Rendered> {
        (self.count() > 0).then(|| {
            Rendered::new(Code::RuinedScenarios, format!(
                "RUINED: {} of {} scenarios, whose value fell to 0 or below: {}; they have no ratio, and are never best, \
                 robust, efficient or recommended (column `outcome` of scenarios.parquet)",
                self.count(),
                self.all,
                self.names()
            ))
        })
    }

    /// The same as a line for the terminal.
    pub(crate) fn text(&self) -> String {
        self.warning().map_or_else(String::new, |warning| format!("{warning}\n"))
    }
}
