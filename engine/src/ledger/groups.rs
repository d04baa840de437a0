//! Exposures and gains of the book by group of instruments.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::execution::Moves;
use crate::groups::GroupColumn;

/// Exposure and gain of the book in one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupEntry {
    /// Factor that the groups make; the name of the column without one.
    pub factor: Arc<str>,
    /// Group.
    pub group: Arc<str>,
    /// Sum of the held weights of the members.
    pub net: f64,
    /// Sum of their absolute values.
    pub gross: f64,
    /// Sum of the held weights less those of the benchmark; NaN if these are not known.
    pub active: f64,
    /// Exposure to the factor of the group, Σ weight × loading; NaN without a factor.
    pub exposure: f64,
    /// Sum of the returns of the group's factor; NaN without a factor.
    pub factor_return: f64,
    /// Price gain of the positions in members, before costs and interest.
    pub gain: f64,
    /// Part of the gain from the group's factor: Σ value × loading × factor return; NaN without a factor.
    pub factor_gain: f64,
}

/// Sums of one group since the preceding record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    factor_return: f64,
    gain: f64,
    factor_gain: f64,
}

/// Sums by group since the preceding record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct GroupTally {
    columns: Vec<Vec<Sums>>,
}

impl GroupTally {
    /// Adds the gains of a frame. `loadings`: those on each column that makes factors, as of the preceding close.
    pub(super) fn add(&mut self, moves: &Moves, columns: &[GroupColumn], loadings: &[Vec<f64>]) {
        if columns.is_empty() {
            return;
        }
        self.columns.resize_with(columns.len(), Vec::new);
        let mut loadings = loadings.iter();
        for (sums, column) in self.columns.iter_mut().zip(columns) {
            sums.resize(column.names.len(), Sums::default());
            let loadings = if column.has_factors { loadings.next() } else { None };
            for (sums, value) in sums.iter_mut().zip(&column.returns) {
                sums.factor_return += if value.is_nan() { 0.0 } else { *value };
            }
            for (i, (value, held)) in moves.before.iter().zip(&moves.held).enumerate() {
                let Some(group) = column.group_of(i) else { continue };
                let traded = moves.traded.get(i).copied().unwrap_or(0.0);
                sums[group].gain += held + traded;
                let loading =
                    loadings.and_then(|loadings| loadings.get(i)).filter(|loading| !loading.is_nan());
                let factor = column.returns.get(group).filter(|value| !value.is_nan());
                if let (Some(loading), Some(factor)) = (loading, factor) {
                    sums[group].factor_gain += value * loading * factor;
                }
            }
        }
    }

    /// Writes an entry for each group with a member, and sets the sums to 0.
    pub(super) fn take(
        &mut self,
        columns: &[GroupColumn],
        loadings: &[Vec<f64>],
        weights: &[f64],
        benchmark: &[f64],
        out: &mut Vec<GroupEntry>,
    ) {
        out.clear();
        self.columns.resize_with(columns.len(), Vec::new);
        let mut loadings = loadings.iter();
        for (sums, column) in self.columns.iter_mut().zip(columns) {
            let factor: Arc<str> = Arc::from(column.factor.as_str());
            let loadings = if column.has_factors { loadings.next() } else { None };
            let first = out.len();
            for (name, sums) in column.names.iter().zip(&*sums) {
                let of_factor = |value: f64| if column.has_factors { value } else { f64::NAN };
                out.push(GroupEntry {
                    factor: Arc::clone(&factor),
                    group: Arc::clone(name),
                    active: if benchmark.is_empty() { f64::NAN } else { 0.0 },
                    exposure: of_factor(0.0),
                    factor_return: of_factor(sums.factor_return),
                    gain: sums.gain,
                    factor_gain: of_factor(sums.factor_gain),
                    ..GroupEntry::default()
                });
            }
            sums.fill(Sums::default());
            let entries = &mut out[first..];
            for (i, weight) in weights.iter().enumerate() {
                let Some(entry) = column.group_of(i).and_then(|group| entries.get_mut(group)) else {
                    continue;
                };
                entry.net += weight;
                entry.gross += weight.abs();
                entry.active += weight - benchmark.get(i).unwrap_or(&0.0);
                let loading =
                    loadings.and_then(|loadings| loadings.get(i)).filter(|loading| !loading.is_nan());
                entry.exposure += weight * loading.unwrap_or(&0.0);
            }
        }
    }
}
