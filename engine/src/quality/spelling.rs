//! Symbols that differ only by white space or case.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Symbols by their lower-case form without white space.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelling {
    symbols: BTreeMap<String, Arc<str>>,
}

impl Spelling {
    /// Adds a symbol; returns a warning about its spelling, if any.
    pub(super) fn add(&mut self, symbol: &Arc<str>) -> Option<String> {
        let letters: String =
            symbol.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
        let other = self.symbols.get(&letters).cloned();
        self.symbols.entry(letters).or_insert_with(|| Arc::clone(symbol));
        match other {
            Some(other) => Some(format!(
                "{symbol:?} and {other:?} differ only by white space or case: if they are one instrument, give them \
                 one symbol"
            )),
            None if symbol.trim() != &**symbol => {
                Some(format!("{symbol:?} begins or ends with white space: remove it from the symbol"))
            }
            None => None,
        }
    }
}
