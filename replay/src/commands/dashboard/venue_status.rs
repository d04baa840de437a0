//! Health of a venue's data: part of the row `feed`.

use std::collections::BTreeMap;

use betaflow_connectors::live::Edge;
use serde::{Deserialize, Serialize};

/// Counts of faults and names of symbols, without zeros.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct VenueStatus {
    /// Counts of faults by kind, such as `late`, `no_trade` or `clock_back`, without zeros.
    pub faults: BTreeMap<String, u64>,
    /// Requested symbols without any message.
    pub never_heard: Vec<String>,
    /// Symbols received but not requested, the first 64.
    pub not_asked: Vec<String>,
    /// Symbols that are quiet while others have messages.
    pub quiet: Vec<String>,
}

impl VenueStatus {
    /// Status of the venue of a feed client; empty for betaflow's own protocol.
    pub(crate) fn of(edge: &Edge) -> Self {
        let Some(counts) = edge.venue_counts() else { return Self::default() };
        let faults = edge.counts().faults().map(|(kind, count)| (kind.to_owned(), count)).collect();
        let heard = counts.symbols;
        Self { faults, never_heard: heard.never_heard, not_asked: heard.not_asked, quiet: heard.quiet }
    }
}
