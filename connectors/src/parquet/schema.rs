//! Which column is what: tidy and wide data recognised by themselves.

use arrow_array::types::TimestampNanosecondType;
use arrow_schema::{DataType, FieldRef, Schema};
use betaflow_engine::assembly::{Assembler, Field, Values, Wanted};

use super::columns::{is_number, is_text, is_time};
use super::settings::{NO_COLUMN, Settings};
use crate::DataError;
use crate::error::nearest;

/// Names of time columns, in any case.
pub(super) const TIME_NAMES: [&str; 4] = ["timestamp", "ts", "time", "date"];
/// What pandas calls an index without a name.
const PANDAS_INDEX: &str = "__index_level_0__";
const TIMES: &str = "a date or a timestamp";
const TEXTS: &str = "a string or a dictionary of strings";
const NUMBERS: &str = "a floating-point number, an integer or a Decimal128";

/// A time or a symbol: a column of the file, or the same for the whole file, from the name of its folder.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key<T> {
    Column(usize),
    Constant(T),
}

/// The columns of a price file that are read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layout {
    /// A row a bar.
    Tidy {
        time: Key<i64>,
        symbol: Key<String>,
        /// The close and what else is read.
        columns: Vec<(Field, usize)>,
    },
    /// A row a timestamp, a column a symbol; `others` are symbols outside the universe, which are not read.
    Wide { time: Key<i64>, symbols: Vec<(usize, String)>, others: Vec<String> },
}

impl Layout {
    pub(super) fn time(&self) -> &Key<i64> {
        match self {
            Self::Tidy { time, .. } | Self::Wide { time, .. } => time,
        }
    }

    /// Positions in the file of the columns that are read.
    pub(super) fn projection(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        if let Key::Column(time) = self.time() {
            columns.push(*time);
        }
        match self {
            Self::Tidy { symbol, columns: fields, .. } => {
                if let Key::Column(symbol) = symbol {
                    columns.push(*symbol);
                }
                columns.extend(fields.iter().map(|(_, column)| *column));
            }
            Self::Wide { symbols, .. } => columns.extend(symbols.iter().map(|(column, _)| *column)),
        }
        columns.sort_unstable();
        // A column may be two things, such as a close that returns are made of too.
        columns.dedup();
        columns
    }

    /// What is read beside the close.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> {
        let columns: &[(Field, usize)] = match self {
            Self::Tidy { columns, .. } => columns,
            Self::Wide { .. } => &[],
        };
        columns.iter().map(|(field, _)| *field).filter(|field| *field != Field::Close)
    }
}

/// The columns of a factor file but the time: position and name.
pub(super) struct FactorColumns {
    pub(super) factors: Vec<(usize, String)>,
    pub(super) rf: Option<(usize, String)>,
}

/// The columns of a file, with the file's name for messages.
pub(super) struct Columns<'a> {
    pub(super) file: &'a str,
    pub(super) schema: &'a Schema,
}

impl<'a> Columns<'a> {
    /// Recognises the layout of a price file. `partitions` are the keys and values of its folders' names.
    pub(super) fn layout(
        &self,
        partitions: &[(String, String)],
        settings: &Settings,
        assembler: &Assembler,
    ) -> Result<Layout, DataError> {
        let time = self.time_or_partition(partitions, settings.time.as_deref())?;
        let symbol_name = settings.symbol.as_deref().unwrap_or("symbol");
        let symbol = match self.find(symbol_name, settings.symbol.is_some()) {
            Some(column) => Some(Key::Column(self.typed(column, is_text, TEXTS, "cast it to strings")?)),
            None => partition(partitions, symbol_name).map(|symbol| Key::Constant(symbol.to_owned())),
        };
        match symbol {
            Some(symbol) => self.tidy(time, symbol, settings),
            None if settings.symbol.is_some() || self.looks_tidy(settings) => {
                Err(self.missing(symbol_name, "the instrument of each row"))
            }
            None => self.wide(time, settings, assembler),
        }
    }

    fn tidy(&self, time: Key<i64>, symbol: Key<String>, settings: &Settings) -> Result<Layout, DataError> {
        let role = match settings.values {
            Values::Prices => "the price",
            Values::Returns | Values::ReturnsOfAnySize => "the return",
        };
        let close = self.number(settings.value_column(), settings.price != "close", role)?;
        let mut columns = vec![(Field::Close, close)];
        if let Some(name) = settings.return_column() {
            columns.push((Field::ReturnPrice, self.number(name, true, Field::ReturnPrice.role())?));
        }
        for (field, purpose) in &settings.required {
            let column = self.column_of(*field, settings)?;
            columns.push((*field, column.ok_or_else(|| self.needed(*field, settings, purpose))?));
        }
        for Wanted { field, .. } in &settings.optional {
            if columns.iter().all(|(known, _)| known != field)
                && let Some(column) = self.column_of(*field, settings)?
            {
                columns.push((*field, column));
            }
        }
        Ok(Layout::Tidy { time, symbol, columns })
    }

