//! One rebalance: target weights from forecasts, risk and limits.

use betaflow_engine::portfolio::{
    ExposureBounds, FactorRisk, Goal, Limits, Rebalance, Sizer, Solution as Solved, is_covariance,
};
use betaflow_engine::range::NUMBER_MAX;
use betaflow_engine::settings::Invalid;
use betaflow_replay::PartSettings;
use numpy::PyArrayDyn;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{Input, array, vector};
use super::settings::{checked, guarded, refused};
use crate::call::Setting;

/// Largest turnover that can be left under a cap.
const TURNOVER_MAX: f64 = 1e6;

type Array<'py> = Bound<'py, PyArrayDyn<f64>>;

/// Solution of one rebalance.
#[pyclass(frozen, module = "betaflow._native")]
pub(crate) struct Solution {
    solved: Rebalance,
    capped: bool,
    at_gross: bool,
}

/// Solves one rebalance under settings of `[sizing]` and `[data]`. `names`: names of the factors, for exposure bounds.
/// `arrays`: the arguments of the solver as arrays. `goal`: "expected" for expected returns, "weights" for target weights.
#[pyfunction]
pub(crate) fn solve(
    py: Python<'_>,
    settings: Vec<Setting>,
    names: Vec<String>,
    arrays: &Bound<'_, PyDict>,
    turnover_left: Option<f64>,
    goal: &str,
) -> PyResult<Solution> {
    let PartSettings { sizing, calendar, .. } = checked(py, settings)?;
    let inputs = guarded(|| Inputs::new(arrays, &names))??;
    let mut bounds = Vec::new();
    for (name, [lower, upper]) in &sizing.exposure_bounds {
        let Some(factor) = names.iter().position(|factor| factor == name) else {
            let (key, found) = ("exposure_bounds", format!("{name} (factors: {names:?})"));
            return Err(refused(py, &Invalid { key, found, expected: "names of factors".into() }));
        };
        bounds.push(ExposureBounds { factor, lower: *lower, upper: *upper });
    }
    if !sizing.group_bounds.is_empty() {
        let (key, found) = ("group_bounds", format!("{:?}", sizing.group_bounds.keys()));
        let expected = "nothing: this function has no groups of instruments".into();
        return Err(refused(py, &Invalid { key, found, expected }));
    }
    if sizing.active == inputs.benchmark.is_empty() {
        let found = if sizing.active { "no benchmark" } else { "a benchmark, but active = false" };
        return Err(PyValueError::new_err(format!(
            "benchmark: found {found}, expected weights of a benchmark exactly if active is true"
        )));
    }
    let left = turnover_left.unwrap_or(sizing.turnover_cap);
    if !(0.0..=TURNOVER_MAX).contains(&left) {
        return Err(PyValueError::new_err(format!("turnover_left: found {left}, expected 0 to 1e6")));
    }
    let horizon = sizing.cost_horizon * f64::from(calendar.frames_per_day);
    let mut sizer = Sizer::new(&sizing, horizon, bounds);
    let Inputs { target, mut risk, held, tradable, linear_cost, impact, benchmark } = inputs;
    let goal = match goal {
        "weights" => Goal::Weights(&target),
        _ => Goal::Expected(&target),
    };
    let limits = Limits {
        held: &held,
        tradable: &tradable,
        linear_cost: &linear_cost,
        impact: &impact,
        borrow: &[],
        short_limit: &[],
        bounds: &[],
        turnover_left: left,
        benchmark: &benchmark,
        groups: &[],
    };
    let mut solution = Solved::default();
    let solved = py.detach(|| {
        guarded(|| {
            sizer.solve(goal, &mut risk, limits, &mut solution);
            sizer.show(goal, &risk, limits, &solution)
        })
    })?;
    if let Some(i) = solved.weights.iter().position(|weight| !weight.is_finite()) {
        return Err(PyValueError::new_err(format!(
            "found target weight {} of instrument {i}, expected a finite number: pass returns, variances and costs per \
             frame in decimals",
            solved.weights[i]
        )));
    }
    Ok(Solution { solved, capped: solution.capped, at_gross: solution.at_gross })
}

