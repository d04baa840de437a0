//! The tables of what looks back: smoothed coefficients, fitted parameters, the rolling regression.

use std::path::Path;

use betaflow_engine::model::Fitted;
use betaflow_engine::time::TimestampNs;

use super::table::{Kind, Table, TableError};

const KEY: [(&str, Kind); 3] = [("timestamp", Kind::Time), ("seq", Kind::Integer), ("symbol", Kind::Text)];

/// Of which instrument and frame a row is.
#[derive(Clone, Copy, Debug)]
pub struct RowOf<'a> {
    /// When the frame's bars closed.
    pub timestamp: TimestampNs,
    /// The number of the frame.
    pub seq: u64,
    /// The instrument.
    pub symbol: &'a str,
}

impl RowOf<'_> {
    fn put(&self, table: &mut Table) {
        table.time(self.timestamp);
        table.integer(Some(self.seq));
        table.text(self.symbol);
    }
}

fn coefficients(factors: &[String]) -> Vec<&str> {
    std::iter::once("alpha").chain(factors.iter().map(String::as_str)).collect()
}

/// `smoothed.parquet`: alpha and betas of each frame given all frames, and their standard deviations.
pub struct SmoothedTable(Table);

impl SmoothedTable {
    /// Starts the table in a run folder.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path, factors: &[String]) -> Result<Self, TableError> {
        let names = coefficients(factors);
        let deviations: Vec<String> = names.iter().map(|name| format!("{name}_sd")).collect();
        let numbers = names.into_iter().chain(deviations.iter().map(String::as_str));
        let columns: Vec<_> = KEY.into_iter().chain(numbers.map(|name| (name, Kind::Number))).collect();
        Table::create(folder, "smoothed.parquet", &columns, None).map(Self)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn row(
        &mut self,
        of: RowOf<'_>,
        mean: &[f64],
        sd: impl Iterator<Item = f64>,
    ) -> Result<(), TableError> {
        of.put(&mut self.0);
        mean.iter().copied().chain(sd).for_each(|value| self.0.number(value));
        self.0.end_row()
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.0.close()
    }
}

/// `parameters.parquet`: what EM has fitted to each instrument.
pub struct ParametersTable {
    table: Table,
    k: usize,
}

impl ParametersTable {
    /// Starts the table in a run folder.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path, factors: &[String]) -> Result<Self, TableError> {
        let names = coefficients(factors);
        let matrix = |letter: &str| -> Vec<String> {
            let row = |(a, left): (usize, &&str)| -> Vec<String> {
                names[a..].iter().map(|right| format!("{letter}_{left}_{right}")).collect()
            };
            names.iter().enumerate().flat_map(row).collect()
        };
        let mean = names.iter().map(|name| format!("m0_{name}"));
        let entries: Vec<String> = matrix("q").into_iter().chain(mean).chain(matrix("p0")).collect();
        let mut columns = vec![
            ("symbol", Kind::Text),
            ("steps", Kind::Integer),
            ("converged", Kind::Truth),
            ("log_likelihood_first", Kind::Number),
            ("log_likelihood", Kind::Number),
            ("observation_variance", Kind::Number),
        ];
        columns.extend(entries.iter().map(|name| (name.as_str(), Kind::Number)));
        let table = Table::create(folder, "parameters.parquet", &columns, None)?;
        Ok(Self { table, k: names.len() })
    }

    /// Adds an instrument: what was fitted, or nulls where nothing could be.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn row(&mut self, symbol: &str, fitted: Option<&Fitted>) -> Result<(), TableError> {
        let (k, table) = (self.k, &mut self.table);
        table.text(symbol);
        let log_likelihood = fitted.map_or(&[][..], |fitted| &fitted.log_likelihood);
        table.integer(Some(log_likelihood.len().saturating_sub(1) as u64));
        table.truth(fitted.is_some_and(|fitted| fitted.converged));
        for end in [log_likelihood.first(), log_likelihood.last()] {
            table.number(end.copied().unwrap_or(f64::NAN));
        }
        let Some(parameters) = fitted.map(|fitted| &fitted.parameters) else {
            (0..=k * (k + 1) + k).for_each(|_| table.number(f64::NAN));
            return table.end_row();
        };
        table.number(parameters.observation_variance);
        upper_triangle(table, &parameters.transition_covariance, k);
        parameters.initial_mean.iter().for_each(|value| table.number(*value));
        upper_triangle(table, &parameters.initial_covariance, k);
        table.end_row()
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.table.close()
    }
}

fn upper_triangle(table: &mut Table, matrix: &[f64], k: usize) {
    for a in 0..k {
        matrix[a * k + a..(a + 1) * k].iter().for_each(|value| table.number(*value));
    }
}

/// `rolling.parquet`: alpha and betas of a rolling regression, the forecast with them and its error.
pub struct RollingTable(Table);

impl RollingTable {
    /// Starts the table in a run folder.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path, factors: &[String]) -> Result<Self, TableError> {
        let numbers = coefficients(factors).into_iter().chain(["forecast_mean", "forecast_error"]);
        let columns: Vec<_> = KEY.into_iter().chain(numbers.map(|name| (name, Kind::Number))).collect();
        Table::create(folder, "rolling.parquet", &columns, None).map(Self)
    }

    /// Adds a row: the coefficients as known before the frame, and the forecast of its return with them.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn row(
        &mut self,
        of: RowOf<'_>,
        coefficients: &[f64],
        forecast: f64,
        error: f64,
    ) -> Result<(), TableError> {
        of.put(&mut self.0);
        coefficients.iter().copied().chain([forecast, error]).for_each(|value| self.0.number(value));
        self.0.end_row()
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.0.close()
    }
}
