//! The state of all stages after a frame.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{StateError, restore, save};

/// Name used in error messages.
const NAME: &str = "checkpoint";

/// State of every stage between two frames. A run that resumes from it is bit-identical to an uninterrupted one.
///
/// The source asks for one by [`Frame::checkpoint`](crate::frame::Frame::checkpoint). It goes through the stages with the
/// frame, and each adds its part once it has handled that frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The frame that it is the state after.
    pub seq: u64,
    /// State of the source, in a form of its own.
    pub source: Part,
    /// State of the estimate stage.
    pub estimate: Part,
    /// State of the size stage.
    pub size: Part,
    /// State of the execute stage.
    pub execute: Part,
    /// State of the record stage.
    pub record: Part,
}

impl Checkpoint {
    /// The checkpoint, where there is one, with a stage's part written into it.
    pub(crate) fn extend(
        checkpoint: Option<&Arc<Self>>,
        write: impl FnOnce(&mut Self) -> Result<(), StateError>,
    ) -> Result<Option<Arc<Self>>, StateError> {
        let Some(checkpoint) = checkpoint else { return Ok(None) };
        // What travels is a pointer, and so are its parts.
        let mut extended = Self::clone(checkpoint);
        write(&mut extended)?;
        Ok(Some(Arc::new(extended)))
    }

    /// The bytes to keep.
    ///
    /// # Errors
    /// None is known.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        save(NAME, self)
    }

    /// Decodes a checkpoint.
    ///
    /// # Errors
    /// They are cut off, damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        restore(NAME, bytes)
    }
}

/// The state of a part, in its own form, inside that of another.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Part(Arc<[u8]>);

impl From<Vec<u8>> for Part {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Part;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of a state")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Part, E> {
                Ok(Part(bytes.into()))
            }
        }

        from.deserialize_bytes(Bytes)
    }
}
