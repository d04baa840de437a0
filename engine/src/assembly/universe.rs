//! Which instruments become columns of the frames.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::AssemblyError;

/// The rules of the universe. Instruments that factor expressions name are read in any case, and become
/// columns only if `trade` names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Universe {
    /// Only these, if there are any.
    pub include: Vec<String>,
    /// All but these.
    pub exclude: Vec<String>,
    /// Exactly these are columns, if there are any: the way to trade an instrument of a factor too.
    pub trade: Vec<String>,
}

/// A name in a rule or an expression that no row of the data has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// `universe.include`, `universe.exclude` or `universe.trade`.
    pub rule: &'static str,
    /// The name.
    pub symbol: String,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names `{}`, which no row of the data has", self.rule, self.symbol)
    }
}

impl Universe {
    /// Whether `symbol` becomes a column, given the instruments that factor expressions name.
    pub(super) fn trades(&self, symbol: &str, constituents: &BTreeSet<String>) -> bool {
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
                return Err(conflict(symbol, "is in both `trade` and `exclude`; take it out of one"));
            }
            if !self.include.is_empty() && !self.include.contains(symbol) {
                return Err(conflict(symbol, "is in `trade` but not in `include`; add it or drop `include`"));
            }
        }
        match self.include.iter().find(|symbol| self.exclude.contains(symbol)) {
            Some(symbol) => Err(conflict(symbol, "is in both `include` and `exclude`; take it out of one")),
            None => Ok(()),
        }
    }

    /// Names that `seen` does not hold of any row.
    pub(super) fn unseen(&self, seen: impl Fn(&str) -> bool) -> Vec<Unseen> {
        let rules = [
            ("universe.include", &self.include),
            ("universe.exclude", &self.exclude),
            ("universe.trade", &self.trade),
        ];
        let names = rules.iter().flat_map(|(rule, names)| names.iter().map(move |name| (*rule, name)));
        names
            .filter(|(_, name)| !seen(name))
            .map(|(rule, name)| Unseen { rule, symbol: name.clone() })
            .collect()
    }
}
