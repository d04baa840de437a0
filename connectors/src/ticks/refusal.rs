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

#[cfg(test)]
mod tests {
    use super::{Refusal, clip};

    #[test]
    fn found_text_is_cut_between_characters() {
        let cases = [
            ("aé", 0, ""),
            ("aé", 1, "a"),
            ("aé", 2, "a"),
            ("aé", 3, "aé"),
            ("aé", 9, "aé"),
            ("€", 2, ""),
            ("", 5, ""),
        ];
        for (text, bytes_max, expected) in cases {
            assert_eq!(clip(text, bytes_max), expected, "{text:?} in {bytes_max} bytes");
        }
        let refusal = Refusal::new("price", &"é".repeat(50), "a number");
        assert_eq!(refusal.found, "é".repeat(40));
        let expected = "`price`: found no value, expected the field that the venue documents";
        assert_eq!(Refusal::missing("price").to_string(), expected);
    }
}
