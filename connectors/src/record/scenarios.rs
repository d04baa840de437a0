//! Scenarios of a study: writer and reader of `scenarios.parquet`. The reader finds columns by their names.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::errors::ParquetError;

use super::checksum::open_table;
use super::column::RunNames;
use super::field::{SettingValue, SettingValues};
use super::studies::{self, RUINED, ScenarioRow, ScenarioTableRow};
use super::table::{TableError, TableWriter};

/// Rows decoded at a time.
const ROWS_PER_BATCH: usize = 1_024;
const TABLE: &str = "scenarios.parquet";
const SCENARIO: &str = "scenario";
const DIGEST: &str = "digest";
const OUTCOME: &str = "outcome";

/// Writer of `scenarios.parquet`.
pub struct ScenariosTable {
    table: TableWriter<ScenarioTableRow>,
    names: RunNames,
}

impl ScenariosTable {
    /// `settings`: dotted name of each setting that varies, and whether all its values are numbers. `note`: text for
    /// readers, in the metadata of the file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(
        folder: &Path,
        settings: &[(String, bool)],
        note: Option<&str>,
    ) -> Result<Self, TableError> {
        let names = studies::names(settings);
        Ok(Self { table: TableWriter::create(folder, &names, note)?, names })
    }

    /// Adds a scenario with a value for each setting; `None` if the scenario leaves it unset.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, settings: &[Option<SettingValue>], row: &ScenarioRow) -> Result<(), TableError> {
        let mut record = ScenarioTableRow::default();
        record.take(row, SettingValues::new(settings, &self.names));
        self.table.push(&record)
    }

    /// Writes the remaining rows and the footer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.table.close()
    }
}

/// Error of reading a table of scenarios.
#[derive(Debug, thiserror::Error)]
pub enum ScenariosError {
    /// Error of the file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A required column is missing.
    #[error(
        "{}: column `{column}` is missing: found {found}; was the table written by `betaflow stress`?",
        path.display()
    )]
    NoColumn {
        /// Table.
        path: PathBuf,
        /// Column.
        column: String,
        /// Columns of the table.
        found: String,
    },
    /// A column has another type.
    #[error("{}: column `{column}`: found the type {found}, expected {expected}; run the study again", path.display())]
    WrongType {
        /// Table.
        path: PathBuf,
        /// Column.
        column: String,
        /// Its type.
        found: String,
        /// The type that is read.
        expected: &'static str,
    },
    /// A cell is null.
    #[error(
        "{}: row {row} (counting from 0), column `{column}`: found null, expected a value; run the study again",
        path.display()
    )]
    Null {
        /// Table.
        path: PathBuf,
        /// Row.
        row: usize,
        /// Column.
        column: String,
    },
}

/// Value of a setting in each scenario; `None` if a scenario leaves it unset.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// Texts.
    Texts(Vec<Option<String>>),
}

/// Setting that varies.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Dotted name.
    pub name: String,
    /// Values.
    pub values: Values,
}

/// All scenarios of a stress run, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenarios {
    path: PathBuf,
    /// Number of each scenario.
    pub numbers: Vec<i64>,
    /// Digest of each scenario; `None` for fixed trades.
    pub digests: Vec<Option<String>>,
    /// True for each scenario whose account was ruined; empty for a table without the column `outcome`.
    pub ruined: Vec<bool>,
    /// Settings that vary: the columns with a dot in their name.
    pub settings: Vec<Setting>,
    /// Figures under their names; null is NaN.
    figures: Vec<(String, Vec<f64>)>,
}

impl Scenarios {
    /// Figure of every scenario.
    ///
    /// # Errors
    /// The table has no such column of numbers.
    pub fn figure(&self, name: &str) -> Result<&[f64], ScenariosError> {
        let found = self.figures.iter().find(|(figure, _)| figure == name);
        found.map(|(_, values)| &values[..]).ok_or_else(|| {
            let names: Vec<&str> = self.figures.iter().map(|(name, _)| name.as_str()).collect();
            no_column(&self.path, name, &names)
        })
    }

