//! The best scenario, and the robust one, which stays good if its settings are slightly off.

use super::grid::Sweep;

/// Scenario whose neighbourhood has the best worst case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Robust {
    /// The scenario.
    pub row: usize,
    /// Lowest objective of its neighbourhood, itself included.
    pub worst: f64,
    /// Scenarios in its neighbourhood, itself excluded.
    pub neighbours: usize,
}

impl Sweep {
    /// Returns the scenario with the highest objective among those for which `may` is true, the first of
    /// equals; `None` if all their objectives are undefined.
    #[must_use]
    pub fn best(&self, objective: &[f64], may: impl Fn(usize) -> bool) -> Option<usize> {
        let defined = (0..self.rows()).filter(|row| may(*row) && !objective[*row].is_nan());
        // `max_by` takes the last of equals: in reverse order that is the first.
        defined.rev().max_by(|a, b| objective[*a].total_cmp(&objective[*b]))
    }

    /// Returns the scenario with the best worst case over its neighbourhood, among those for which `may` is
    /// true. The neighbourhood holds the scenarios at most one level away on every axis of numbers, and on
    /// the same level of every axis of names. An undefined objective counts as the worst. Ties go to the
    /// higher objective, then to the first. `None` if no scenario has a neighbour.
    #[must_use]
    pub fn robust(&self, objective: &[f64], may: impl Fn(usize) -> bool) -> Option<Robust> {
        let mut found: Option<Robust> = None;
        for row in (0..self.rows()).filter(|row| may(*row)) {
            let Some(here) = self.around(objective, row) else { continue };
            let better = found.is_none_or(|best| {
                here.worst > best.worst || (here.worst == best.worst && objective[row] > objective[best.row])
            });
            if better {
                found = Some(here);
            }
        }
        found
    }

    fn around(&self, objective: &[f64], row: usize) -> Option<Robust> {
        let mut here = Robust { row, worst: objective[row], neighbours: 0 };
        for other in (0..self.rows()).filter(|other| *other != row && self.are_near(row, *other)) {
            if objective[other].is_nan() {
                return None;
            }
            here.worst = here.worst.min(objective[other]);
            here.neighbours += 1;
        }
        (!objective[row].is_nan() && here.neighbours > 0).then_some(here)
    }

    fn are_near(&self, row: usize, other: usize) -> bool {
        let levels = self.levels(row).iter().zip(self.levels(other));
        self.axes().iter().zip(levels).all(|(axis, (a, b))| axis.near(*a, *b))
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::super::grid::tests::product;
    use super::*;

    /// Objectives with a lone peak at (0, 0) next to a cliff, and a plateau on the other side.
    const TABLE: [f64; 12] = [
        9.0, -5.0, 1.0, 1.0, //
        -5.0, 1.0, 2.0, 3.0, //
        1.0, 2.0, 3.0, 3.0,
    ];

    #[test]
    fn best_is_the_lone_peak_and_robust_lies_on_the_plateau() {
        let sweep = product(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(sweep.best(&TABLE, |_| true), Some(0));
        assert_eq!(sweep.robust(&TABLE, |_| true), Some(Robust { row: 11, worst: 2.0, neighbours: 3 }));
    }

    #[test]
    fn undefined_objective_is_never_best_and_excludes_its_neighbours_as_robust() {
        let sweep = product(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
        let mut table = TABLE;
        table[0] = f64::NAN;
        table[10] = f64::NAN;
        assert_eq!(sweep.best(&table, |_| true), Some(7), "the first of equals");
        assert_eq!(sweep.robust(&table, |_| true), Some(Robust { row: 3, worst: 1.0, neighbours: 3 }));
        assert_eq!(sweep.best(&[f64::NAN; 12], |_| true), None);
        assert_eq!(sweep.robust(&[f64::NAN; 12], |_| true), None);
    }

    #[test]
    fn ties_go_to_the_higher_objective_and_then_to_the_first() {
        let sweep = product(&[1.0], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(sweep.best(&[1.0, 2.0, 2.0, 0.0], |_| true), Some(1));
        assert_eq!(sweep.robust(&[1.0, 2.0, 1.0, 1.0], |_| true).map(|robust| robust.row), Some(1));
        assert_eq!(sweep.robust(&[1.0; 4], |_| true).map(|robust| robust.row), Some(0));
    }

    #[test]
    fn names_have_no_neighbours_and_a_lone_scenario_is_not_robust() {
        let names: Vec<String> = ["a", "a", "b", "b"].map(str::to_owned).to_vec();
        let sweep = Sweep::new(vec![Axis::of_names(&names), Axis::of_numbers(&[1.0, 2.0, 1.0, 2.0])]);
        let robust = sweep.robust(&[5.0, 0.0, 2.0, 1.0], |_| true);
        assert_eq!(robust, Some(Robust { row: 2, worst: 1.0, neighbours: 1 }));
        let alone = Sweep::new(vec![Axis::of_names(&["a".to_owned(), "b".to_owned()])]);
        assert_eq!(alone.robust(&[1.0, 2.0], |_| true), None);
        let few = |row: usize| row == 3;
        assert_eq!(sweep.best(&[5.0, 0.0, 2.0, 1.0], few), Some(3));
        assert_eq!(sweep.robust(&[5.0, 0.0, 2.0, 1.0], few).map(|robust| robust.worst), Some(1.0));
        assert_eq!(alone.best(&[1.0, 2.0], |_| true), Some(1));
    }
}
