//! Scenarios of a sweep as positions on its axes.

use std::collections::BTreeMap;

use super::axis::{Axis, Value};

/// Reference scenario of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The scenario.
    pub row: usize,
    /// True if it has exactly the requested values.
    pub exact: bool,
}

/// Scenarios of a sweep: for each its level on every axis.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    axes: Vec<Axis>,
    /// Levels of one scenario after the other.
    levels: Vec<usize>,
    rows: usize,
}

impl Sweep {
    /// Returns the scenarios of a table's columns, each an axis and the level of every scenario on it. Rows
    /// beyond the shortest column are left out.
    #[must_use]
    pub fn new(columns: Vec<(Axis, Vec<usize>)>) -> Self {
        let rows = columns.iter().map(|(_, places)| places.len()).min().unwrap_or_default();
        let levels = (0..rows).flat_map(|row| columns.iter().map(move |(_, places)| places[row])).collect();
        Self { axes: columns.into_iter().map(|(axis, _)| axis).collect(), levels, rows }
    }

    /// Axes, in the order of the columns.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Number of scenarios.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Level of a scenario on every axis.
    #[must_use]
    pub fn levels(&self, row: usize) -> &[usize] {
        &self.levels[row * self.axes.len()..][..self.axes.len()]
    }

    /// Returns the first scenario at a position.
    #[must_use]
    pub fn at(&self, levels: &[usize]) -> Option<usize> {
        (0..self.rows).find(|row| self.levels(*row) == levels)
    }

    /// Returns true if every position of the axes' product has exactly one scenario.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let product = self.axes.iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.len()));
        let mut places: Vec<&[usize]> = (0..self.rows).map(|row| self.levels(row)).collect();
        places.sort_unstable();
        places.dedup();
        self.rows > 0 && places.len() == self.rows && product == Some(self.rows)
    }

    /// Returns the scenario of a configuration. If the sweep does not contain it: the scenario that shares
    /// most levels with it, the first of equals. The levels of the configuration are those nearest to its
    /// values; `None` matches any level.
    #[must_use]
    pub fn anchor(&self, values: &[Option<Value>]) -> Option<Anchor> {
        let wanted: Vec<Option<(usize, bool)>> = self
            .axes
            .iter()
            .enumerate()
            .map(|(at, axis)| values.get(at)?.as_ref().map(|value| axis.nearest(value)))
            .collect();
        let off = |row: usize| {
            let levels = self.levels(row).iter().zip(&wanted);
            levels.filter(|(level, wanted)| wanted.is_some_and(|(wanted, _)| wanted != **level)).count()
        };
        let row = (0..self.rows).min_by_key(|row| off(*row))?;
        let exact = wanted.iter().all(|wanted| wanted.is_some_and(|(_, exact)| exact)) && off(row) == 0;
        Some(Anchor { row, exact })
    }

    /// Returns the scenarios along one axis, in the order of the levels, with the levels of `row` on all
    /// other axes.
    #[must_use]
    pub fn along(&self, axis: usize, row: usize) -> Vec<Option<usize>> {
        let mut found = vec![None; self.axes[axis].len()];
        let here = self.levels(row);
        for other in 0..self.rows {
            let there = self.levels(other);
            let same = (0..self.axes.len()).all(|at| at == axis || here[at] == there[at]);
            if same && found[there[axis]].is_none() {
                found[there[axis]] = Some(other);
            }
        }
        found
    }

    /// Returns groups of at least two scenarios that differ on one axis alone, in the order of their first
    /// scenario; none if all scenarios are on one level of the axis.
    #[must_use]
    pub fn groups_along(&self, axis: usize) -> Vec<Vec<usize>> {
        if self.axes[axis].len() < 2 {
            return Vec::new();
        }
        let others = |row: usize| {
            let levels = self.levels(row);
            [&levels[..axis], &levels[axis + 1..]].concat()
        };
        let mut places: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for row in 0..self.rows {
            let place = *places.entry(others(row)).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(rows) => rows.push(row),
                None => groups.push(vec![row]),
            }
        }
        groups.retain(|rows| rows.len() > 1);
        groups
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Caps × costs in row-major order: each cap with every cost.
    pub(in crate::sweep) fn product(caps: &[f64], costs: &[f64]) -> Sweep {
        let all = || caps.iter().flat_map(|cap| costs.iter().map(move |cost| (*cap, *cost)));
        let column = |of: fn((f64, f64)) -> f64| Axis::of_numbers(&all().map(of).collect::<Vec<_>>());
        Sweep::new(vec![column(|pair| pair.0), column(|pair| pair.1)])
    }

    #[test]
    fn grid_is_full_and_list_is_not() {
        let sweep = product(&[0.1, 0.2], &[0.0, 5.0, 9.0]);
        assert!(sweep.is_full());
        assert_eq!(sweep.at(&[1, 2]), Some(5));
        assert_eq!(sweep.along(0, 1), [Some(1), Some(4)]);
        assert_eq!(sweep.along(1, 4), [Some(3), Some(4), Some(5)]);
        let twice = Sweep::new(vec![Axis::of_numbers(&[1.0, 1.0])]);
        assert!(!twice.is_full());
        let list = Sweep::new(vec![Axis::of_numbers(&[1.0, 2.0]), Axis::of_numbers(&[1.0, 2.0])]);
        assert!(!list.is_full());
        assert_eq!(list.along(0, 0), [Some(0), None]);
        assert!(!Sweep::default().is_full());
    }

    #[test]
    fn groups_differ_on_one_axis_alone() {
        let sweep = product(&[0.1, 0.2], &[0.0, 5.0]);
        assert_eq!(sweep.groups_along(1), [[0, 1], [2, 3]]);
        assert_eq!(sweep.groups_along(0), [[0, 2], [1, 3]]);
        assert!(product(&[0.1], &[0.0, 5.0]).groups_along(0).is_empty());
        let list = Sweep::new(vec![Axis::of_numbers(&[1.0, 2.0, 1.0]), Axis::of_numbers(&[7.0, 7.0, 8.0])]);
        assert_eq!(list.groups_along(0), [[0, 1]]);
    }

    #[test]
    fn anchor_is_the_scenario_of_the_configuration_or_the_nearest() {
        let sweep = product(&[0.1, 0.2], &[0.0, 5.0]);
        let at = |cap: f64, cost: f64| sweep.anchor(&[Some(Value::Number(cap)), Some(Value::Number(cost))]);
        assert_eq!(at(0.2, 5.0), Some(Anchor { row: 3, exact: true }));
        assert_eq!(at(0.2, 4.0), Some(Anchor { row: 3, exact: false }));
        assert_eq!(sweep.anchor(&[None, Some(Value::Number(5.0))]), Some(Anchor { row: 1, exact: false }));
        assert_eq!(Sweep::default().anchor(&[]), None);
    }
}
