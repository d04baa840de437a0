//! Filter as an object of Python.

use std::sync::{Mutex, MutexGuard, PoisonError};

use betaflow_engine::model::{
    CalibrationFacts, Dlm, EstimatorKind, FirstFrame, FixedEstimator, FixedParameters, Mixture,
};
use betaflow_engine::range::NUMBER_MAX;
use betaflow_engine::state::StateError;
use betaflow_replay::PartSettings;
use numpy::PyArrayDyn;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::{PyBytes, PyDict};

use super::arrays::{Input, array};
use super::columns::{Column, Recorded, column_of};
use super::filter::{Filter, State};
use super::parameters::replace;
use super::settings::{checked, guarded, refused};
use crate::call::Setting;

/// Frames between two looks at signals.
const INTERVAL: usize = 256;

type Array<'py> = Bound<'py, PyArrayDyn<f64>>;

/// Filter of alpha and betas, advanced frame by frame. A lock makes it safe to use from several threads.
#[pyclass(frozen, module = "betaflow._native")]
pub(crate) struct OnlineFilter {
    state: Mutex<State>,
}

#[pymethods]
impl OnlineFilter {
    /// Filter for `factors` factors under settings of `[estimator]` and `[data]`. `parameters`: arrays of the filter
    /// `fixed`. `first_frame`: frame on which an instrument of `fixed` starts, "return" or "listing".
    #[new]
    #[pyo3(signature = (factors, settings, parameters=None, first_frame="return"))]
    fn new(
        py: Python<'_>,
        factors: usize,
        settings: Vec<Setting>,
        parameters: Option<&Bound<'_, PyDict>>,
        first_frame: &str,
    ) -> PyResult<Self> {
        let settings = checked(py, settings)?;
        let state = guarded(|| Self::state(py, factors, &settings, parameters, first_frame))??;
        Ok(Self { state: Mutex::new(state) })
    }

    /// Processes one frame: factor returns of length k, returns of length n.
    fn step(&self, factors: &Bound<'_, PyAny>, returns: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut state = self.lock(factors.py());
        let factors = Input::new("factors", factors, 1, "an array of shape (k,)")?;
        let returns = Input::new("returns", returns, 1, "an array of shape (n,)")?;
        check(&state, &factors, &returns)?;
        let (factors, returns) = (factors.values()?, returns.values()?);
        guarded(|| state.step(factors, returns))
    }

    /// Processes T frames: factor returns, T × k, and returns, T × n. Returns the named columns of every frame. The
    /// interpreter is free meanwhile. After an error the filter is as before.
    fn filter<'py>(
        &self,
        factors: &Bound<'py, PyAny>,
        returns: &Bound<'py, PyAny>,
        columns: Vec<String>,
    ) -> PyResult<Vec<Array<'py>>> {
        let py = factors.py();
        let columns = columns.iter().map(|name| Column::named(name)).collect::<PyResult<Vec<_>>>()?;
        let factors = Input::new("factors", factors, 2, "an array of shape (T, k)")?;
        let returns = Input::new("returns", returns, 2, "an array of shape (T, n)")?;
        if factors.shape()[0] != returns.shape()[0] {
            return Err(PyValueError::new_err(format!(
                "returns: found {} frames, expected {}, those of factors",
                returns.shape()[0],
                factors.shape()[0]
            )));
        }
        let (frames, n) = (returns.shape()[0], returns.shape()[1]);
        {
            let state = self.lock(py);
            check(&state, &factors, &returns)?;
        }
        let (factors, returns) = (factors.values()?, returns.values()?);
        let recorded = py.detach(|| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if n < state.instruments() {
                return Err(shrunk(n, state.instruments()));
            }
            let before = state.clone();
            let result = filter(&mut state, (factors, returns), (frames, n), &columns);
            if result.is_err() {
                *state = before;
            }
            result
        })?;
        recorded.into_arrays(py)
    }

    /// Returns a column of the last frame.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Array<'py>> {
        let column = Column::named(name)?;
        let mut state = self.lock(py);
        guarded(|| column_of(py, &mut state, column))?
    }

    /// Returns the covariances of the next frame's coefficients, n × (k + 1) × (k + 1).
    fn next_cov<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        let mut state = self.lock(py);
        let values = guarded(|| state.next_covariances())?;
        let size = state.factors() + 1;
        array(py, &[state.instruments(), size, size], values)
    }

    /// Returns mean, standard deviation and degrees of freedom of the returns of a next frame with these factor returns.
    fn forecast<'py>(&self, factors: &Bound<'py, PyAny>) -> PyResult<(Array<'py>, Array<'py>, Array<'py>)> {
        let py = factors.py();
        let mut state = self.lock(py);
        let k = state.factors();
        let factors = Input::new("factors", factors, 1, "an array of shape (k,)")?;
        factors.require_shape(&[k], "one return for each factor")?;
        factors.require_all(|f| f.abs() <= NUMBER_MAX, "a return from -1e30 to 1e30")?;
        let factors = factors.values()?;
        let next = guarded(|| state.forecast(factors))?.map_err(|error| super::out_of_range(&error))?;
        let shape = [next.instruments()];
        Ok((
            array(py, &shape, next.forecast_mean)?,
            array(py, &shape, next.forecast_sd)?,
            array(py, &shape, next.forecast_dof)?,
        ))
    }

    /// Quality of the forecasts after the warm-up as JSON: of all instruments, and of each.
    fn calibration(&self, py: Python<'_>) -> PyResult<String> {
        #[derive(serde::Serialize)]
        struct Calibration {
            total: CalibrationFacts,
            instruments: Vec<CalibrationFacts>,
        }
        let facts = self.lock(py).facts();
        let calibration = Calibration { total: facts.total, instruments: facts.instruments };
        serde_json::to_string(&calibration).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Number of instruments.
    #[getter]
    fn instruments(&self, py: Python<'_>) -> usize {
        self.lock(py).instruments()
    }

    /// Number of frames.
    #[getter]
    fn frames(&self, py: Python<'_>) -> u64 {
        self.lock(py).frames()
    }

    /// Returns the state as bytes.
    fn save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.lock(py).save().map_err(|error| not_restored(&error))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Restores a saved state; all later results equal those of the saved filter to the bit.
    fn load(&self, py: Python<'_>, state: &[u8]) -> PyResult<()> {
        self.lock(py).load(state).map_err(|error| not_restored(&error))
    }
}

