//! Checkpoint: the state of all stages after one frame.

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
/// The source requests a checkpoint by [`Frame::checkpoint`](crate::frame::Frame::checkpoint). The request
/// travels with the frame, and each stage adds its state once it has handled the frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Number of the frame after which the state was saved.
    pub seq: u64,
    /// State of the source, in its own form.
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
    /// Returns the checkpoint, if requested, with a stage's state written into it.
    pub(crate) fn extend(
        checkpoint: Option<&Arc<Self>>,
        write: impl FnOnce(&mut Self) -> Result<(), StateError>,
    ) -> Result<Option<Arc<Self>>, StateError> {
        let Some(checkpoint) = checkpoint else { return Ok(None) };
        // Copies pointers only: each part is an `Arc`.
        let mut extended = Self::clone(checkpoint);
        write(&mut extended)?;
        Ok(Some(Arc::new(extended)))
    }

    /// Encodes the checkpoint.
    ///
    /// # Errors
    /// Fails if the state cannot be encoded; no such case is known.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        save(NAME, self)
    }

    /// Decodes a checkpoint.
    ///
    /// # Errors
    /// Fails if the bytes are truncated, damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        restore(NAME, bytes)
    }
}

/// State of one component as bytes, nested in that of another.
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
