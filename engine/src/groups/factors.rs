//! Factors of groups, made online from the returns of a frame.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::{GroupColumn, MEMBERS_MIN, NO_GROUP};
use crate::dated::{DatedValues, InForce};

/// Name of a group; `None` ends membership in the group before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupName(pub Option<Arc<str>>);

impl Serialize for GroupName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.as_deref().serialize(to)
    }
}

/// Column of groups, as set for a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupFactor {
    /// Name of the factor; that of the column, if no factor is made of it.
    pub factor: String,
    /// Column of the file.
    pub column: String,
    /// True if the groups make factors.
    pub has_factors: bool,
    /// Group of each instrument from its dates on.
    pub table: Arc<DatedValues<GroupName>>,
}

/// Groups of the instruments frame by frame, and the returns of their factors.
///
/// The factor of group G in a frame is g = r̄_G − r̄: the equal-weight mean return of the members of G less that of all
/// instruments, over those with a return in the frame. It exists in frames with [`MEMBERS_MIN`] such members. Nothing
/// depends on rows or frames of the future.
#[derive(Clone, Debug, Default)]
pub struct GroupFactors {
    in_force: Vec<InForce<GroupName>>,
    columns: Vec<GroupColumn>,
    sums: Vec<f64>,
    /// Largest number of members of each group that traded in one frame, by column.
    most: Vec<Vec<u32>>,
}

/// Facts about one column of groups at the end of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupFacts {
    /// Name of the factor, or of the column.
    pub factor: String,
    /// True if the groups make factors.
    pub has_factors: bool,
    /// Number of groups with an instrument.
    pub groups: u64,
    /// Number of groups that have had [`MEMBERS_MIN`] members with a return in one frame.
    pub with_factor: u64,
    /// Instruments without a group that has had a factor, in engine order.
    pub without_factor: Vec<Arc<str>>,
    /// Instruments that the file does not name, in engine order.
    pub not_in_file: Vec<Arc<str>>,
}

/// State of [`GroupFactors`] between frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SavedGroups {
    columns: Vec<GroupColumn>,
    most: Vec<Vec<u32>>,
}

impl GroupFactors {
    /// Groups before the first frame.
    #[must_use]
    pub fn new(factors: &[GroupFactor]) -> Self {
        let column = |of: &GroupFactor| GroupColumn {
            factor: of.factor.clone(),
            has_factors: of.has_factors,
            ..GroupColumn::default()
        };
        Self {
            in_force: factors.iter().map(|of| InForce::new(Arc::clone(&of.table))).collect(),
            columns: factors.iter().map(column).collect(),
            sums: Vec::new(),
            most: vec![Vec::new(); factors.len()],
        }
    }

    /// Names of the factors, and whether groups make them.
    pub(crate) fn settings(&self) -> Vec<(String, bool)> {
        self.columns.iter().map(|column| (column.factor.clone(), column.has_factors)).collect()
    }

    /// Processes a frame of a date. `names` are the instruments in engine order, `returns` their returns in the frame,
    /// NaN where missing.
    pub fn observe(&mut self, date: i64, names: &[Arc<str>], returns: &[f64]) {
        if self.columns.is_empty() {
            return;
        }
        let (mut sum, mut trading) = (0.0, 0_u32);
        for value in returns.iter().filter(|value| !value.is_nan()) {
            sum += value;
            trading += 1;
        }
        let panel = sum / f64::from(trading);
        let Self { in_force, columns, sums, most } = self;
        for ((in_force, column), most) in in_force.iter_mut().zip(columns).zip(most) {
            if in_force.advance(date, names) {
                number(column, in_force.values());
            }
            let count = column.names.len();
            sums.clear();
            sums.resize(count, 0.0);
            column.trading.clear();
            column.trading.resize(count, 0);
            for (group, value) in column.of.iter().zip(returns) {
                if *group != NO_GROUP && !value.is_nan() {
                    sums[*group as usize] += value;
                    column.trading[*group as usize] += 1;
                }
            }
            most.resize(count, 0);
            column.returns.clear();
            for ((sum, trading), most) in sums.iter().zip(&column.trading).zip(most) {
                *most = (*most).max(*trading);
                let makes = *trading as usize >= MEMBERS_MIN;
                column.returns.push(if makes { sum / f64::from(*trading) - panel } else { f64::NAN });
            }
        }
    }

    /// Groups after the last frame.
    #[must_use]
    pub fn columns(&self) -> &[GroupColumn] {
        &self.columns
    }

    /// Number of columns whose groups make factors.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.columns.iter().filter(|column| column.has_factors).count()
    }

    /// Facts about each column, for instruments with these names in engine order.
    #[must_use]
    pub fn facts(&self, names: &[Arc<str>]) -> Vec<GroupFacts> {
        let columns = self.columns.iter().zip(&self.in_force).zip(&self.most);
        columns
            .map(|((column, in_force), most)| {
                let has_factor =
                    |i: usize| column.group_of(i).is_some_and(|group| most[group] as usize >= MEMBERS_MIN);
                let named = |keep: &dyn Fn(usize) -> bool| {
                    let kept = names.iter().enumerate().filter(|(i, _)| keep(*i));
                    kept.map(|(_, name)| Arc::clone(name)).collect()
                };
                GroupFacts {
                    factor: column.factor.clone(),
                    has_factors: column.has_factors,
                    groups: column.names.len() as u64,
                    with_factor: most.iter().filter(|most| **most as usize >= MEMBERS_MIN).count() as u64,
                    without_factor: named(&|i| !has_factor(i)),
                    not_in_file: named(&|i| in_force.table().rows_of(&names[i]).is_empty()),
                }
            })
            .collect()
    }

    pub(crate) fn saved(&self) -> SavedGroups {
        SavedGroups { columns: self.columns.clone(), most: self.most.clone() }
    }

    /// Restores a saved state. The groups in force follow from the table on the next frame.
    pub(crate) fn restore(&mut self, saved: SavedGroups) {
        self.columns = saved.columns;
        self.most = saved.most;
        for in_force in &mut self.in_force {
            *in_force = InForce::new(Arc::clone(in_force.table()));
        }
    }
}

/// Numbers the groups of the instruments; new ones are appended.
fn number(column: &mut GroupColumn, values: &[Option<GroupName>]) {
    column.of.clear();
    for value in values {
        let Some(name) = value.as_ref().and_then(|name| name.0.as_ref()) else {
            column.of.push(NO_GROUP);
            continue;
        };
        let at = column.names.iter().position(|known| known == name).unwrap_or_else(|| {
            column.names.extend(std::slice::from_ref(name));
            column.names.len() - 1
        });
        column.of.push(at as u32);
    }
}
