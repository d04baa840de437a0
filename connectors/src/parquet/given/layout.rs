//! Recognition of the columns of a file of the user.

use super::super::columns::{is_number, is_text, is_time};
use super::super::given_error::GivenError;
use super::super::schema::Columns;
use super::GivenKind;
use crate::DataError;

/// Usual names of a column of forecasts, in order of precedence.
const FORECASTS: [&str; 7] =
    ["forecast", "score", "signal", "prediction", "alpha", "expected_return", "factor"];
/// Usual names of a column of weights.
const WEIGHTS: [&str; 2] = ["weight", "target_weight"];
const FORECAST_SD: &str = "forecast_sd";
const KNOWN_AT: &str = "known_at";

/// Columns of a row of one instrument, or of all.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cells {
    /// Column of the symbol (or of the factor) and of each value; `None` for a value that the file lacks.
    Tidy { key: usize, values: Vec<Option<usize>> },
    /// A column per symbol.
    Wide(Vec<(usize, String)>),
}

/// Columns to read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) time: usize,
    pub(super) known_at: Option<usize>,
    pub(super) cells: Cells,
}

impl Layout {
    /// Recognises the columns.
    pub(super) fn of(columns: &Columns<'_>, kind: &GivenKind) -> Result<Self, DataError> {
        let time = columns.time(None)?;
        let known_at = position(columns, KNOWN_AT);
        if let Some(column) = known_at {
            let field = columns.schema.field(column);
            if !is_time(field.data_type()) && !is_text(field.data_type()) {
                return Err(DataError::WrongType {
                    file: columns.file.to_owned(),
                    column: field.name().clone(),
                    found: field.data_type().to_string(),
                    expected: "a date, a timestamp or a string with an ISO date",
                    hint: "cast it to a timestamp",
                });
            }
        }
        let cells = match kind {
            GivenKind::Forecasts => tidy_or_wide(columns, time, known_at, &FORECASTS, "forecasts")?,
            GivenKind::Weights => tidy_or_wide(columns, time, known_at, &WEIGHTS, "weights")?,
            GivenKind::Betas(factors) => {
                let key = columns.symbol()?;
                let mut values = vec![position(columns, "alpha").map(|c| columns.numeric(c)).transpose()?];
                for factor in factors {
                    values.push(Some(columns.named(factor, "the beta on the factor")?));
                }
                values.push(Some(
                    columns.named("residual_sd", "the standard deviation of the residual return")?,
                ));
                Cells::Tidy { key, values }
            }
            GivenKind::FactorCov(factors) => {
                let named =
                    position(columns, "factor").filter(|c| is_text(columns.schema.field(*c).data_type()));
                let Some(key) = named else {
                    return Err(columns.missing("factor", "the factor of each row", None, &[]));
                };
                let role = "the covariance with the factor";
                let values = factors.iter().map(|factor| columns.named(factor, role).map(Some));
                Cells::Tidy { key, values: values.collect::<Result<_, _>>()? }
            }
        };
        Ok(Self { time, known_at, cells })
    }

    /// Positions of the columns to read, sorted.
    pub(super) fn projection(&self) -> Vec<usize> {
        let mut columns = vec![self.time];
        columns.extend(self.known_at);
        match &self.cells {
            Cells::Tidy { key, values } => {
                columns.push(*key);
                columns.extend(values.iter().flatten());
            }
            Cells::Wide(symbols) => columns.extend(symbols.iter().map(|(column, _)| *column)),
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The same columns by their positions in a batch of the projection.
    pub(super) fn within(mut self, projection: &[usize]) -> Self {
        let place = |column: &mut usize| *column = projection.binary_search(column).unwrap_or(0);
        place(&mut self.time);
        self.known_at.as_mut().map(place);
        match &mut self.cells {
            Cells::Tidy { key, values } => {
                place(key);
                values.iter_mut().flatten().for_each(place);
            }
            Cells::Wide(symbols) => symbols.iter_mut().for_each(|(column, _)| place(column)),
        }
        self
    }
}

fn position(columns: &Columns<'_>, name: &str) -> Option<usize> {
    columns.schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))
}

fn tidy_or_wide(
    columns: &Columns<'_>,
    time: usize,
    known_at: Option<usize>,
    names: &[&'static str],
    what: &'static str,
) -> Result<Cells, DataError> {
    let fields = columns.schema.fields();
    let is_other = |column: &usize| {
        *column != time && Some(*column) != known_at && !fields[*column].name().starts_with("__index_level_")
    };
    let Some(key) = columns.symbol_if_any(None)? else {
        let mut symbols = Vec::new();
        for column in (0..fields.len()).filter(is_other) {
            let name = fields[column].name();
            if name.trim().is_empty() {
                let place = Box::new(crate::Place {
                    file: columns.file.to_owned(),
                    row: 0,
                    line: None,
                    column: name.clone(),
                });
                return Err(DataError::EmptySymbol { place, found: name.clone() });
            }
            symbols.push((columns.numeric(column)?, name.clone()));
        }
        if symbols.is_empty() {
            return Err(columns.missing("symbol", "the instrument of each row", None, &[]));
        }
        return Ok(Cells::Wide(symbols));
    };
    let named = names.iter().find_map(|name| position(columns, name));
    let numbers: Vec<usize> = (0..fields.len())
        .filter(is_other)
        .filter(|c| {
            *c != key
                && is_number(fields[*c].data_type())
                && !fields[*c].name().eq_ignore_ascii_case(FORECAST_SD)
        })
        .collect();
    let value = match (named, numbers.as_slice()) {
        (Some(column), _) => columns.numeric(column)?,
        (None, [single]) => *single,
        (None, numbers) => {
            let found: Vec<_> =
                numbers.iter().map(|column| format!("`{}`", fields[*column].name())).collect();
            let found = match found.as_slice() {
                [] => "no column of numbers".to_owned(),
                found => format!("the columns {}", found.join(", ")),
            };
            let file = columns.file.to_owned();
            return Err(GivenError::NoValues { file, what, found, expected: names[0] }.into());
        }
    };
    let mut values = vec![Some(value)];
    if what == "forecasts" {
        values.push(position(columns, FORECAST_SD).map(|column| columns.numeric(column)).transpose()?);
    }
    Ok(Cells::Tidy { key, values })
}