/// Arguments of the solver.
struct Inputs {
    target: Vec<f64>,
    risk: FactorRisk,
    held: Vec<f64>,
    tradable: Vec<bool>,
    linear_cost: Vec<f64>,
    impact: Vec<f64>,
    benchmark: Vec<f64>,
}

impl Inputs {
    fn new(arrays: &Bound<'_, PyDict>, names: &[String]) -> PyResult<Self> {
        let required = |name: &'static str| -> PyResult<Bound<'_, PyAny>> {
            let missing = || PyValueError::new_err(format!("{name}: found nothing, expected an array"));
            arrays.get_item(name)?.ok_or_else(missing)
        };
        let in_range = |value: f64| value.abs() <= NUMBER_MAX;
        let target = Input::new("expected", &required("expected")?, 1, "an array of shape (n,)")?;
        target.require_all(in_range, "a number from -1e30 to 1e30: 0 without a forecast")?;
        let (n, k) = (target.shape()[0], names.len());
        let exposures = Input::new("exposures", &required("exposures")?, 2, "an array of shape (n, k)")?;
        exposures.require_shape(&[n, k], "one beta for each instrument and factor")?;
        exposures.require_all(in_range, "a beta from -1e30 to 1e30: 0 where it is unknown")?;
        let factor_cov = Input::new("factor_cov", &required("factor_cov")?, 2, "an array of shape (k, k)")?;
        factor_cov.require_shape(&[k, k], "a variance for each factor, and their covariances")?;
        factor_cov.require_all(in_range, "a covariance from -1e30 to 1e30")?;
        check_covariance(factor_cov.values()?, k)?;
        let each = "one number for each instrument";
        let residual_var = vector("residual_var", &required("residual_var")?, n, each)?;
        residual_var
            .require_all(|d| d > 0.0, "a variance above 0, or inf for an instrument that gets no weight")?;
        let held = vector("held", &required("held")?, n, each)?;
        held.require_all(in_range, "a weight from -1e30 to 1e30")?;
        let optional = |name: &'static str, least: f64| -> PyResult<Option<Vec<f64>>> {
            let Some(values) = arrays.get_item(name)? else { return Ok(None) };
            let values = vector(name, &values, n, each)?;
            values
                .require_all(|value| (least..=NUMBER_MAX).contains(&value), "a finite number in its range")?;
            Ok(Some(values.values()?.to_vec()))
        };
        let tradable = optional("tradable", 0.0)?.map(|values| values.iter().map(|t| *t != 0.0).collect());
        let columns = exposures.values()?;
        let columns = (0..n * k).map(|at| columns[at % n * k + at / n]).collect();
        Ok(Self {
            risk: FactorRisk::of_parts(
                columns,
                factor_cov.values()?.to_vec(),
                residual_var.values()?.to_vec(),
            ),
            target: target.values()?.to_vec(),
            held: held.values()?.to_vec(),
            tradable: tradable.unwrap_or_else(|| vec![true; n]),
            linear_cost: optional("linear_cost", 0.0)?.unwrap_or_else(|| vec![0.0; n]),
            impact: optional("impact", 0.0)?.unwrap_or_default(),
            benchmark: optional("benchmark", -NUMBER_MAX)?.unwrap_or_default(),
        })
    }
}

/// Checks that a k × k matrix is symmetric and positive semidefinite.
fn check_covariance(values: &[f64], k: usize) -> PyResult<()> {
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let rounding = 1e-9 * largest;
    let differs = |at: &usize| (values[*at] - values[at % k * k + at / k]).abs() > rounding;
    if let Some(at) = (0..k * k).find(differs) {
        let [here, there] = [values[at], values[at % k * k + at / k]];
        return Err(PyValueError::new_err(format!(
            "factor_cov: found {here} at index [{}, {}] and {there} opposite, expected a symmetric matrix",
            at / k,
            at % k
        )));
    }
    if k == 0 || is_covariance(values, k) {
        return Ok(());
    }
    Err(PyValueError::new_err(
        "factor_cov: found a matrix with a negative eigenvalue, expected a covariance matrix",
    ))
}