    /// Rows of all scenarios, in the order of the table.
    ///
    /// # Errors
    /// A figure of this version is missing.
    pub fn rows(&self) -> Result<Vec<ScenarioRow>, ScenariosError> {
        let names = ScenarioRow::names();
        let columns = names.iter().map(|name| self.figure(name)).collect::<Result<Vec<_>, _>>()?;
        let row = |(at, number): (usize, &i64)| ScenarioRow {
            number: usize::try_from(*number).unwrap_or_default(),
            digest: self.digests[at].clone(),
            ruined: self.is_ruined(at),
            figures: columns.iter().map(|column| column[at]).collect(),
        };
        Ok(self.numbers.iter().enumerate().map(row).collect())
    }

    /// True if the account of the scenario in row `at` was ruined.
    #[must_use]
    pub fn is_ruined(&self, at: usize) -> bool {
        self.ruined.get(at).copied().unwrap_or(false)
    }

    /// Number of scenarios.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// True without a scenario.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

/// Reads `scenarios.parquet` of a folder.
///
/// # Errors
/// The table is missing, or does not have the columns of `betaflow stress`.
pub fn read_scenarios(folder: &Path) -> Result<Scenarios, ScenariosError> {
    let path = folder.join(TABLE);
    let failed = |source: ParquetError| TableError::Read { path: path.clone(), source };
    let file = open_table(&path).map_err(failed)?;
    let names: Vec<String> = file.schema().fields().iter().map(|field| field.name().clone()).collect();
    for key in [SCENARIO, DIGEST] {
        if !names.iter().any(|name| name == key) {
            return Err(no_column(&path, key, &names.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }
    let mut scenarios = Scenarios { path: path.clone(), ..Scenarios::default() };
    for batch in file.batches(ProjectionMask::all(), None, ROWS_PER_BATCH).map_err(failed)? {
        add(&mut scenarios, &batch.map_err(failed)?)?;
    }
    Ok(scenarios)
}

/// Adds the rows of a batch. Columns of other types without a dot in their name are ignored.
fn add(scenarios: &mut Scenarios, batch: &RecordBatch) -> Result<(), ScenariosError> {
    let path = scenarios.path.clone();
    let before = scenarios.len();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name();
        let wrong = |expected| ScenariosError::WrongType {
            path: path.clone(),
            column: name.clone(),
            found: column.data_type().to_string(),
            expected,
        };
        let null =
            |at: usize| ScenariosError::Null { path: path.clone(), row: before + at, column: name.clone() };
        match name.as_str() {
            SCENARIO => {
                let values = column.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("Int64"))?;
                for (at, value) in values.iter().enumerate() {
                    scenarios.numbers.push(value.ok_or_else(|| null(at))?);
                }
            }
            DIGEST => {
                let values = texts(column).ok_or_else(|| wrong("Utf8"))?;
                scenarios.digests.extend(values);
            }
            OUTCOME => {
                let values = texts(column).ok_or_else(|| wrong("Utf8"))?;
                scenarios.ruined.extend(values.iter().map(|value| value.as_deref() == Some(RUINED)));
            }
            dotted if dotted.contains('.') => {
                let found = setting(column).ok_or_else(|| wrong("Float64 or Utf8"))?;
                match scenarios.settings.iter_mut().find(|setting| setting.name == *name) {
                    Some(setting) => extend(&mut setting.values, found),
                    None => scenarios.settings.push(Setting { name: name.clone(), values: found }),
                }
            }
            _ => {
                let Some(values) = numbers(column) else { continue };
                let values = values.into_iter().map(|value| value.unwrap_or(f64::NAN));
                match scenarios.figures.iter_mut().find(|(figure, _)| figure == name) {
                    Some((_, figure)) => figure.extend(values),
                    None => scenarios.figures.push((name.clone(), values.collect())),
                }
            }
        }
    }
    Ok(())
}

fn setting(column: &ArrayRef) -> Option<Values> {
    numbers(column).map(Values::Numbers).or_else(|| texts(column).map(Values::Texts))
}

/// All batches of a file have the same types.
fn extend(values: &mut Values, more: Values) {
    match (values, more) {
        (Values::Numbers(values), Values::Numbers(more)) => values.extend(more),
        (Values::Texts(values), Values::Texts(more)) => values.extend(more),
        _ => {}
    }
}

fn numbers(column: &ArrayRef) -> Option<Vec<Option<f64>>> {
    match column.data_type() {
        DataType::Float64 => Some(column.as_primitive::<Float64Type>().iter().collect()),
        DataType::Int64 => Some(
            column.as_primitive::<Int64Type>().iter().map(|value| value.map(|whole| whole as f64)).collect(),
        ),
        _ => None,
    }
}

fn texts(column: &ArrayRef) -> Option<Vec<Option<String>>> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().iter().map(owned).collect()),
        DataType::LargeUtf8 => Some(column.as_string::<i64>().iter().map(owned).collect()),
        DataType::Boolean => {
            Some(column.as_boolean().iter().map(|value| value.map(|truth| truth.to_string())).collect())
        }
        _ => None,
    }
}

