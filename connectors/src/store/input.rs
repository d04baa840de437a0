//! Inputs of a run: bars and controls, as received.

/// Kind of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Bars of one timestamp.
    Bars,
    /// Input without market data, such as silence of the feed or a command of the user.
    Control,
}

impl InputKind {
    /// Returns the kind with this name.
    pub(super) fn of(name: &str) -> Self {
        if name == "bars" { Self::Bars } else { Self::Control }
    }

    /// Returns the name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bars => "bars",
            Self::Control => "control",
        }
    }
}

/// Input as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Number of the input, from 0 without a gap.
    pub seq: u64,
    /// Kind of the input.
    pub kind: InputKind,
    /// Time of the data, ns since 1970 UTC.
    pub timestamp: i64,
    /// Text of the message.
    pub body: String,
}
