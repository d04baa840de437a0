//! Performance figures of a series of returns.

use betaflow_engine::metrics::{Accumulator, ObservedSharpe};
use betaflow_engine::validation::Trials;
use pyo3::prelude::*;

use super::arrays::{Input, vector};

const SERIES: &str = "an array of shape (N,)";
const FINITE: &str = "a finite simple return: drop missing values";

/// Figures of simple returns, and relative to a benchmark of the same frames if there is one, each with its name.
#[pyfunction]
#[pyo3(signature = (returns, periods_per_year, benchmark=None))]
pub(crate) fn figures(
    returns: &Bound<'_, PyAny>,
    periods_per_year: f64,
    benchmark: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<(&'static str, f64)>> {
    let returns = series("returns", returns)?;
    let values = returns.values()?;
    let mut accumulator = Accumulator::new(values.len());
    let Some(benchmark) = benchmark else {
        values.iter().for_each(|r| accumulator.push(*r));
        let figures = accumulator.figures(periods_per_year);
        return Ok(figures.items().into_iter().chain(figures.uncertainty.items()).collect());
    };
    let benchmark = vector("benchmark", benchmark, values.len(), "one return for each of returns")?;
    benchmark.require_all(f64::is_finite, FINITE)?;
    values.iter().zip(benchmark.values()?).for_each(|(r, b)| accumulator.push_against(*r, *b));
    Ok(accumulator.figures(periods_per_year).all().collect())
}

/// Probability that the true Sharpe ratio per period is above `benchmark`.
#[pyfunction]
pub(crate) fn probabilistic_sharpe(returns: &Bound<'_, PyAny>, benchmark: f64) -> PyResult<f64> {
    Ok(observed(returns)?.probability_above(benchmark))
}

/// Probability that the true Sharpe ratio is above 0, for the best of trials with these ratios per period.
#[pyfunction]
pub(crate) fn deflated_sharpe(returns: &Bound<'_, PyAny>, trials: &Bound<'_, PyAny>) -> PyResult<f64> {
    let trials = Input::new("trial_sharpes", trials, 1, SERIES)?;
    Ok(Trials::of(trials.values()?).deflated_sharpe(&observed(returns)?))
}

fn observed(returns: &Bound<'_, PyAny>) -> PyResult<ObservedSharpe> {
    Ok(ObservedSharpe::of(series("returns", returns)?.values()?.iter().copied()))
}

fn series<'py>(name: &'static str, returns: &Bound<'py, PyAny>) -> PyResult<Input<'py>> {
    let returns = Input::new(name, returns, 1, SERIES)?;
    returns.require_all(f64::is_finite, FINITE)?;
    Ok(returns)
}
