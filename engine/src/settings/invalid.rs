//! Error of a setting with an invalid value.

use std::borrow::Cow;
use std::fmt::Display;

/// Error of a setting with an invalid value. The program adds its table and where it was set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: found {found}, expected {expected}")]
pub struct Invalid {
    /// Name of the field.
    pub key: &'static str,
    /// The value found.
    pub found: String,
    /// The values expected.
    pub expected: Cow<'static, str>,
}

/// Returns an error with the values found and expected if `valid` is false.
///
/// # Errors
/// `valid` is false.
pub fn require(
    valid: bool,
    key: &'static str,
    found: impl Display,
    expected: impl Into<Cow<'static, str>>,
) -> Result<(), Invalid> {
    if valid { Ok(()) } else { Err(Invalid { key, found: found.to_string(), expected: expected.into() }) }
}
