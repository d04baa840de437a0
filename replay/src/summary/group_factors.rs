//! Groups of instruments and their factors.

use betaflow_engine::groups::GroupFacts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::terminal::counted;

/// Number of instruments that are named.
const SHOWN: usize = 10;

/// One column of groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GroupFactorSummary {
    /// Name of the factor, or of the column.
    pub(crate) factor: String,
    /// Groups with an instrument.
    pub(crate) groups: u64,
    /// Groups that have had a factor: five members with a return in one frame.
    pub(crate) groups_with_factor: u64,
    /// Instruments without a group that has had a factor.
    pub(crate) instruments_without_factor: u64,
    /// The first ten of them, in engine order.
    pub(crate) first_without_factor: Vec<String>,
}

impl From<&GroupFacts> for GroupFactorSummary {
    fn from(facts: &GroupFacts) -> Self {
        let first = facts.without_factor.iter().take(SHOWN).map(ToString::to_string);
        Self {
            factor: facts.factor.clone(),
            groups: facts.groups,
            groups_with_factor: facts.with_factor,
            instruments_without_factor: facts.without_factor.len() as u64,
            first_without_factor: first.collect(),
        }
    }
}

impl GroupFactorSummary {
    /// Line of the terminal.
    pub(crate) fn text(&self) -> String {
        let made =
            format!("{}: {} of {}", self.factor, self.groups_with_factor, counted(self.groups, "group"));
        match self.instruments_without_factor {
            0 => format!("{made}; every instrument has one"),
            count => {
                let more = if count > self.first_without_factor.len() as u64 { ", …" } else { "" };
                let names = self.first_without_factor.join(", ");
                format!("{made}; {} without one: {names}{more}", counted(count, "instrument"))
            }
        }
    }
}
