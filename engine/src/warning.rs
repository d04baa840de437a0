//! A warning: something a careful reader of the results should know.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable code and its sentence. Outputs have both; tests and tools match the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable name of the kind of warning, in snake case.
    pub code: Cow<'static, str>,
    /// One sentence for a person: what was found, where, and what to do.
    pub text: String,
}

impl Warning {
    /// A warning of the kind `code`.
    #[must_use]
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), text: text.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
