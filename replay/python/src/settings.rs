//! Files of settings.

use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

/// Reads a file of settings in TOML; returns its tables as JSON.
#[pyfunction]
pub(crate) fn read_toml(path: PathBuf) -> PyResult<String> {
    let name = path.display();
    let text =
        std::fs::read_to_string(&path).map_err(|error| PyOSError::new_err(format!("{name}: {error}")))?;
    let invalid = |error: String| PyValueError::new_err(format!("{name}: {error}"));
    let tables: toml::Table = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    serde_json::to_string(&tables).map_err(|error| invalid(error.to_string()))
}