impl OnlineFilter {
    /// State before the first frame.
    fn state(
        py: Python<'_>,
        factors: usize,
        PartSettings { estimator, calendar, .. }: &PartSettings,
        parameters: Option<&Bound<'_, PyDict>>,
        first_frame: &str,
    ) -> PyResult<State> {
        let filter = match estimator.kind {
            EstimatorKind::Dlm => Filter::Dlm(Box::new(Dlm::new(estimator, calendar, factors))),
            EstimatorKind::Mixture | EstimatorKind::Given => {
                Filter::Mixture(Box::new(Mixture::new(estimator, calendar, factors)))
            }
            EstimatorKind::Fixed => {
                let first_frame = match first_frame {
                    "listing" => FirstFrame::Listing,
                    "return" => FirstFrame::Return,
                    other => {
                        return Err(PyValueError::new_err(format!(
                            "first_frame: found {other:?}, expected \"return\" or \"listing\""
                        )));
                    }
                };
                let space = estimator.state_space(calendar, factors + 1);
                let mut fixed = FixedParameters::from(space.map_err(|invalid| refused(py, &invalid))?);
                if let Some(arrays) = parameters {
                    replace(&mut fixed, arrays, factors + 1)?;
                }
                let discount = calendar.per_frame(estimator.variance_discount);
                let filter = FixedEstimator::with_parameters(fixed, first_frame, discount, factors);
                Filter::Fixed(Box::new(filter.map_err(|invalid| refused(py, &invalid))?))
            }
        };
        Ok(State::new(filter, factors, calendar.frames(estimator.warmup)))
    }

    fn lock<'a>(&'a self, py: Python<'a>) -> MutexGuard<'a, State> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Steps through `frames` frames of n instruments, and records their columns.
fn filter(
    state: &mut State,
    (factors, returns): (&[f64], &[f64]),
    (frames, n): (usize, usize),
    columns: &[Column],
) -> PyResult<Recorded> {
    let k = state.factors();
    let mut recorded = Recorded::new(columns, frames, n, k)?;
    for t in 0..frames {
        let (f, r) = (&factors[t * k..(t + 1) * k], &returns[t * n..(t + 1) * n]);
        guarded(|| {
            state.step(f, r);
            recorded.push(state)
        })??;
        if t % INTERVAL == INTERVAL - 1 {
            Python::attach(|py| py.check_signals())?;
        }
    }
    Ok(recorded)
}

/// Checks shapes and ranges of one frame or several.
fn check(state: &State, factors: &Input<'_>, returns: &Input<'_>) -> PyResult<()> {
    let k = state.factors();
    let mut shape = factors.shape().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = k;
    }
    factors.require_shape(&shape, "one return for each factor")?;
    let n = returns.shape().last().copied().unwrap_or(0);
    if n < state.instruments() {
        return Err(shrunk(n, state.instruments()));
    }
    if let Some(most) = state.filter.instruments_max().filter(|most| n > *most) {
        return Err(PyValueError::new_err(format!(
            "returns: found {n} instruments, expected at most {most}, for which there are parameters"
        )));
    }
    let accepted = |r: f64| r.is_nan() || r.abs() <= NUMBER_MAX;
    factors.require_all(accepted, "a return from -1e30 to 1e30, or NaN on a frame without factors")?;
    returns.require_all(accepted, "a return from -1e30 to 1e30, or NaN where it is missing")
}

fn shrunk(found: usize, before: usize) -> PyErr {
    PyValueError::new_err(format!(
        "returns: found {found} instruments, expected at least the {before} of the frames before: pass NaN for an \
         instrument without a return"
    ))
}

fn not_restored(error: &StateError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
