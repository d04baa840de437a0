//! Inputs of a rebalance as arrays.
//!
//! Each array is a copy that Python owns: of some thousand numbers, which takes less time than the call. A strategy can
//! keep it, and no later rebalance changes it.

use std::sync::Arc;

use betaflow_engine::strategy::Context;
use numpy::{Element, PyArray1};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// Names as Python's texts, made once.
#[derive(Debug, Default)]
struct Labels {
    known: Vec<Py<PyString>>,
    tuple: Option<Py<PyTuple>>,
}

impl Labels {
    /// Returns all names, extended by those listed since the last call.
    fn tuple<'py>(&mut self, py: Python<'py>, names: &[impl AsRef<str>]) -> PyResult<Bound<'py, PyTuple>> {
        if let Some(tuple) = &self.tuple
            && self.known.len() == names.len()
        {
            return Ok(tuple.bind(py).clone());
        }
        let listed = names.iter().skip(self.known.len());
        self.known.extend(listed.map(|name| PyString::new(py, name.as_ref()).unbind()));
        let tuple = PyTuple::new(py, &self.known)?;
        self.tuple = Some(tuple.clone().unbind());
        Ok(tuple)
    }
}

/// Names of the instruments and of the factors.
#[derive(Debug, Default)]
pub(super) struct AllLabels {
    symbols: Labels,
    factors: Labels,
}

/// Returns the object that `decide` takes: `class`, called with the fields in the order of its parameters.
pub(super) fn context_of<'py>(
    class: &Bound<'py, PyAny>,
    labels: &mut AllLabels,
    context: &Context<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let Context { estimates, calendar, .. } = context;
    let (n, k) = (estimates.instruments(), context.factor_names.len());
    let table = |values: &[f64]| by_columns(&array(py, values)?, k, n);
    // Before the first frame with factors there are no betas.
    let sd = |from: usize, to: usize| estimates.coefficient_sd.get(from..to).unwrap_or_default();
    let names: &[Arc<str>] = &estimates.names;
    let fields = [
        estimates.seq.into_pyobject(py)?.into_any(),
        estimates.timestamp.0.into_pyobject(py)?.into_any(),
        labels.symbols.tuple(py, names)?.into_any(),
        labels.factors.tuple(py, context.factor_names)?.into_any(),
        array(py, &estimates.alpha)?,
        array(py, sd(0, n))?,
        table(&estimates.betas)?,
        table(sd(n, (k + 1) * n))?,
        array(py, &estimates.observation_var)?,
        array(py, context.premia)?,
        by_columns(&array(py, context.risk.factor_covariance().as_slice())?, k, k)?,
        array(py, context.risk.idiosyncratic())?,
        array(py, context.held)?,
        array(py, context.tradable)?,
        context.weight_max.into_pyobject(py)?.into_any(),
        calendar.frames_per_day.into_pyobject(py)?.into_any(),
        calendar.days_per_year.into_pyobject(py)?.into_any(),
    ];
    class.call1(PyTuple::new(py, fields)?)
}

/// Copies values into an array that cannot be written.
pub(super) fn array<'py, T: Element>(py: Python<'py>, values: &[T]) -> PyResult<Bound<'py, PyAny>> {
    let array = PyArray1::from_slice(py, values).into_any();
    array.getattr(intern!(py, "flags"))?.setattr(intern!(py, "writeable"), false)?;
    Ok(array)
}

/// Returns an array of k columns of length n, one after the other, as a table (n, k).
fn by_columns<'py>(array: &Bound<'py, PyAny>, k: usize, n: usize) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    array.call_method1(intern!(py, "reshape"), (k, n))?.getattr(intern!(py, "T"))
}
