//! Bounds by group as set, and the limits of a rebalance that follow from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::group_limits::{GroupBound, GroupLimits, UNBOUNDED};
use crate::groups::{GroupColumn, GroupFactor};
use crate::settings::{Invalid, Kind, Range, SettingType, SettingValue, require};

/// Names of groups in a message.
const SHOWN: usize = 20;

/// Bounds of the groups of a column, or of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupBounds {
    /// Least and largest sum of the weights of the members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net: Option<[f64; 2]>,
    /// Largest sum of the absolute weights of the members, measured as the gross limit is: with `sizing.active` that of
    /// the weights less the benchmark's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gross: Option<f64>,
    /// True if `net` bounds the weights less those of the benchmark; unset: the value of `sizing.active`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<bool>,
}

/// Bounds by name: of a column such as `sector`, or of one group such as `sector:Energy`.
pub type GroupBoundsByName = BTreeMap<String, GroupBounds>;

impl SettingValue for GroupBoundsByName {
    fn outside(&self, range: &Range) -> Option<String> {
        let (name, bounds) = self.iter().find(|(_, bounds)| !bounds.are_valid(range))?;
        let GroupBounds { net, gross, .. } = bounds;
        let net = net.map(|[lower, upper]| format!("net = [{lower}, {upper}]"));
        let gross = gross.map(|gross| format!("gross = {gross}"));
        let parts: Vec<String> = net.into_iter().chain(gross).collect();
        Some(format!("{name} = {{ {} }}", parts.join(", ")))
    }
}

impl SettingType for GroupBoundsByName {
    const KIND: Kind = Kind::GroupBoundsByName;
}

impl GroupBounds {
    fn are_valid(&self, range: &Range) -> bool {
        let ordered =
            |[lower, upper]: [f64; 2]| lower <= upper && range.contains(lower) && range.contains(upper);
        let some = self.net.is_some() || self.gross.is_some();
        some && self.net.is_none_or(ordered)
            && self.gross.is_none_or(|gross| gross >= 0.0 && range.contains(gross))
    }

    fn is_relative(&self, active: bool) -> bool {
        self.relative.unwrap_or(active)
    }
}

/// Column of a name in `sizing.group_bounds`, and its group if it names one.
#[must_use]
pub fn column_and_group(name: &str) -> (&str, Option<&str>) {
    name.split_once(':').map_or((name, None), |(column, group)| (column, Some(group)))
}

/// Returns true if a net bound is relative to the benchmark.
pub(super) fn need_benchmark(bounds: &GroupBoundsByName, active: bool) -> bool {
    bounds.values().any(|bounds| bounds.net.is_some() && bounds.is_relative(active))
}

/// Checks that no gross bound is measured in another way than the gross limit.
pub(super) fn check(bounds: &GroupBoundsByName, active: bool) -> Result<(), Invalid> {
    let differs = |bounds: &GroupBounds| bounds.gross.is_some() && bounds.is_relative(active) != active;
    let wrong = bounds.iter().find(|(_, bounds)| differs(bounds));
    let found =
        wrong.map_or_else(String::new, |(name, _)| format!("{name} with gross and relative = {}", !active));
    let expected = "no `relative` beside `gross`: gross exposure by group is measured as the gross limit is, against the \
                    benchmark exactly with sizing.active; bound only `net` here, or set sizing.active";
    require(wrong.is_none(), "group_bounds", found, expected)
}

/// Checks that every name is a column of the groups, and every group one of its file.
///
/// # Errors
/// The first name that is neither.
pub fn check_group_names(bounds: &GroupBoundsByName, groups: &[GroupFactor]) -> Result<(), Invalid> {
    for name in bounds.keys() {
        let (column, group) = column_and_group(name);
        let known = groups.iter().find(|of| of.factor == column);
        let columns: Vec<&str> = groups.iter().map(|of| of.factor.as_str()).collect();
        let found = format!("{name} (columns: {columns:?})");
        require(known.is_some(), "group_bounds", found, "names of columns of universe.groups")?;
        let Some((of, group)) = known.zip(group) else { continue };
        let rows = of.table.symbols().flat_map(|symbol| of.table.rows_of(symbol));
        let names: BTreeSet<&str> = rows.filter_map(|(_, name)| name.0.as_deref()).collect();
        let expected = "names of groups in the file universe.groups";
        require(
            names.contains(group),
            "group_bounds",
            format!("{name} ({})", list(group, &names)),
            expected,
        )?;
    }
    Ok(())
}

