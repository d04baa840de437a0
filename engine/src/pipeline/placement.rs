//! Placement of stages on threads.

use serde::{Deserialize, Serialize};

/// Placement of stages on threads. The results are bit-identical under every placement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PlacementText", into = "PlacementText")]
pub enum Placement {
    /// Chosen by the number of processors: one thread for reading and decoding, one for all later stages;
    /// with four processors or more, another for recording.
    #[default]
    Auto,
    /// All stages on the calling thread: the reference.
    Inline,
    /// One thread per stage.
    Threaded,
    /// Neighbouring stages in groups of these sizes, one thread per group.
    Groups(Vec<usize>),
}

impl Placement {
    /// Sizes of the groups of neighbours, for a pipeline of `stages` stages.
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

/// Text or list form of a [`Placement`].
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"auto\", \"inline\", \"threaded\", or a list of group sizes such as [1, 4]"
)]
enum PlacementText {
    Word(String),
    Groups(Vec<usize>),
}

impl TryFrom<PlacementText> for Placement {
    type Error = String;

    fn try_from(text: PlacementText) -> Result<Self, String> {
        match text {
            PlacementText::Groups(sizes) => Ok(Self::Groups(sizes)),
            PlacementText::Word(word) => match word.as_str() {
                "auto" => Ok(Self::Auto),
                "inline" => Ok(Self::Inline),
                "threaded" => Ok(Self::Threaded),
                _ => Err(format!(
                    "found {word:?}, expected \"auto\", \"inline\", \"threaded\", or a list of group sizes such as [1, 4]"
                )),
            },
        }
    }
}

impl From<Placement> for PlacementText {
    fn from(placement: Placement) -> Self {
        let word = match placement {
            Placement::Auto => "auto",
            Placement::Inline => "inline",
            Placement::Threaded => "threaded",
            Placement::Groups(sizes) => return Self::Groups(sizes),
        };
        Self::Word(word.to_owned())
    }
}
