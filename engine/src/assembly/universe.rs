//! Rules that select the instruments that become columns of the frames.

use std::collections::BTreeSet;

use serde::Serialize;

use super::AssemblyError;
use super::error::UniverseConflict;
use crate::warning::UniverseRule;

/// Rules of the universe. Instruments that factor expressions name are always read, and become columns only
/// if `trade` names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Universe {
    /// If not empty: only these become columns.
    pub include: Vec<String>,
    /// These do not become columns.
    pub exclude: Vec<String>,
    /// If not empty: exactly these become columns. The only way to trade an instrument of a factor
    /// expression.
    pub trade: Vec<String>,
}

/// A name in a rule of the universe that no row of the data has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedName {
    /// The rule.
    pub rule: UniverseRule,
    /// The name.
    pub symbol: String,
}

impl Universe {
    /// Returns true if `symbol` becomes a column, given the instruments that factor expressions name.
    #[must_use]
    pub fn trades(&self, symbol: &str, constituents: &BTreeSet<String>) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == symbol);
        if !self.trade.is_empty() {
            return named(&self.trade);
        }
        (self.include.is_empty() || named(&self.include))
            && !named(&self.exclude)
            && !constituents.contains(symbol)
    }

    /// Checks that no two rules contradict each other.
    pub(super) fn check(&self) -> Result<(), AssemblyError> {
        let conflict =
            |symbol: &String, conflict| AssemblyError::Universe { symbol: symbol.clone(), conflict };
        for symbol in &self.trade {
            if self.exclude.contains(symbol) {
                return Err(conflict(symbol, UniverseConflict::TradedAndExcluded));
            }
            if !self.include.is_empty() && !self.include.contains(symbol) {
                return Err(conflict(symbol, UniverseConflict::TradedNotIncluded));
            }
        }
        match self.include.iter().find(|symbol| self.exclude.contains(symbol)) {
            Some(symbol) => Err(conflict(symbol, UniverseConflict::IncludedAndExcluded)),
            None => Ok(()),
        }
    }

    /// Names in the rules for which `seen` is false.
    pub(super) fn unseen(&self, seen: impl Fn(&str) -> bool) -> Vec<UnmatchedName> {
        let rules = [
            (UniverseRule::Include, &self.include),
            (UniverseRule::Exclude, &self.exclude),
            (UniverseRule::Trade, &self.trade),
        ];
        let names = rules.iter().flat_map(|(rule, names)| names.iter().map(move |name| (*rule, name)));
        names
            .filter(|(_, name)| !seen(name))
            .map(|(rule, name)| UnmatchedName { rule, symbol: name.clone() })
            .collect()
    }
}
