//! Range of the numbers with which a run computes.
//!
//! Prices and returns far outside any market, and values that are not finite, would spread to every later
//! output through the filter and the account. They end a replay with an error, and halt trading on a live
//! feed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::processor::{MulAdd, kernel};
use crate::time::{Iso, TimestampNs};

/// Smallest price.
pub const PRICE_MIN: f64 = 1e-30;
/// Largest price, dividend, split ratio or absolute return.
pub const NUMBER_MAX: f64 = 1e30;

kernel!(
    /// Returns true if every number is NaN or from `least` to `largest`.
    pub(crate) fn all_in(numbers: &[f64], least: f64, largest: f64) -> bool = all_in_body
);

#[inline(always)]
fn all_in_body<M: MulAdd>(numbers: &[f64], least: f64, largest: f64) -> bool {
    !numbers.iter().fold(false, |out, number| out | (*number < least) | (*number > largest))
}

/// Effect of a value out of range on a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutOfRange {
    /// Ends the run with [`OutOfRange`] as its error.
    #[default]
    Stop,
    /// Halts trading; the run continues.
    Halt,
}

/// A value out of range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfRange {
    /// Close of the bar.
    pub timestamp: TimestampNs,
    /// Number of the frame.
    pub seq: u64,
    /// Instrument or factor; `None` for the whole account.
    pub name: Option<String>,
    /// Name of the value.
    pub value: String,
    /// Value found, as text because JSON has no NaN.
    pub found: String,
    /// Range expected.
    pub expected: String,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timestamp, seq, name, value, found, expected } = self;
        let name = name.as_ref().map_or_else(|| "the account".to_owned(), |name| format!("`{name}`"));
        write!(
            f,
            "bar of {} (seq {seq}): found {value} {found} of {name}, expected {expected}",
            Iso(*timestamp)
        )
    }
}

impl std::error::Error for OutOfRange {}
