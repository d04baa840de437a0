//! Rows of one timestamp become a frame.
//!
//! A connector or a live feed knows where bars come from; what makes a [`Frame`](crate::frame::Frame) of
//! them is here, once: engine order, the universe, the factors that are combinations of instruments, the
//! index of data that states returns, and the numbering of frames. Nothing here reads a file or a clock,
//! and nothing grows with instruments × frames.
//!
//! ```text
//! slot("AAPL") ─▶ Slot      once a symbol
//! begin ─▶ put(slot, bar)… ─▶ finish        once a timestamp
//! ```

use serde::{Deserialize, Serialize};

mod assembler;
mod basket;
mod error;
mod expression;
mod rules;
mod symbols;
mod universe;

pub use assembler::Assembler;
pub use error::{AssemblyError, Fault, UniverseConflict};
pub use expression::{Expression, ExpressionError};
pub use rules::{Outcome, Rules, Wanted};
pub use symbols::Slot;
pub use universe::{Universe, Unseen};

/// What the numbers of the data are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// Prices: positive and finite.
    #[default]
    Prices,
    /// Simple returns: finite and above −1.
    Returns,
    /// Returns that nothing trades on, in any unit: finite. Betas have no scale.
    ReturnsOfAnySize,
}

impl Values {
    /// Whether the data states returns, of whatever size.
    #[must_use]
    pub fn are_returns(self) -> bool {
        self != Self::Prices
    }
}

/// What happens to a frame for which the factors have no value, between frames for which they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactorGap {
    /// The data is refused.
    #[default]
    Error,
    /// The frame is handed on with all factors NaN: it updates no estimate.
    Carry,
}
