//! Settings of filters and solver from Python, and their errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use betaflow_engine::settings::Invalid;
use betaflow_replay::{CallError, CallErrorKind, PartSettings, part_settings};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::call::{Setting, raised, setting_of};

/// Checks settings by the code of the program.
///
/// # Errors
/// `ConfigError` with the name of a refused setting.
pub(super) fn checked(py: Python<'_>, settings: Vec<Setting>) -> PyResult<PartSettings> {
    let settings = settings.into_iter().map(setting_of).collect::<PyResult<Vec<_>>>()?;
    part_settings(&settings).map_err(|error| raised(py, &error))
}

/// Returns the exception of an argument that the engine refuses.
pub(super) fn refused(py: Python<'_>, invalid: &Invalid) -> PyErr {
    let error = CallError {
        kind: CallErrorKind::Config,
        message: invalid.to_string(),
        place: None,
        setting: Some(invalid.key.to_owned()),
        found: Some(invalid.found.clone()),
        expected: Some(invalid.expected.clone().into_owned()),
        strategy: None,
    };
    raised(py, &error)
}

/// Runs a part of the engine. Inputs are checked before, so that a panic is a fault of the engine; it becomes an error.
///
/// # Errors
/// `RuntimeError` after a panic.
pub(super) fn guarded<T>(run: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
        PyRuntimeError::new_err(format!("the engine panicked: {text}"))
    })
}