#[pymethods]
impl Solution {
    /// Target weights, length n.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        column(py, &self.solved.weights)
    }

    /// Lower bounds of the weights, length n; equal to `upper` for an instrument that cannot be traded.
    #[getter]
    fn lower<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        column(py, &self.solved.lower)
    }

    /// Upper bounds of the weights, length n.
    #[getter]
    fn upper<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        column(py, &self.solved.upper)
    }

    /// Multiplier of the turnover cap: growth per frame of one more unit of turnover.
    #[getter]
    fn cap_multiplier(&self) -> f64 {
        self.solved.multipliers.turnover
    }

    /// Multiplier of the gross limit.
    #[getter]
    fn gross_multiplier(&self) -> f64 {
        self.solved.multipliers.gross
    }

    /// Multiplier of the net target.
    #[getter]
    fn net_multiplier(&self) -> f64 {
        self.solved.multipliers.net
    }

    /// Multipliers of the exposure bounds: factor and number, above 0 at an upper bound, below 0 at a lower.
    #[getter]
    fn exposure_multipliers(&self) -> Vec<(usize, f64)> {
        let bounds = self.solved.exposure_bounds.iter().map(|bound| bound.factor);
        bounds.zip(self.solved.multipliers.exposures.iter().copied()).collect()
    }

    /// Multipliers of the bounds of the weights, length n: above 0 at the upper bound, below 0 at the lower.
    #[getter]
    fn bound_multipliers<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        array(py, &[self.solved.weights.len()], self.solved.bound_multipliers())
    }

    /// True if the turnover cap binds, or is used up.
    #[getter]
    fn capped(&self) -> bool {
        self.capped
    }

    /// True if the gross limit binds.
    #[getter]
    fn at_gross(&self) -> bool {
        self.at_gross
    }

    /// Outcome: "reached", "capped", "no_trade", "repairing", "gross_out_of_reach" or "net_or_exposure_out_of_reach".
    #[getter]
    fn outcome(&self) -> &'static str {
        self.solved.outcome.name()
    }

    /// True if all limits hold, so that their multipliers measure growth.
    #[getter]
    fn within_limits(&self) -> bool {
        self.solved.outcome.within_limits()
    }

    /// Turnover Σ|weights − held|.
    #[getter]
    fn turnover(&self) -> f64 {
        self.solved.weights.iter().zip(&self.solved.held).map(|(w, held)| (w - held).abs()).sum()
    }

    /// Expected growth per frame, net of costs; None for target weights.
    #[getter]
    fn growth(&self) -> Option<f64> {
        self.solved.sized.then(|| self.solved.objective(&self.solved.weights))
    }

    /// Variance per frame of the weights; None for target weights.
    #[getter]
    fn variance(&self) -> Option<f64> {
        self.solved.sized.then(|| self.solved.variance(&self.solved.weights))
    }

    /// Newton steps.
    #[getter]
    fn steps(&self) -> u32 {
        self.solved.status.steps
    }

    /// True if the Newton steps converged.
    #[getter]
    fn converged(&self) -> bool {
        self.solved.status.converged
    }

    /// Growth per frame that each limit costs; None for target weights.
    fn growth_given_up(&self, py: Python<'_>) -> PyResult<Option<Vec<(&'static str, f64)>>> {
        if !self.solved.sized {
            return Ok(None);
        }
        let costs = py.detach(|| guarded(|| self.solved.limit_costs()))?;
        Ok(Some(vec![
            ("turnover_cap", costs.turnover_cap),
            ("bounds", costs.bounds),
            ("gross", costs.gross),
            ("net", costs.net),
            ("exposures", costs.exposures),
            ("costs", costs.costs),
        ]))
    }

    /// Frontier of growth over turnover: cap, turnover, growth and multiplier of each point; None for target weights.
    fn frontier<'py>(&self, py: Python<'py>, points: usize) -> PyResult<Option<Array<'py>>> {
        if !self.solved.sized {
            return Ok(None);
        }
        let frontier = py.detach(|| guarded(|| self.solved.frontier(points)))?;
        let rows = frontier.iter().flat_map(|at| [at.cap, at.turnover, at.growth, at.multiplier]);
        array(py, &[points, 4], rows.collect()).map(Some)
    }
}

fn column<'py>(py: Python<'py>, values: &[f64]) -> PyResult<Array<'py>> {
    array(py, &[values.len()], values.to_vec())
}