fn no_column(path: &Path, column: &str, names: &[&str]) -> ScenariosError {
    ScenariosError::NoColumn { path: path.to_owned(), column: column.to_owned(), found: names.join(", ") }
}

#[cfg(test)]
mod tests {
    // The records are declared for these tests.
    #![allow(unreachable_pub)]

    use std::sync::Arc;

    use super::super::declare::tables;
    use super::*;

    tables! {
        /// Table as a later version may have it.
        Other in "scenarios" {
            scenario: Option<u64>, "", "Number.";
            settings: SettingValues, "", "Settings.";
            digest: Arc<str>, "", "Digest.";
            net_sharpe: f64, "", "Figure.";
            note: Arc<str>, "", "Note.";
        }

        /// Table without digests.
        WithoutDigest in "scenarios" { scenario: Option<u64>, "", "Number."; }

        /// Table with texts for numbers.
        TextNumbers in "scenarios" { digest: Arc<str>, "", "Digest."; scenario: Arc<str>, "", "Number."; }
    }

    fn written(folder: &Path, rows: u64) {
        let names = studies::names(&[
            ("sizing.turnover_cap".to_owned(), true),
            ("sizing.cap_method".to_owned(), false),
        ]);
        let mut table = TableWriter::<Other>::create(folder, &names, None).unwrap();
        for row in 0..rows {
            let method = (row != 1).then(|| SettingValue::Text("exact".to_owned()));
            let settings = [Some(SettingValue::Number(row as f64 / 10.0)), method];
            let settings = SettingValues::new(&settings, &names);
            let net_sharpe = if row == 0 { f64::NAN } else { 1.0 };
            let (digest, note) = ("ab".into(), "-".into());
            table.push(&Other { scenario: Some(row), settings, digest, net_sharpe, note }).unwrap();
        }
        table.close().unwrap();
    }

    #[test]
    fn scenarios_are_read_by_the_names_of_their_columns() {
        let folder = tempfile::tempdir().unwrap();
        // More rows than one batch of the reader.
        written(folder.path(), 3_000);
        let scenarios = read_scenarios(folder.path()).unwrap();
        assert_eq!((scenarios.len(), scenarios.digests.len(), scenarios.settings.len()), (3_000, 3_000, 2));
        let Values::Numbers(caps) = &scenarios.settings[0].values else { panic!("numbers") };
        assert_eq!((caps[2], caps.len()), (Some(0.2), 3_000));
        let Values::Texts(methods) = &scenarios.settings[1].values else { panic!("texts") };
        assert_eq!(methods[..2], [Some("exact".to_owned()), None]);
        let sharpe = scenarios.figure("net_sharpe").unwrap();
        assert!(sharpe[0].is_nan() && sharpe[1] == 1.0 && sharpe.len() == 3_000);
    }

    #[test]
    fn errors_name_place_and_expected_value() {
        let folder = tempfile::tempdir().unwrap();
        let message = || read_scenarios(folder.path()).unwrap_err().to_string();
        assert!(message().contains("scenarios.parquet: could not read the table"), "{}", message());
        written(folder.path(), 1);
        let missing = read_scenarios(folder.path()).unwrap().figure("net_calmar").unwrap_err().to_string();
        assert!(missing.contains("column `net_calmar` is missing: found net_sharpe;"), "{missing}");
        fn write<R: super::super::column::Record>(folder: &Path, record: &R) {
            let mut table = TableWriter::<R>::create(folder, &RunNames::default(), None).unwrap();
            table.push(record).unwrap();
            table.close().unwrap();
        }
        write(folder.path(), &Other::default());
        assert!(
            message().contains("row 0 (counting from 0), column `scenario`: found null"),
            "{}",
            message()
        );
        write(folder.path(), &TextNumbers::default());
        assert!(
            message().contains("column `scenario`: found the type Utf8, expected Int64"),
            "{}",
            message()
        );
        write(folder.path(), &WithoutDigest::default());
        assert!(message().contains("column `digest` is missing: found scenario;"), "{}", message());
    }
}
