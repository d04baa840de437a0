//! State of a run between frames as bytes, saved and restored bit by bit.
//!
//! A state is a version, a checksum and the saved fields in sequence, without names (postcard). Numbers are
//! their eight bytes, including NaN and −0. Only the same layout version can read it, and damaged bytes are
//! rejected before any field is used. Settings are not part of a state: they come from the configuration, and
//! are saved only for comparison.
//!
//! The state of a struct is its fields: a new field is saved without further code, and [`VERSION`] must be
//! raised. Stages are built from the configuration and reject a state saved under other settings.

mod checkpoint;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

pub use checkpoint::{Checkpoint, Part};

/// Version of the layout of all states; raised with every added, removed or moved field.
pub const VERSION: u8 = 9;

/// Length of the checksum in bytes.
const CHECKSUM: usize = 8;

/// Error of a state that cannot be saved or restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// There are fewer bytes than any state has.
    #[error("found a truncated state of {found} bytes: restore an earlier one")]
    Truncated {
        /// Number of bytes found.
        found: usize,
    },
    /// The state has another version of the layout.
    #[error(
        "found a state of version {found}, expected version {VERSION}: resume with the betaflow that \
         saved it, or start again without the state"
    )]
    Version {
        /// Version found.
        found: u8,
    },
    /// The checksum does not match the bytes.
    #[error("found a damaged state, expected the checksum that it was saved with: restore an earlier one")]
    Damaged,
    /// The state belongs to another component.
    #[error(
        "found a state that does not belong to the {of} ({why}), expected one saved by the same stage of the same run"
    )]
    Foreign {
        /// Name of the state.
        of: &'static str,
        /// Description of the difference.
        why: String,
    },
    /// The state was saved under other settings.
    #[error(
        "found a state of the {of} saved under other settings: resume under the settings of that run, or \
         start again without the state"
    )]
    OtherSettings {
        /// Name of the state.
        of: &'static str,
    },
    /// The component does not implement `save`.
    #[error(
        "the {of} `{name}` cannot be saved: it has to implement `save` and `load`, which save `()` if it has no \
         state between frames"
    )]
    Unsaved {
        /// Kind of the component.
        of: &'static str,
        /// Name of the component.
        name: String,
    },
    /// The component's own code failed to save or restore its state.
    #[error("the state of the {of} `{name}`: {why}")]
    Refused {
        /// Kind of the component.
        of: &'static str,
        /// Name of the component.
        name: String,
        /// Reason.
        why: String,
    },
}

/// Encodes a value as a state; `of` names it in errors.
///
/// # Errors
/// Fails if a part of the value has a length that is not known in advance.
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
/// Fails if the bytes are not a whole state of this version and type.
pub fn restore<T: DeserializeOwned>(of: &'static str, bytes: &[u8]) -> Result<T, StateError> {
    whole(of, body(bytes)?)
}

/// Decodes a value that must use all of the bytes.
fn whole<T: DeserializeOwned>(of: &'static str, bytes: &[u8]) -> Result<T, StateError> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|why| foreign(of, &why))?;
    if rest.is_empty() { Ok(value) } else { Err(foreign(of, &format_args!("{} bytes too many", rest.len()))) }
}

/// Returns the content of a state after a check of its version and checksum.
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

/// Encodes a value with its settings, which [`restore_under`] compares.
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

/// Decodes the value of [`save_under`] if the settings are bit-identical.
///
/// # Errors
/// The errors of [`restore`]; also fails if the settings differ.
pub fn restore_under<S, T>(of: &'static str, settings: &S, bytes: &[u8]) -> Result<T, StateError>
where
    S: Serialize + ?Sized,
    T: DeserializeOwned,
{
    // Compare the settings first: under other settings the remaining bytes may have another form.
    let (saved, rest): (Part, _) =
        postcard::take_from_bytes(body(bytes)?).map_err(|why| foreign(of, &why))?;
    if *saved != *save(of, settings)? {
        return Err(StateError::OtherSettings { of });
    }
    whole(of, rest)
}

/// Checks the settings that a restored value has: they must be those under which the caller restores it. They are in the
/// state twice, and a forged state can have others in the value than in front of it.
pub(crate) fn same_settings(
    of: &'static str,
    restored: &impl Serialize,
    own: &impl Serialize,
) -> Result<(), StateError> {
    if save(of, restored)? == save(of, own)? { Ok(()) } else { Err(StateError::OtherSettings { of }) }
}

fn foreign(of: &'static str, why: &dyn std::fmt::Display) -> StateError {
    StateError::Foreign { of, why: why.to_string() }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(body).into();
    std::array::from_fn(|at| digest[at])
}

/// Serialization of an `Arc` for `#[serde(with)]`: the value that it points to. A restored `Arc` has one
/// owner.
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
