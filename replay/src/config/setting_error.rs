//! Error of a setting.

use std::fmt;

/// Setting that is unknown, or has a value that is not accepted.
#[derive(Clone, Debug)]
pub(crate) struct SettingError {
    /// Dotted name, or the name of a table.
    pub(crate) setting: String,
    /// File, flag or argument that set it.
    pub(crate) origin: String,
    /// Reason of the refusal.
    pub(crate) problem: SettingProblem,
}

/// Reason why a setting is refused.
#[derive(Clone, Debug)]
pub(crate) enum SettingProblem {
    /// Value that is not accepted.
    Value {
        /// Value as typed.
        found: String,
        /// Values that are accepted, and the remedy.
        expected: String,
    },
    /// Name that does not exist: what the name stands for, and a remedy.
    Unknown {
        /// Word for the name: key or table.
        what: &'static str,
        /// Remedy, with the mark before it.
        remedy: String,
    },
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, origin, problem } = self;
        match problem {
            SettingProblem::Value { found, expected } => {
                write!(f, "`{setting}`, set by {origin}: found {found}, expected {expected}")
            }
            SettingProblem::Unknown { what, remedy } => {
                write!(f, "unknown {what} `{setting}`, set by {origin}; {remedy}")
            }
        }
    }
}

impl std::error::Error for SettingError {}
