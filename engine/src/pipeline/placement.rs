//! Which stages share a thread.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Placement of stages on threads. The results are the same bits under every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// `"auto"`, `"inline"`, `"threaded"`, or a list of group sizes.
impl Serialize for Placement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Inline => serializer.serialize_str("inline"),
            Self::Threaded => serializer.serialize_str("threaded"),
            Self::Groups(sizes) => sizes.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Placement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlacementVisitor)
    }
}

struct PlacementVisitor;

impl<'de> Visitor<'de> for PlacementVisitor {
    type Value = Placement;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\", \"inline\", \"threaded\", or a list of group sizes such as [1, 4]")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Placement, E> {
        match word {
            "auto" => Ok(Placement::Auto),
            "inline" => Ok(Placement::Inline),
            "threaded" => Ok(Placement::Threaded),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Placement, A::Error> {
        let mut sizes = Vec::new();
        while let Some(size) = list.next_element()? {
            sizes.push(size);
        }
        Ok(Placement::Groups(sizes))
    }
}