/// Names of groups in a message: those that look like `wanted` first, and at most twenty.
fn list(wanted: &str, names: &BTreeSet<&str>) -> String {
    let wanted = wanted.to_lowercase();
    // Characters in common at the beginning and at the end, which a misspelt name has most of.
    let alike = |name: &str| {
        let name = name.to_lowercase();
        let start = name.chars().zip(wanted.chars()).take_while(|(a, b)| a == b).count();
        start + name.chars().rev().zip(wanted.chars().rev()).take_while(|(a, b)| a == b).count()
    };
    let mut sorted: Vec<&str> = names.iter().copied().collect();
    sorted.sort_by_key(|name| std::cmp::Reverse(alike(name)));
    let more = match sorted.len().saturating_sub(SHOWN) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    sorted.truncate(SHOWN);
    format!("groups: {sorted:?}{more}")
}

/// Limits by group of a rebalance, made of the bounds and the groups in force; keeps its buffers.
#[derive(Clone, Debug, Default)]
pub struct BoundedGroups {
    limits: Vec<GroupLimits>,
    /// Name of each bounded group, such as `sector:Energy`, one division after another.
    names: Vec<String>,
    sums: Vec<f64>,
}

impl BoundedGroups {
    /// Sets the limits. `benchmark`: its weights, length n; empty without one.
    pub fn set(
        &mut self,
        bounds: &GroupBoundsByName,
        active: bool,
        columns: &[GroupColumn],
        benchmark: &[f64],
    ) {
        self.limits.clear();
        self.names.clear();
        if bounds.is_empty() {
            return;
        }
        for column in columns {
            let common = bounds.get(&column.factor);
            let mut limits = GroupLimits::default();
            let mut places = Vec::with_capacity(column.names.len());
            self.sums.clear();
            self.sums.resize(column.names.len(), 0.0);
            for (i, weight) in benchmark.iter().enumerate() {
                if let Some(group) = column.group_of(i) {
                    self.sums[group] += weight;
                }
            }
            for (name, shift) in column.names.iter().zip(&self.sums) {
                let full = format!("{}:{name}", column.factor);
                let Some(bounds) = bounds.get(&full).or(common) else {
                    places.push(UNBOUNDED);
                    continue;
                };
                let shift = if bounds.is_relative(active) { *shift } else { 0.0 };
                let [lower, upper] = bounds.net.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
                places.push(limits.bounds.len() as u32);
                limits.bounds.push(GroupBound {
                    lower: lower + shift,
                    upper: upper + shift,
                    gross: bounds.gross.unwrap_or(f64::INFINITY),
                });
                self.names.push(full);
            }
            if !limits.bounds.is_empty() {
                let place = |i: usize| column.group_of(i).map_or(UNBOUNDED, |group| places[group]);
                limits.group.extend((0..column.of.len()).map(place));
                self.limits.push(limits);
            }
        }
    }

    /// Largest violation of a bound by the weights; `benchmark`: weights against which gross exposure is measured, empty
    /// for none.
    #[must_use]
    pub fn excess(&self, weights: &[f64], benchmark: &[f64]) -> f64 {
        self.limits.iter().map(|limits| limits.excess(weights, benchmark)).fold(0.0, f64::max)
    }

    /// Limits of each column with bounds.
    #[must_use]
    pub fn limits(&self) -> &[GroupLimits] {
        &self.limits
    }

    /// Name of each bounded group, such as `sector:Energy`, in the order of the limits.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}
