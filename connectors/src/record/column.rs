//! Columns of a table: name, kind, unit, documentation, and access to their values in a typed record.

use std::borrow::Cow;

use betaflow_engine::time::TimestampNs;
use serde::Serializer;
use serde::ser::SerializeMap as _;

/// Type of a column. Numbers, integers and optional texts may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nanoseconds since 1970, UTC.
    Time,
    /// Whole number.
    Integer,
    /// Text.
    Text,
    /// Text that may be null.
    OptionalText,
    /// Floating-point number; NaN is null.
    Number,
    /// True or false.
    Truth,
}

impl Kind {
    /// Name in the documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "timestamp[ns, UTC]",
            Self::Integer => "int64",
            Self::Text => "string",
            Self::OptionalText => "string or null",
            Self::Number => "float64",
            Self::Truth => "bool",
        }
    }
}

/// Where a column is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Run folders and state folders.
    Everywhere,
    /// State folders only.
    State,
}

/// Value of one column in one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null.
    Null,
    /// A time.
    Time(TimestampNs),
    /// A whole number.
    Integer(u64),
    /// A text.
    Text(&'a str),
    /// A number that is not NaN.
    Number(f64),
    /// True or false.
    Truth(bool),
}

/// Names that the columns of a run depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunNames {
    /// Factors.
    pub factors: Vec<String>,
    /// Dotted name of each setting that varies, and whether all its values are numbers.
    pub settings: Vec<(String, bool)>,
    /// Figures of a scenario.
    pub figures: Vec<String>,
}

impl RunNames {
    /// Names of a run with these factors.
    #[must_use]
    pub fn of_factors(factors: &[String]) -> Self {
        Self { factors: factors.to_vec(), ..Self::default() }
    }

    /// Alpha and the factors.
    fn coefficients(&self) -> Vec<String> {
        std::iter::once("alpha".to_owned()).chain(self.factors.iter().cloned()).collect()
    }

    /// Expands a pattern to names, in order: `{factor}`, `{coefficient}`, `{pair}` (upper triangle of a matrix of
    /// the coefficients, by rows), `{figure}`.
    pub(super) fn expand(&self, pattern: &str) -> Vec<String> {
        let pairs = || {
            let names = self.coefficients();
            let row = |(at, left): (usize, &String)| -> Vec<String> {
                names[at..].iter().map(|right| format!("{left}_{right}")).collect()
            };
            names.iter().enumerate().flat_map(row).collect::<Vec<_>>()
        };
        let (place, names) = match () {
            () if pattern.contains("{factor}") => ("{factor}", self.factors.clone()),
            () if pattern.contains("{coefficient}") => ("{coefficient}", self.coefficients()),
            () if pattern.contains("{pair}") => ("{pair}", pairs()),
            () => ("{figure}", self.figures.clone()),
        };
        names.iter().map(|name| pattern.replace(place, name)).collect()
    }
}

/// Column of the records `R`.
pub struct Column<R> {
    /// Name in every table and file.
    pub name: Cow<'static, str>,
    /// Type.
    pub kind: Kind,
    /// Unit; empty without one.
    pub unit: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Where it is recorded.
    pub place: Place,
    pub(super) at: usize,
    pub(super) value: fn(&R, usize) -> Value<'_>,
    pub(super) set: fn(&mut R, usize, Value<'_>),
}

impl<R> Column<R> {
    /// Value in a record.
    pub fn value<'r>(&self, record: &'r R) -> Value<'r> {
        (self.value)(record, self.at)
    }

    /// Sets a value in a record.
    pub fn set(&self, record: &mut R, value: Value<'_>) {
        (self.set)(record, self.at, value);
    }
}

/// Typed record of a table: one row.
pub trait Record: Default {
    /// Name of the table in `state.db`, and of the Parquet file without its ending.
    const TABLE: &'static str;
    /// Documentation of the table.
    const ABOUT: &'static str;

    /// Columns in order.
    fn columns(names: &RunNames) -> Vec<Column<Self>>;
}

/// Serialises a record as a map from column names to values; a number that is not finite is null.
pub(super) fn serialize<R: Record, S: Serializer>(record: &R, to: S) -> Result<S::Ok, S::Error> {
    let columns = R::columns(&RunNames::default());
    let mut map = to.serialize_map(Some(columns.len()))?;
    for column in &columns {
        match column.value(record) {
            Value::Null => map.serialize_entry(&column.name, &())?,
            Value::Time(time) => map.serialize_entry(&column.name, &time.0)?,
            Value::Integer(whole) => map.serialize_entry(&column.name, &whole)?,
            Value::Text(text) => map.serialize_entry(&column.name, text)?,
            Value::Number(number) => map.serialize_entry(&column.name, &number)?,
            Value::Truth(truth) => map.serialize_entry(&column.name, &truth)?,
        }
    }
    map.end()
}
