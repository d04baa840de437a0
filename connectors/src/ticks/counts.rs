//! Counts of messages by type.

use std::collections::{BTreeMap, VecDeque};

use super::refusal::Refusal;
use super::venue::Parsed;

/// Maximum number of unknown types counted by name; others are only counted in total.
const UNKNOWN_NAMES_MAX: usize = 16;
/// Maximum number of refusals kept.
const REFUSALS_MAX: usize = 8;

/// Counts of messages by outcome, with bounded memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    by_type: BTreeMap<&'static str, u64>,
    unknown: u64,
    unknown_names: BTreeMap<String, u64>,
    refused: u64,
    last_refusals: VecDeque<Refusal>,
}

impl Counts {
    /// Counts a message.
    pub fn record(&mut self, parsed: Parsed) {
        match parsed {
            Parsed::Known(kind) => *self.by_type.entry(kind).or_default() += 1,
            Parsed::Unknown(name) => {
                self.unknown += 1;
                if self.unknown_names.len() < UNKNOWN_NAMES_MAX || self.unknown_names.contains_key(&name) {
                    *self.unknown_names.entry(name).or_default() += 1;
                }
            }
            Parsed::Refused(refusal) => {
                self.refused += 1;
                if self.last_refusals.len() == REFUSALS_MAX {
                    self.last_refusals.pop_front();
                }
                self.last_refusals.push_back(refusal);
            }
        }
    }

    /// Returns the counts of each known type.
    #[must_use]
    pub fn by_type(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_type
    }

    /// Returns the number of messages of unknown types.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Returns the counts of the first 16 unknown types.
    #[must_use]
    pub fn unknown_names(&self) -> &BTreeMap<String, u64> {
        &self.unknown_names
    }

    /// Returns the number of refused messages.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Returns the last eight refusals, the latest last.
    pub fn last_refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.last_refusals.iter()
    }

    /// Returns the number of all messages.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_type.values().sum::<u64>() + self.unknown + self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Refusal};
    use crate::ticks::Parsed;

    #[test]
    fn messages_are_counted_by_outcome_within_bounds() {
        let mut counts = Counts::default();
        for i in 0..20_u64 {
            counts.record(Parsed::Known("trade"));
            // Sixteen names are counted, each twice.
            for _ in 0..2 {
                counts.record(Parsed::Unknown(format!("type {i}")));
            }
            counts.record(Parsed::Refused(Refusal::new("price", &i.to_string(), "a number")));
        }
        counts.record(Parsed::Known("book"));
        assert_eq!(
            counts.by_type().iter().map(|(name, count)| (*name, *count)).collect::<Vec<_>>(),
            [("book", 1), ("trade", 20)]
        );
        assert_eq!((counts.unknown(), counts.refused(), counts.total()), (40, 20, 81));
        assert_eq!(counts.unknown_names().len(), 16);
        assert!(counts.unknown_names().values().all(|count| *count == 2));
        let last: Vec<_> = counts.last_refusals().map(|refusal| refusal.found.as_str()).collect();
        assert_eq!(last, ["12", "13", "14", "15", "16", "17", "18", "19"]);
    }
}
