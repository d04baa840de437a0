//! Inputs of a run: bars and controls, as received.

use sha2::{Digest as _, Sha256};

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

impl Input {
    /// Adds the input to a digest.
    pub(super) fn add_to(&self, digest: &mut Sha256) {
        digest.update(self.seq.to_le_bytes());
        digest.update([u8::from(self.kind == InputKind::Control)]);
        digest.update(self.timestamp.to_le_bytes());
        digest.update((self.body.len() as u64).to_le_bytes());
        digest.update(self.body.as_bytes());
    }

    /// Checksum in the table: the first bytes of the SHA-256 of the input. SQLite does not detect changed bytes of a row.
    #[must_use]
    pub fn checksum(&self) -> [u8; 8] {
        let mut digest = Sha256::new();
        self.add_to(&mut digest);
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = digest.finalize().into();
        [a, b, c, d, e, f, g, h]
    }
}
