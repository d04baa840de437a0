//! Place of each group's factor among all factors of sizing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::own_loadings::{NO_FACTOR, OwnLoadings};
use crate::groups::GroupColumn;
use crate::model::Estimates;
use crate::names::InstrumentNames;

/// Factors of sizing: the k given ones, then one for each group in the order in which their factors first have a
/// return. Places are append-only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupSlots {
    given: usize,
    /// Factor of each group, by column that makes factors; [`NO_FACTOR`] before the first return.
    places: Vec<Vec<u32>>,
    /// Names of the groups' factors, such as `sector:Energy`.
    names: InstrumentNames,
}

impl GroupSlots {
    /// The given factors alone.
    #[must_use]
    pub fn new(given: usize) -> Self {
        Self { given, ..Self::default() }
    }

    /// Number k of given factors.
    #[must_use]
    pub const fn given(&self) -> usize {
        self.given
    }

    /// Number K of all factors so far.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.given + self.names.len()
    }

    /// Names of the groups' factors, such as `sector:Energy`.
    #[must_use]
    pub const fn names(&self) -> &InstrumentNames {
        &self.names
    }

    /// Writes the returns of all K factors in a frame into `out`: NaN for a group without one.
    pub fn write_returns(&mut self, given: &[f64], columns: &[GroupColumn], out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(given);
        out.resize(self.factors(), f64::NAN);
        for (column, of) in columns.iter().filter(|column| column.has_factors).enumerate() {
            if self.places.len() == column {
                self.places.push(Vec::new());
            }
            let places = &mut self.places[column];
            places.resize(of.names.len().max(places.len()), NO_FACTOR);
            for ((place, name), value) in places.iter_mut().zip(&*of.names).zip(&of.returns) {
                if *place == NO_FACTOR && !value.is_nan() {
                    *place = (self.given + self.names.len()) as u32;
                    self.names.extend(&[Arc::from(format!("{}:{name}", of.factor))]);
                    out.push(*value);
                } else if *place != NO_FACTOR {
                    out[*place as usize] = *value;
                }
            }
        }
    }

    /// Writes the loadings on the factors of groups, one entry for each column that makes factors.
    pub fn write_loadings(&self, estimates: &Estimates, out: &mut Vec<OwnLoadings>) {
        let n = estimates.instruments();
        let columns = estimates.groups.iter().filter(|column| column.has_factors);
        let count = columns.clone().count();
        out.resize_with(count, OwnLoadings::default);
        for ((at, column), own) in columns.enumerate().zip(out) {
            let places = self.places.get(at).map_or(&[][..], Vec::as_slice);
            own.factor.clear();
            own.loading.clear();
            for (i, beta) in estimates.betas_on(self.given + at).iter().enumerate().take(n) {
                let place = column.group_of(i).and_then(|group| places.get(group).copied());
                let place = place.filter(|_| !beta.is_nan()).unwrap_or(NO_FACTOR);
                own.factor.push(place);
                own.loading.push(if place == NO_FACTOR { 0.0 } else { *beta });
            }
        }
    }
}
