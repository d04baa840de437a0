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
