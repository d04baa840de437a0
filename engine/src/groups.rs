//! Groups of instruments, such as sectors, and the factors made of them.

mod factors;

use serde::{Deserialize, Serialize};

use crate::names::InstrumentNames;

pub(crate) use factors::SavedGroups;
pub use factors::{GroupFactor, GroupFactors, GroupFacts, GroupName};

/// Group of an instrument without one.
pub const NO_GROUP: u32 = u32::MAX;

/// Least number of members with a return in a frame that make a factor.
pub const MEMBERS_MIN: usize = 5;

/// Groups of one column on a frame, and the factor of each group.
///
/// The return of a group's factor is the equal-weight mean return of its members less that of all instruments, over
/// those with a return in the frame. An instrument loads on the factor of its own group alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupColumn {
    /// Name of the factor in outputs, such as `sector`; that of the column, if no factor is made of it.
    pub factor: String,
    /// True if the groups make factors, on which instruments load; false if only bounds and reports name them.
    pub has_factors: bool,
    /// Names of the groups in the order of their first members, ties in engine order; append-only.
    pub names: InstrumentNames,
    /// Group of each instrument as an index of `names`, or [`NO_GROUP`]; length n.
    pub of: Vec<u32>,
    /// Return of each group's factor in the frame; NaN with fewer than [`MEMBERS_MIN`] members that trade.
    pub returns: Vec<f64>,
    /// Number of members of each group with a return in the frame.
    pub trading: Vec<u32>,
}

impl GroupColumn {
    /// Number of groups so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Group of an instrument; `None` without one.
    #[must_use]
    pub fn group_of(&self, instrument: usize) -> Option<usize> {
        self.of.get(instrument).filter(|group| **group != NO_GROUP).map(|group| *group as usize)
    }

    /// Return in the frame of the factor of an instrument's own group; NaN without one.
    #[must_use]
    pub fn return_of(&self, instrument: usize) -> f64 {
        self.group_of(instrument).map_or(f64::NAN, |group| self.returns[group])
    }
}
