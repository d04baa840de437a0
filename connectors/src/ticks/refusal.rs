//! Why a message is not taken.

use std::fmt;

/// A message that is not taken, as a whole: which field, what was found, what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field, or `message`.
    pub field: &'static str,
    /// The text that was found, cut to 80 bytes.
    pub found: String,
    /// What was expected.
    pub expected: &'static str,
}

impl Refusal {
    pub(crate) fn new(field: &'static str, found: &str, expected: &'static str) -> Self {
        Self { field, found: clip(found, 80), expected }
    }

    pub(crate) fn missing(field: &'static str) -> Self {
        Self::new(field, "nothing", "the field, as the venue documents it")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: found {}, expected {}", self.field, self.found, self.expected)
    }
}

/// The first bytes of a text, whole characters only: what a venue sends must not grow our memory.
pub(crate) fn clip(text: &str, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
