//! Inputs of a run: bars and control messages, as they were received.

/// Kind of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Bars of a timestamp.
    Bars,
    /// Decision of a clock or a person.
    Control,
}

impl InputKind {
    /// Kind with a name.
    pub(super) fn of(name: &str) -> Self {
        if name == "bars" { Self::Bars } else { Self::Control }
    }

    /// Name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bars => "bars",
            Self::Control => "control",
        }
    }
}

/// Input as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Counts the inputs from 0, without a gap.
    pub seq: u64,
    /// Kind.
    pub kind: InputKind,
    /// Time of the data, nanoseconds since 1970, UTC.
    pub timestamp: i64,
    /// The message.
    pub body: String,
}
