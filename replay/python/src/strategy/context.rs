//! Inputs of a rebalance as arrays.
//!
//! Each array is a copy that Python owns: of some thousand numbers, which takes less time than the call. A strategy can
//! keep it, and no later rebalance changes it.

use std::sync::Arc;

use betaflow_engine::portfolio::OwnLoadings;
use betaflow_engine::strategy::Context;
use numpy::{Element, PyArray1};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// Names as Python's texts, made once.
#[derive(Debug, Default)]
struct Labels {
    known: Vec<Py<PyString>>,
    /// Address of the names: a symbol change moves them.
    at: usize,
    tuple: Option<Py<PyTuple>>,
}

impl Labels {
    /// Returns all names.
    fn tuple<'py>(&mut self, py: Python<'py>, names: &[impl AsRef<str>]) -> PyResult<Bound<'py, PyTuple>> {
        if let Some(tuple) = &self.tuple
            && self.known.len() == names.len()
            && self.at == names.as_ptr().addr()
        {
            return Ok(tuple.bind(py).clone());
        }
        self.at = names.as_ptr().addr();
        self.known.clear();
        self.known.extend(names.iter().map(|name| PyString::new(py, name.as_ref()).unbind()));
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
    let own = context.risk.own_loadings();
    let given = estimates.factors.len();
    // A column for each of the K factors: that of a group holds the loadings of its members, and 0.
    let table = |values: &[f64]| match own {
        [] => by_columns(&array(py, values)?, k, n),
        own => by_columns(&array(py, &expanded(values, own, (n, given, k)))?, k, n),
    };
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
        table(sd(n, (estimates.loadings() + 1) * n))?,
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

/// Values of the given factors and of each group column as n × K: 0 for the groups of other instruments.
fn expanded(values: &[f64], own: &[OwnLoadings], (n, given, k): (usize, usize, usize)) -> Vec<f64> {
    if values.len() < n * given {
        return vec![f64::NAN; n * k];
    }
    let mut all = values[..n * given].to_vec();
    all.resize(n * k, 0.0);
    for (own, column) in own.iter().zip(values[n * given..].chunks_exact(n.max(1))) {
        for (i, value) in column.iter().enumerate() {
            if let Some((factor, _)) = own.of(i) {
                all[factor * n + i] = *value;
            }
        }
    }
    all
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
