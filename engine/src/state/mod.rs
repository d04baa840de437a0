//! State of a run between frames as bytes, saved and restored to the bit.
//!
//! A state is a version, a checksum and the saved fields in sequence, without names (postcard); numbers are their eight
//! bytes, including NaN and −0. Only the same layout version can read it, and damaged bytes are refused before any
//! field is used. Settings are not part of a state: they come from the configuration, and travel with it only to be
//! compared.
//!
//! The state of a struct is its fields: a new field is saved without further code, and [`VERSION`] goes up.
//! Stages are built from the configuration and refuse a state that was saved under other settings.

mod checkpoint;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

pub use checkpoint::{Checkpoint, Part};

/// Version of the layout of all states, raised with every added, removed or moved field.
pub const VERSION: u8 = 4;

/// Bytes of the checksum.
const CHECKSUM: usize = 8;

/// Why a state cannot be saved or restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Fewer bytes than any state has.
    #[error("the state has {found} bytes and is cut off: restore an earlier one")]
    Truncated {
        /// Bytes that are there.
        found: usize,
    },
    /// Another version of the layout.
    #[error(
        "the state is of version {found} and this betaflow reads version {VERSION}: go on with the betaflow that \
         saved it, or start anew"
    )]
    Version {
        /// The one found.
        found: u8,
    },
    /// The bytes are not those that were saved.
    #[error(
        "the state does not have the checksum that it was saved with, it is damaged: restore an earlier one"
    )]
    Damaged,
    /// A state of something else.
    #[error(
        "the state is not one of the {of} ({why}): expected one that was saved by the same stage of the same run"
    )]
    Foreign {
        /// Name of the state.
        of: &'static str,
        /// Position of the difference.
        why: String,
    },
    /// A state under other settings.
    #[error(
        "the state of the {of} was saved under other settings: go on under the settings that it was saved under, or \
         start anew"
    )]
    OtherSettings {
        /// Name of the state.
        of: &'static str,
    },
    /// A component without `save`.
    #[error(
        "the {of} `{name}` cannot be saved: it has to implement `save` and `load`, with nothing in them where it \
         keeps nothing from frame to frame"
    )]
    Unsaved {
        /// Kind of the component.
        of: &'static str,
        /// Its name.
        name: String,
    },
}

/// Encodes a value as a state; `of` names it in errors.
///
/// # Errors
/// The value has a part whose length is not known beforehand.
pub fn save<T: Serialize + ?Sized>(of: &'static str, value: &T) -> Result<Vec<u8>, StateError> {
    let head = vec![0; 1 + CHECKSUM];
    let mut bytes = postcard::to_extend(value, head).map_err(|why| foreign(of, &why))?;
    bytes[0] = VERSION;
    let sum = checksum(&bytes[1 + CHECKSUM..]);
    bytes[1..=CHECKSUM].copy_from_slice(&sum);
    Ok(bytes)
}

/// Decodes the value of [`save`].
///
/// # Errors
/// The bytes are not a whole state of this version and of such a value.
pub fn restore<T: DeserializeOwned>(of: &'static str, bytes: &[u8]) -> Result<T, StateError> {
    whole(of, body(bytes)?)
}

/// A value of which the bytes are all.
fn whole<T: DeserializeOwned>(of: &'static str, bytes: &[u8]) -> Result<T, StateError> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|why| foreign(of, &why))?;
    if rest.is_empty() { Ok(value) } else { Err(foreign(of, &format_args!("{} bytes too many", rest.len()))) }
}

/// Content of a state after its valid version and checksum.
fn body(bytes: &[u8]) -> Result<&[u8], StateError> {
    let Some((head, body)) = bytes.split_at_checked(1 + CHECKSUM) else {
        return Err(StateError::Truncated { found: bytes.len() });
    };
    if head[0] != VERSION {
        return Err(StateError::Version { found: head[0] });
    }
    if head[1..] != checksum(body) {
        return Err(StateError::Damaged);
    }
    Ok(body)
}

/// Saves like [`save`], with the settings, which [`restore_under`] compares.
///
/// # Errors
/// The errors of [`save`].
pub fn save_under<S, T>(of: &'static str, settings: &S, value: &T) -> Result<Vec<u8>, StateError>
where
    S: Serialize + ?Sized,
    T: Serialize + ?Sized,
{
    save(of, &(Part::from(save(of, settings)?), value))
}

/// Decodes the value of [`save_under`] under the same settings, to the bit.
///
/// # Errors
/// The errors of [`restore`]; or the settings differ.
pub fn restore_under<S, T>(of: &'static str, settings: &S, bytes: &[u8]) -> Result<T, StateError>
where
    S: Serialize + ?Sized,
    T: DeserializeOwned,
{
    // Under other settings the rest may have another form: they come first.
    let (saved, rest): (Part, _) =
        postcard::take_from_bytes(body(bytes)?).map_err(|why| foreign(of, &why))?;
    if *saved != *save(of, settings)? {
        return Err(StateError::OtherSettings { of });
    }
    whole(of, rest)
}

fn foreign(of: &'static str, why: &dyn std::fmt::Display) -> StateError {
    StateError::Foreign { of, why: why.to_string() }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(body).into();
    std::array::from_fn(|at| digest[at])
}

/// For `#[serde(with)]`: what a pointer points to, alone behind it once restored.
pub(crate) mod pointee {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        T::serialize(value, to)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Arc<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(from).map(Arc::new)
    }
}
