//! Candidates for the best scenario: scenarios that differ by choices alone, in the environment of the
//! configuration.

use super::axis::Value;
use super::choice::Robust;
use super::grid::{Anchor, Sweep};

/// Scenarios of a sweep, and the candidates among them.
///
/// An axis is a choice (a setting that a user picks) or belongs to the environment (costs, delays, data).
/// Candidates are the scenarios in the environment of the configuration, or in the nearest one of the sweep.
/// If a scenario is best because its costs are low, that does not show that its choice is good.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// All scenarios.
    pub sweep: Sweep,
    /// Scenario of the configuration itself, or the nearest one.
    pub base: Option<Anchor>,
    /// Scenario in the environment of the candidates; exact if that is the environment of the configuration.
    pub environment: Option<Anchor>,
    /// Axes of the environment that vary; empty if the candidates are not in one environment.
    pub environment_axes: Vec<usize>,
    /// True if the candidates are in one environment. In a sample that draws an environment for each scenario
    /// no two scenarios can be compared: all are then candidates, and the best one is a combination of choice
    /// and environment.
    pub one_environment: bool,
    is_candidate: Vec<bool>,
    /// Ruined scenarios are not candidates, and a scenario next to one is not robust.
    is_ruined: Vec<bool>,
}

impl Candidates {
    /// Returns the candidates of a sweep. `configured`: value of the configuration on each axis, `None` if it
    /// has none; `is_choice`: true if an axis is a choice.
    #[must_use]
    pub fn new(sweep: Sweep, configured: &[Option<Value>], is_choice: impl Fn(usize) -> bool) -> Self {
        let varied = || (0..sweep.axes().len()).filter(|axis| sweep.axes()[*axis].len() > 1);
        let environment_axes: Vec<usize> = varied().filter(|axis| !is_choice(*axis)).collect();
        let choices_vary = varied().any(&is_choice);
        let environment = environment(&sweep, configured, &environment_axes);
        let same = |row: usize, other: usize| {
            environment_axes.iter().all(|axis| sweep.levels(row)[*axis] == sweep.levels(other)[*axis])
        };
        let mut is_candidate: Vec<bool> = (0..sweep.rows())
            .map(|row| environment.is_none_or(|environment| same(row, environment.row)))
            .collect();
        let one_environment = !choices_vary || is_candidate.iter().filter(|is| **is).count() > 1;
        if !one_environment {
            is_candidate.fill(true);
        }
        Self {
            base: sweep.anchor(configured),
            environment,
            environment_axes: if one_environment { environment_axes } else { Vec::new() },
            one_environment,
            is_ruined: vec![false; is_candidate.len()],
            is_candidate,
            sweep,
        }
    }

    /// Excludes ruined scenarios; `ruined` has one value per scenario.
    #[must_use]
    pub fn without(self, ruined: impl Iterator<Item = bool>) -> Self {
        let rows = self.is_candidate.len();
        let is_ruined: Vec<bool> = ruined.chain(std::iter::repeat(false)).take(rows).collect();
        let is_candidate =
            self.is_candidate.iter().zip(&is_ruined).map(|(is, ruined)| *is && !ruined).collect();
        Self { is_candidate, is_ruined, ..self }
    }

    /// Returns true if a scenario is a candidate.
    #[must_use]
    pub fn contains(&self, row: usize) -> bool {
        self.is_candidate[row]
    }

    /// Number of candidates.
    #[must_use]
    pub fn count(&self) -> usize {
        self.is_candidate.iter().filter(|is| **is).count()
    }

    /// Returns the candidate with the highest objective, the first of equals.
    #[must_use]
    pub fn best(&self, objective: &[f64]) -> Option<usize> {
        self.sweep.best(objective, |row| self.contains(row))
    }

    /// Returns the candidate whose neighbourhood has the best worst case.
    #[must_use]
    pub fn robust(&self, objective: &[f64]) -> Option<Robust> {
        let of = |(value, ruined): (&f64, &bool)| if *ruined { f64::NAN } else { *value };
        let objective: Vec<f64> = objective.iter().zip(&self.is_ruined).map(of).collect();
        self.sweep.robust(&objective, |row| self.contains(row))
    }
}

/// Returns the scenario whose environment is nearest to that of the configuration, regardless of choices.
fn environment(sweep: &Sweep, configured: &[Option<Value>], axes: &[usize]) -> Option<Anchor> {
    let value = |(axis, value): (usize, &Option<Value>)| value.clone().filter(|_| axes.contains(&axis));
    let values: Vec<_> = configured.iter().enumerate().map(value).collect();
    let row = sweep.anchor(&values)?.row;
    let same = |axis: &usize| {
        let nearest = values.get(*axis)?.as_ref().map(|value| sweep.axes()[*axis].nearest(value));
        Some(nearest == Some((sweep.levels(row)[*axis], true)))
    };
    Some(Anchor { row, exact: axes.iter().all(|axis| same(axis).unwrap_or(false)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Axis;

    /// Sweep in which the first axis is a choice and the others belong to the environment; the configuration
    /// has 0.08, 4 and 1.
    fn candidates(columns: &[&[f64]]) -> Candidates {
        let sweep = Sweep::new(columns.iter().map(|values| Axis::of_numbers(values)).collect());
        let configured: Vec<_> =
            [0.08, 4.0, 1.0][..columns.len()].iter().map(|v| Some(Value::Number(*v))).collect();
        Candidates::new(sweep, &configured, |axis| axis == 0)
    }

    fn rows(candidates: &Candidates) -> Vec<usize> {
        (0..candidates.sweep.rows()).filter(|row| candidates.contains(*row)).collect()
    }

    const CAPS: [f64; 4] = [0.02, 0.02, 0.3, 0.3];

    #[test]
    fn candidates_share_the_environment_of_the_configuration() {
        let product = candidates(&[&CAPS, &[4.0, 9.0, 4.0, 9.0]]);
        assert_eq!((rows(&product), &product.environment_axes[..]), (vec![0, 2], &[1][..]));
        assert_eq!(product.environment, Some(Anchor { row: 0, exact: true }));
        assert_eq!(product.best(&[0.1, 9.0, 0.3, 9.0]), Some(2));

        let far = candidates(&[&CAPS, &[5.0, 9.0, 5.0, 9.0]]);
        assert_eq!((rows(&far), far.environment), (vec![0, 2], Some(Anchor { row: 0, exact: false })));

        let environment = candidates(&[&[0.08; 4], &[0.0, 4.0, 8.0, 9.0]]);
        assert_eq!((rows(&environment), environment.one_environment), (vec![1], true), "no choice varies");

        let choice = candidates(&[&[0.1, 0.2, 0.3, 0.4]]);
        assert_eq!((rows(&choice), choice.environment_axes.len()), (vec![0, 1, 2, 3], 0));

        let sample = candidates(&[&CAPS, &[1.0, 2.0, 3.0, 5.5]]);
        assert_eq!((rows(&sample), sample.one_environment), (vec![0, 1, 2, 3], false));
    }

    #[test]
    fn ruined_scenarios_are_excluded_and_their_neighbours_are_not_robust() {
        let all = candidates(&[&[0.1, 0.2, 0.3, 0.4, 0.5]]);
        let survivors = all.without([true].into_iter());
        assert_eq!((rows(&survivors), survivors.count()), (vec![1, 2, 3, 4], 4));
        let objective = [9.0, 5.0, 1.0, 2.0, 3.0];
        assert_eq!(survivors.best(&objective), Some(1));
        assert_eq!(survivors.robust(&objective).map(|robust| robust.row), Some(4));
    }
}
