//! Reasons for which a message is refused.

use std::fmt;

/// Refusal of a whole message: field, finding and expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the field, or `message`.
    pub field: &'static str,
    /// Text found, cut to 80 bytes.
    pub found: String,
    /// Expectation.
    pub expected: &'static str,
}

impl Refusal {
    pub(crate) fn new(field: &'static str, found: &str, expected: &'static str) -> Self {
        Self { field, found: clip(found, 80), expected }
    }

    pub(crate) fn missing(field: &'static str) -> Self {
        Self::new(field, "no value", "the field that the venue documents")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: found {}, expected {}", self.field, self.found, self.expected)
    }
}

/// Returns the first bytes of a text, whole characters only, to bound memory.
pub(crate) fn clip(text: &str, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
