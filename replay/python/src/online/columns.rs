//! Columns of a filter's frames, by the names of `betas.parquet`.

use betaflow_engine::model::Estimates;
use numpy::PyArrayDyn;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{array, reserve};
use super::filter::State;

/// Column over the instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Alpha,
    Betas,
    AlphaSd,
    BetasSd,
    ResidualSd,
    ForecastMean,
    ForecastSd,
    ForecastDof,
    ForecastError,
    Cov,
}

impl Column {
    const ALL: [(&'static str, Self); 10] = [
        ("alpha", Self::Alpha),
        ("betas", Self::Betas),
        ("alpha_sd", Self::AlphaSd),
        ("betas_sd", Self::BetasSd),
        ("residual_sd", Self::ResidualSd),
        ("forecast_mean", Self::ForecastMean),
        ("forecast_sd", Self::ForecastSd),
        ("forecast_dof", Self::ForecastDof),
        ("forecast_error", Self::ForecastError),
        ("cov", Self::Cov),
    ];

    /// Finds a column by its name.
    ///
    /// # Errors
    /// `ValueError` for another name.
    pub(super) fn named(name: &str) -> PyResult<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, column)| *column).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            PyValueError::new_err(format!("columns: found {name:?}, expected some of {names}"))
        })
    }

    /// Shape for n instruments and k factors.
    fn shape(self, n: usize, k: usize) -> Vec<usize> {
        match self {
            Self::Betas | Self::BetasSd => vec![n, k],
            Self::Cov => vec![n, k + 1, k + 1],
            _ => vec![n],
        }
    }

    /// Appends the values of the last frame; `estimates` and `state` are those of that frame.
    fn extend(self, estimates: &Estimates, values: &mut Vec<f64>) {
        let (n, k) = (estimates.instruments(), estimates.factors.len());
        let by_instrument = |values: &mut Vec<f64>, columns: &[f64]| {
            values.extend((0..n * k).map(|at| columns[at % k * n + at / k]));
        };
        match self {
            Self::Alpha => values.extend_from_slice(&estimates.alpha),
            Self::Betas => by_instrument(values, &estimates.betas),
            Self::AlphaSd => values.extend_from_slice(estimates.sd_of(0)),
            Self::BetasSd => by_instrument(values, &estimates.coefficient_sd[n..]),
            Self::ResidualSd => values.extend(estimates.observation_var.iter().map(|var| var.sqrt())),
            Self::ForecastMean => values.extend_from_slice(&estimates.forecast_mean),
            Self::ForecastSd => values.extend_from_slice(&estimates.forecast_sd),
            Self::ForecastDof => values.extend_from_slice(&estimates.forecast_dof),
            Self::ForecastError => values.extend_from_slice(&estimates.forecast_error),
            Self::Cov => {}
        }
    }
}

/// Columns of several frames, T × n × ….
pub(super) struct Recorded {
    columns: Vec<(Column, Vec<usize>, Vec<f64>)>,
}

impl Recorded {
    /// Room for the columns of `frames` frames with n instruments.
    ///
    /// # Errors
    /// `MemoryError` without the memory.
    pub(super) fn new(columns: &[Column], frames: usize, n: usize, k: usize) -> PyResult<Self> {
        let columns = columns.iter().map(|column| {
            let shape: Vec<usize> = std::iter::once(frames).chain(column.shape(n, k)).collect();
            let values = reserve("columns", &shape)?;
            Ok((*column, shape, values))
        });
        Ok(Self { columns: columns.collect::<PyResult<_>>()? })
    }

    /// Appends the last frame of a filter.
    ///
    /// # Errors
    /// `ValueError` if an estimate is not finite.
    pub(super) fn push(&mut self, state: &mut State) -> PyResult<()> {
        for (column, _, values) in &mut self.columns {
            match column {
                Column::Cov => values.extend_from_slice(state.covariances()),
                _ => column.extend(state.write().map_err(|error| super::out_of_range(&error))?, values),
            }
        }
        Ok(())
    }

    /// Makes arrays, in the order of the columns.
    pub(super) fn into_arrays(self, py: Python<'_>) -> PyResult<Vec<Bound<'_, PyArrayDyn<f64>>>> {
        self.columns.into_iter().map(|(_, shape, values)| array(py, &shape, values)).collect()
    }
}

/// Makes an array of a column of the last frame.
pub(super) fn column_of<'py>(
    py: Python<'py>,
    state: &mut State,
    column: Column,
) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
    let shape = column.shape(state.instruments(), state.factors());
    let mut values = Vec::new();
    match column {
        Column::Cov => values.extend_from_slice(state.covariances()),
        _ => column.extend(state.write().map_err(|error| super::out_of_range(&error))?, &mut values),
    }
    array(py, &shape, values)
}
