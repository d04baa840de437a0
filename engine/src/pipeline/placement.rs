//! Which stages share a thread.

use serde::{Deserialize, Serialize};

/// Placement of stages on threads. The results are the same bits under every one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Chosen by the number of processors: reading and decoding on a thread of its own, the rest on
    /// another; with four processors or more also recording.
    #[default]
    Auto,
    /// All on one thread: the reference.
    Inline,
    /// One thread a stage.
    Threaded,
    /// Neighbours fused into groups, by how many stages each group takes.
    #[serde(untagged)]
    Groups(Vec<usize>),
}

impl Placement {
    /// Sizes of the groups of neighbours for a pipeline of `stages` stages.
    #[must_use]
    pub fn groups(&self, stages: usize, processors: usize) -> Vec<usize> {
        match self {
            Self::Auto if processors < 2 || stages < 2 => vec![stages],
            Self::Auto if processors < 4 || stages < 4 => vec![1, stages - 1],
            Self::Auto => vec![1, stages - 2, 1],
            Self::Inline => vec![stages],
            Self::Threaded => vec![1; stages],
            Self::Groups(sizes) => sizes.clone(),
        }
    }
}
