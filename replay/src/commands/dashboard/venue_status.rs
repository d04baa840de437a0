//! How the data of a venue arrives: part of the row `feed`.

use std::collections::BTreeMap;

use betaflow_connectors::live::Edge;
use serde::{Deserialize, Serialize};

/// Counts of faults and names of symbols, as far as there are any.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct VenueStatus {
    /// Counts of faults by kind, such as `late`, `no_trade` or `clock_back`; those that are not 0.
    pub faults: BTreeMap<String, u64>,
    /// Symbols asked for and never heard.
    pub never_heard: Vec<String>,
    /// Symbols heard and not asked for, the first 64.
    pub not_asked: Vec<String>,
    /// Symbols that are quiet while others go on.
    pub quiet: Vec<String>,
}

impl VenueStatus {
    /// Status of the venue behind an edge; empty of our own protocol.
    pub(crate) fn of(edge: &Edge) -> Self {
        let Some(said) = edge.venue_counts() else { return Self::default() };
        let faults = edge.counts().faults().map(|(kind, count)| (kind.to_owned(), count)).collect();
        let heard = said.symbols;
        Self { faults, never_heard: heard.never_heard, not_asked: heard.not_asked, quiet: heard.quiet }
    }
}