    /// The column of a field under the name that it was given, or else under a usual one.
    fn column_of(&self, field: Field, settings: &Settings) -> Result<Option<usize>, DataError> {
        match settings.name_of(field) {
            Some(NO_COLUMN) => Ok(None),
            Some(name) => self.number(name, true, field.role()).map(Some),
            None => {
                let found = field.names().iter().find_map(|name| self.find(name, false));
                let hint = "cast it to a 64-bit float";
                found.map(|column| self.typed(column, is_number, NUMBERS, hint)).transpose()
            }
        }
    }

    fn needed(&self, field: Field, settings: &Settings, purpose: &'static str) -> DataError {
        let name = settings.name_of(field).filter(|name| *name != NO_COLUMN).unwrap_or(field.names()[0]);
        self.missing(name, purpose)
    }

    fn wide(&self, time: Key<i64>, settings: &Settings, assembler: &Assembler) -> Result<Layout, DataError> {
        let needed = settings.required.first().map(|(field, purpose)| (field.names()[0], *purpose));
        let second = settings.return_column().map(|name| (name, "the price for returns (data.return_price)"));
        if let Some((name, purpose)) = needed.or(second) {
            return Err(DataError::Settings(format!(
                "{}: the data is wide (one column a symbol) and has one number a bar: there is no `{name}`, {purpose}; \
                 use tidy data with the columns `symbol` and `{name}`, or leave out the setting that needs it",
                self.file
            )));
        }
        let (mut symbols, mut others) = (Vec::new(), Vec::new());
        for (column, field) in self.schema.fields().iter().enumerate() {
            let is_key = time == Key::Column(column) || field.name().starts_with("__index_level_");
            if is_key {
                continue;
            }
            if !assembler.wants(field.name()) {
                others.push(field.name().clone());
                continue;
            }
            let hint = "in wide data every column but the time is a symbol; cast or drop it";
            symbols.push((self.typed(column, is_number, NUMBERS, hint)?, field.name().clone()));
        }
        if symbols.is_empty() {
            return Err(self.missing("symbol", "or one column of prices for each instrument of the universe"));
        }
        Ok(Layout::Wide { time, symbols, others })
    }

