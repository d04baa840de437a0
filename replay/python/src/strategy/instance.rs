//! Strategy of one run.

use std::sync::Arc;

use betaflow_engine::settings::Calendar;
use betaflow_engine::state::{StateError, restore, save};
use betaflow_engine::strategy::{Context, Observed, Strategy, StrategyError, TargetKind, Targets};
use numpy::{PyArray1, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::context::{AllLabels, context_of};
use super::observations::Observations;
use super::{Functions, PyFactory};

/// Name of its state in messages.
const STATE: &str = "strategy";

/// Saved state: the object given by the caller, the copy of this run, and the frames that it has not observed yet.
type Saved = (Vec<u8>, Vec<u8>, Observations);

/// Copy of the caller's object that decides in one run.
pub(super) struct PyStrategy {
    object: Py<PyAny>,
    /// Object of the caller, which no run changes: its settings.
    given: Arc<Py<PyAny>>,
    name: String,
    targets: TargetKind,
    observes: bool,
    functions: Arc<Functions>,
    labels: AllLabels,
    observations: Observations,
}

impl PyStrategy {
    /// Strategy around a copy of the object of a factory.
    pub(super) fn new(copy: &Bound<'_, PyAny>, factory: &PyFactory) -> PyResult<Self> {
        Ok(Self {
            object: copy.clone().unbind(),
            given: Arc::clone(&factory.object),
            name: factory.name.clone(),
            targets: factory.targets,
            observes: copy.hasattr("observe")?,
            functions: Arc::clone(&factory.functions),
            labels: AllLabels::default(),
            observations: Observations::default(),
        })
    }

    fn hand_over(&mut self, py: Python<'_>, factors: Option<usize>) -> PyResult<()> {
        self.observations.hand_over(self.object.bind(py), factors)
    }

    fn call_decide(&mut self, py: Python<'_>, context: &Context<'_>, targets: &mut Targets) -> PyResult<()> {
        self.hand_over(py, Some(context.factor_names.len()))?;
        let given = context_of(self.functions.context.bind(py), &mut self.labels, context)?;
        let returned = self.object.bind(py).call_method1(intern!(py, "decide"), (&given,))?;
        if returned.is_none() {
            targets.kind = TargetKind::Hold;
            return Ok(());
        }
        if !copy_finite(&returned, &mut targets.values) {
            let values = self.functions.values.bind(py).call1((returned, given))?;
            let values = values.cast::<PyArray1<f64>>()?.readonly();
            targets.values.copy_from_slice(values.as_slice()?);
        }
        targets.kind = self.targets;
        Ok(())
    }

    fn refused(&self, why: &PyErr) -> StateError {
        StateError::Refused { of: STATE, name: self.name.clone(), why: why.to_string() }
    }

    fn dump(&self, py: Python<'_>, object: &Py<PyAny>) -> PyResult<Vec<u8>> {
        Ok(self.functions.dump.bind(py).call1((object,))?.cast::<PyBytes>()?.as_bytes().to_vec())
    }
}

impl Strategy for PyStrategy {
    fn name(&self) -> &str {
        &self.name
    }

    fn observes(&self) -> Observed {
        Observed { returns: self.observes, ..Observed::default() }
    }

    fn observe(&mut self, factors: &[f64], _: &Calendar) -> Result<(), StrategyError> {
        if self.observes {
            self.observations.push_factors(factors);
        }
        Ok(())
    }

    fn observe_returns(&mut self, returns: &[f64], _: &Calendar) -> Result<(), StrategyError> {
        if self.observes && self.observations.push_returns(returns) {
            Python::attach(|py| self.hand_over(py, None))?;
        }
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        let (given, own) =
            Python::attach(|py| Ok((self.dump(py, &self.given)?, self.dump(py, &self.object)?)))
                .map_err(|error| self.refused(&error))?;
        save::<Saved>(STATE, &(given, own, self.observations.clone()))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let (given, own, observations): Saved = restore(STATE, state)?;
        self.observations = observations;
        let same = Python::attach(|py| {
            let now = self.dump(py, &self.given)?;
            let same =
                self.functions.same.bind(py).call1((PyBytes::new(py, &given), PyBytes::new(py, &now)))?;
            if same.is_truthy()? {
                let restore = self.functions.restore.bind(py);
                self.object = restore.call1((&self.object, PyBytes::new(py, &own)))?.unbind();
            }
            same.is_truthy()
        });
        match same.map_err(|error| self.refused(&error))? {
            true => Ok(()),
            false => Err(StateError::OtherSettings { of: STATE }),
        }
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        Ok(Python::attach(|py| self.call_decide(py, &context, targets))?)
    }
}

/// Copies an array of finite numbers of the right length; false for any other object.
fn copy_finite(returned: &Bound<'_, PyAny>, values: &mut [f64]) -> bool {
    let Ok(array) = returned.cast::<PyArray1<f64>>() else { return false };
    let Ok(array) = array.try_readonly() else { return false };
    if array.len() != values.len() {
        return false;
    }
    values.iter_mut().zip(array.as_array().iter()).for_each(|(value, found)| *value = *found);
    values.iter().all(|value| value.is_finite())
}
