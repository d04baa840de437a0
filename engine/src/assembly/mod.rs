//! Assembly of the rows of one timestamp into a frame.
//!
//! Connectors and live feeds supply bars. This module turns them into a [`Frame`](crate::frame::Frame):
//! engine order, the universe, factors that are combinations of instruments, the price index for data that
//! states returns instead of prices, and the numbering of frames. It reads no file and no clock, and its
//! memory does not grow with instruments × frames.
//!
//! ```text
//! slot("AAPL") ─▶ Slot      once per symbol
//! begin ─▶ put(slot, bar)… ─▶ finish        once per timestamp
//! ```

use serde::{Deserialize, Serialize};

mod assembler;
mod basket;
mod benchmark;
mod error;
mod expression;
mod renames;
mod renaming;
mod row_order;
mod rules;
mod symbols;
mod universe;

pub use assembler::Assembler;
pub use error::{AssemblyError, Fault, UniverseConflict};
pub use expression::{Expression, ExpressionError};
pub use renames::{Rename, RenameFault, Renames};
pub use rules::{FrameColumn, Outcome, Rules};
pub use symbols::Slot;
pub use universe::{Universe, UnmatchedName};

/// Meaning of the numbers in the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// Prices: positive and finite.
    #[default]
    Prices,
    /// Simple returns: finite and above −1.
    Returns,
    /// Returns without trading, in any unit: finite. Betas have no scale.
    ReturnsOfAnySize,
}

impl Values {
    /// Returns true if the data states returns, of any size.
    #[must_use]
    pub fn are_returns(self) -> bool {
        self != Self::Prices
    }
}

/// Treatment of a frame without factor values between frames with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactorGap {
    /// The data is rejected with an error.
    #[default]
    Error,
    /// The frame is emitted with all factors NaN, and updates no estimate.
    Carry,
}