    /// Columns that only a row of one instrument has. `OPEN` and `LOW` are symbols too, hence the cases.
    fn looks_tidy(&self, settings: &Settings) -> bool {
        const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "return"];
        let is_field = |name: &str| {
            let lower = name.to_lowercase();
            let capital = name.chars().skip(1).all(char::is_lowercase);
            (FIELDS.contains(&lower.as_str()) && capital) || name == settings.value_column()
        };
        self.schema.fields().iter().any(|field| is_field(field.name()))
    }

    /// The time column, or the time that the name of a folder gives.
    pub(super) fn time_or_partition(
        &self,
        partitions: &[(String, String)],
        name: Option<&str>,
    ) -> Result<Key<i64>, DataError> {
        let found = self.time(name);
        if !matches!(found, Err(DataError::MissingColumn { .. })) {
            return found.map(Key::Column);
        }
        let names: Vec<&str> = name.map_or_else(|| TIME_NAMES.to_vec(), |name| vec![name]);
        let Some((key, value)) = names.iter().find_map(|key| Some((*key, partition(partitions, key)?)))
        else {
            return found.map(Key::Column);
        };
        match parse_time(value) {
            Some(time) => Ok(Key::Constant(time)),
            None => Err(DataError::PartitionTime {
                file: self.file.to_owned(),
                key: key.to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    /// The time column: the one that is named, else the one with a usual name and the type of a time.
    pub(super) fn time(&self, name: Option<&str>) -> Result<usize, DataError> {
        let hint = "cast it to a timestamp (numbers do not say their unit)";
        if let Some(name) = name {
            let column = self.find(name, true).ok_or_else(|| self.missing(name, "the time of each row"))?;
            return self.typed(column, is_time, TIMES, hint);
        }
        let is_named = |field: &FieldRef| {
            TIME_NAMES.contains(&field.name().to_lowercase().as_str()) || field.name() == PANDAS_INDEX
        };
        let fields = self.schema.fields().iter().enumerate();
        let named: Vec<(usize, &FieldRef)> = fields.filter(|(_, field)| is_named(field)).collect();
        // A date beside a timestamp is the day of the timestamp.
        let is_date = |kind: &DataType| matches!(kind, DataType::Date32 | DataType::Date64);
        let of_type = |wanted: &dyn Fn(&DataType) -> bool| {
            named.iter().filter(|(_, field)| wanted(field.data_type())).copied().collect::<Vec<_>>()
        };
        let stamps = of_type(&|kind| is_time(kind) && !is_date(kind));
        let times = if stamps.is_empty() { of_type(&is_date) } else { stamps };
        match (times.as_slice(), named.as_slice()) {
            ([(column, _)], _) => Ok(*column),
            ([(_, first), (_, second), ..], _) => Err(DataError::Ambiguous {
                file: self.file.to_owned(),
                first: first.name().clone(),
                second: second.name().clone(),
                role: "time",
            }),
            ([], [(column, field), ..]) if field.name() != PANDAS_INDEX => {
                self.typed(*column, is_time, TIMES, hint)
            }
            _ => Err(self.missing("timestamp", "the time of each row: `date`, `timestamp`, `ts` or `time`")),
        }
    }

    /// Numeric columns of a factor file: all but the time, and `rf` apart.
    pub(super) fn factors(&self, time: usize) -> Result<FactorColumns, DataError> {
        let (mut factors, mut rf) = (Vec::new(), None);
        for (column, field) in self.schema.fields().iter().enumerate() {
            if column == time || field.name().starts_with("__index_level_") {
                continue;
            }
            let hint = "every column of a factor file but the time is a factor; cast or drop it";
            let column = self.typed(column, is_number, NUMBERS, hint)?;
            if field.name().eq_ignore_ascii_case("rf") && rf.is_none() {
                rf = Some((column, field.name().clone()));
            } else {
                factors.push((column, field.name().clone()));
            }
        }
        Ok(FactorColumns { factors, rf })
    }

    /// The column of symbols and one of numbers.
    pub(super) fn symbol_and(&self, name: &str, role: &'static str) -> Result<(usize, usize), DataError> {
        let symbol =
            self.find("symbol", false).ok_or_else(|| self.missing("symbol", "the instrument of each row"))?;
        let symbol = self.typed(symbol, is_text, TEXTS, "cast it to strings")?;
        Ok((symbol, self.number(name, false, role)?))
    }

    fn number(&self, name: &str, exact: bool, role: &'static str) -> Result<usize, DataError> {
        let column = self.find(name, exact).ok_or_else(|| self.missing(name, role))?;
        self.typed(column, is_number, NUMBERS, "cast it to a 64-bit float")
    }

    /// The column of this name; a usual name in any case, a name that was typed exactly as typed.
    fn find(&self, name: &str, exact: bool) -> Option<usize> {
        let fields = self.schema.fields();
        let same = fields.iter().position(|field| field.name() == name);
        let any_case = || fields.iter().position(|field| field.name().eq_ignore_ascii_case(name));
        same.or_else(|| if exact { None } else { any_case() })
    }

    fn typed(
        &self,
        column: usize,
        is_right: fn(&DataType) -> bool,
        expected: &'static str,
        hint: &'static str,
    ) -> Result<usize, DataError> {
        let field = self.schema.field(column);
        if is_right(field.data_type()) {
            return Ok(column);
        }
        Err(DataError::WrongType {
            file: self.file.to_owned(),
            column: field.name().clone(),
            found: field.data_type().to_string(),
            expected,
            hint,
        })
    }

    fn missing(&self, column: &str, role: &'static str) -> DataError {
        const SHOWN: usize = 20;
        let names = || self.schema.fields().iter().map(|field| field.name().as_str());
        let mut found: Vec<String> = names().take(SHOWN).map(|name| format!("`{name}`")).collect();
        if names().count() > SHOWN {
            found.push(format!("and {} more", names().count() - SHOWN));
        }
        DataError::MissingColumn {
            file: self.file.to_owned(),
            column: column.to_owned(),
            role,
            found: found.join(", "),
            nearest: nearest(column, names()),
        }
    }
}

fn partition<'a>(partitions: &'a [(String, String)], key: &str) -> Option<&'a str> {
    partitions.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

fn parse_time(text: &str) -> Option<i64> {
    <TimestampNanosecondType as arrow_cast::parse::Parser>::parse(text)
}
