//! Effect of each setting alone, as in a tornado chart.

use super::grid::Sweep;

/// Range of the objective when one setting varies and all others are fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swing {
    /// Axis of the setting.
    pub axis: usize,
    /// Lowest objective and its scenario, the first of equals.
    pub low: (f64, usize),
    /// Highest objective and its scenario, the first of equals.
    pub high: (f64, usize),
    /// Levels with a defined objective.
    pub levels: usize,
}

impl Sweep {
    /// Swing of each setting around the scenario `row`, the largest first. A setting with fewer than two
    /// levels with a defined objective has none.
    #[must_use]
    pub fn swings(&self, objective: &[f64], row: usize) -> Vec<Swing> {
        let mut swings: Vec<Swing> =
            (0..self.axes().len()).filter_map(|axis| self.swing(objective, axis, row)).collect();
        swings.sort_by(|a, b| (b.high.0 - b.low.0).total_cmp(&(a.high.0 - a.low.0)));
        swings
    }

    fn swing(&self, objective: &[f64], axis: usize, row: usize) -> Option<Swing> {
        let along = self.along(axis, row).into_iter().flatten();
        let defined: Vec<(f64, usize)> =
            along.map(|row| (objective[row], row)).filter(|(value, _)| !value.is_nan()).collect();
        let low = *defined.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        let high = *defined.iter().rev().max_by(|a, b| a.0.total_cmp(&b.0))?;
        (defined.len() > 1).then_some(Swing { axis, low, high, levels: defined.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::super::grid::tests::product;
    use super::*;

    #[test]
    fn swing_is_the_range_of_one_setting_around_the_base() {
        let sweep = product(&[1.0, 2.0], &[1.0, 2.0, 3.0]);
        let table = [0.0, 1.0, 2.0, 3.0, f64::NAN, -7.0];
        let swings = sweep.swings(&table, 0);
        assert_eq!(swings.len(), 2);
        assert_eq!(swings[0], Swing { axis: 0, low: (0.0, 0), high: (3.0, 3), levels: 2 });
        assert_eq!(swings[1], Swing { axis: 1, low: (0.0, 0), high: (2.0, 2), levels: 3 });
        let swings = sweep.swings(&table, 3);
        assert_eq!(swings[0], Swing { axis: 1, low: (-7.0, 5), high: (3.0, 3), levels: 2 });
    }

    #[test]
    fn setting_that_moves_only_with_others_has_no_swing() {
        let list = Sweep::new(vec![Axis::of_numbers(&[1.0, 2.0]), Axis::of_numbers(&[1.0, 2.0])]);
        assert!(list.swings(&[1.0, 2.0], 0).is_empty());
    }
}
