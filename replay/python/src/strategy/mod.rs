//! Strategies in Python.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | object of the caller, which is copied for each run |
//! | `instance.rs` | strategy of one run, called on its rebalances |
//! | `context.rs` | inputs of a rebalance as arrays |
//! | `observations.rs` | returns and factors of the frames since the last hand-over |

mod context;
mod instance;
mod observations;

use std::sync::Arc;

use betaflow_engine::settings::Calendar;
use betaflow_engine::strategy::{Strategy, StrategyError, TargetKind};
use betaflow_replay::StrategyFactory;
use betaflow_strategies::posterior_alphas as write_posterior_alphas;
use numpy::{PyArray1, PyArrayMethods as _, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt};
use toml::{Table, Value};

use instance::PyStrategy;

/// Python functions that convert values, of the module `betaflow.strategy`.
#[derive(Debug)]
pub(crate) struct Functions {
    /// Class of the inputs of a rebalance.
    context: Py<PyAny>,
    /// Converts and checks what `decide` returns.
    values: Py<PyAny>,
    /// Pickles the state of an object.
    dump: Py<PyAny>,
    /// Restores that state.
    restore: Py<PyAny>,
    /// Compares two states.
    same: Py<PyAny>,
}

/// Strategy of a caller: an object that is copied for each run.
#[derive(Debug)]
pub(crate) struct PyFactory {
    object: Arc<Py<PyAny>>,
    name: String,
    class: String,
    parameters: Table,
    targets: TargetKind,
    functions: Arc<Functions>,
}

impl PyFactory {
    /// Takes an object with the method `decide`.
    ///
    /// # Errors
    /// It has no such method, or another kind of targets than `"forecasts"` and `"weights"`.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let module = py.import("betaflow.strategy")?;
        let (name, class, parameters, targets): (String, String, Bound<'_, PyDict>, String) =
            module.getattr("_described")?.call1((object,))?.extract()?;
        let function = |name: &str| module.getattr(name).map(Bound::unbind);
        Ok(Self {
            object: Arc::new(object.clone().unbind()),
            name,
            class,
            parameters: parameters
                .iter()
                .map(|(name, value)| parameter(&name, &value))
                .collect::<PyResult<_>>()?,
            targets: if targets == "weights" { TargetKind::Weights } else { TargetKind::Expected },
            functions: Arc::new(Functions {
                context: function("Context")?,
                values: function("_values")?,
                dump: function("_dump")?,
                restore: function("_restore")?,
                same: function("_same")?,
            }),
        })
    }
}

/// Returns a parameter of a strategy as a setting.
fn parameter(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<(String, Value)> {
    let setting = if let Ok(value) = value.cast::<PyBool>() {
        Value::Boolean(value.is_true())
    } else if value.is_instance_of::<PyInt>() {
        Value::Integer(value.extract()?)
    } else if value.is_instance_of::<PyFloat>() {
        Value::Float(value.extract()?)
    } else {
        Value::String(value.extract()?)
    };
    Ok((name.extract()?, setting))
}

impl StrategyFactory for PyFactory {
    fn name(&self) -> &str {
        &self.name
    }

    fn class(&self) -> &str {
        &self.class
    }

    fn parameters(&self) -> &Table {
        &self.parameters
    }

    fn targets(&self) -> TargetKind {
        self.targets
    }

    fn make(&self, parameters: &Table) -> Result<Box<dyn Strategy>, StrategyError> {
        Python::attach(|py| {
            let copy = py.import("copy")?.call_method1("deepcopy", (&*self.object,))?;
            for (name, value) in
                parameters.iter().filter(|(name, value)| self.parameters.get(*name) != Some(*value))
            {
                match value {
                    Value::Boolean(value) => copy.setattr(name, *value)?,
                    Value::Integer(value) => copy.setattr(name, *value)?,
                    Value::Float(value) => copy.setattr(name, *value)?,
                    value => copy.setattr(name, value.as_str())?,
                }
            }
            let strategy = PyStrategy::new(&copy, self)?;
            Ok::<_, PyErr>(Box::new(strategy) as Box<dyn Strategy>)
        })
        .map_err(|error| format!("strategy `{}`: could not copy the object: {error}", self.name).into())
    }
}

/// Returns the posterior means of the true alphas, length n, as the strategy `quarter_kelly` has them. `alpha`, `sd`,
/// `residual_variance`: estimates per frame, length n.
#[pyfunction]
pub(crate) fn posterior_alphas<'py>(
    py: Python<'py>,
    alpha: PyReadonlyArray1<'py, f64>,
    sd: PyReadonlyArray1<'py, f64>,
    residual_variance: PyReadonlyArray1<'py, f64>,
    frames_per_day: u32,
    days_per_year: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (alpha, sd, variance) = (alpha.as_slice()?, sd.as_slice()?, residual_variance.as_slice()?);
    if alpha.len() != sd.len() || alpha.len() != variance.len() {
        return Err(PyValueError::new_err("found arrays of different lengths, expected one length"));
    }
    let posterior = PyArray1::zeros(py, alpha.len(), false);
    let calendar = Calendar { frames_per_day, days_per_year, ..Calendar::default() };
    write_posterior_alphas(alpha, sd, variance, &calendar, posterior.readwrite().as_slice_mut()?);
    Ok(posterior)
}
