//! Recognition of tidy and wide data by the names and types of columns.

use arrow_schema::{DataType, FieldRef, Schema};
use betaflow_engine::assembly::{Assembler, FrameColumn, Values};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;

use super::columns::{is_number, is_text, is_time};
use super::place::Place;
use super::settings::{NO_COLUMN, Settings};
use crate::did_you_mean::nearest;
use crate::iso_time::parse_time;
use crate::{DataError, NamedColumn};

/// Names of time columns, case-insensitive.
pub(super) const TIME_NAMES: [&str; 5] = ["timestamp", "ts", "time", "date", "datetime"];
/// Names of symbol columns, case-insensitive, in order of precedence.
const SYMBOL_NAMES: [&str; 2] = ["symbol", "ticker"];
/// Column names of other programs, used for suggestions.
const TIME_HINTS: [&str; 6] = ["day", "dt", "trade_date", "tradedate", "asof", "period"];
const SYMBOL_HINTS: [&str; 9] =
    ["sym", "tic", "instrument", "asset", "security", "ric", "isin", "permno", "stock"];
const PRICE_HINTS: [&str; 8] = ["adj_close", "adj close", "price", "px_last", "last", "settle", "prc", "px"];
/// Column name that pandas gives to an unnamed index.
const PANDAS_INDEX: &str = "__index_level_0__";
const TIMES: &str = "a date, a timestamp or a string with an ISO date";
const TEXTS: &str = "a string or a dictionary of strings";
pub(super) const NUMBERS: &str = "a floating-point number, an integer or a Decimal128";

/// Time or symbol: a column of the file, or a constant from its folder's name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key<T> {
    Column(usize),
    Constant(T),
}

/// Columns of one symbol.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) symbol: String,
    pub(super) columns: Vec<(Field, usize)>,
}

/// Columns to read from a price file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layout {
    /// One row per bar.
    Tidy {
        time: Key<i64>,
        symbol: Key<String>,
        /// Columns of the close and of the other fields.
        columns: Vec<(Field, usize)>,
    },
    /// One row per timestamp, one column per symbol; `others` are symbols outside the universe, which are not
    /// read.
    Wide { time: Key<i64>, symbols: Vec<(usize, String)>, others: Vec<String> },
    /// One row per timestamp, one column per field and symbol.
    Levels { time: Key<i64>, symbols: Vec<Series>, others: Vec<String> },
}

impl Layout {
    pub(super) fn time(&self) -> &Key<i64> {
        match self {
            Self::Tidy { time, .. } | Self::Wide { time, .. } | Self::Levels { time, .. } => time,
        }
    }

    /// Returns the positions of the columns to read.
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
            Self::Levels { symbols, .. } => {
                let all = symbols.iter().flat_map(|series| &series.columns);
                columns.extend(all.map(|(_, column)| *column));
            }
        }
        columns.sort_unstable();
        // A column may have two roles, such as a close that is also the return price.
        columns.dedup();
        columns
    }

    /// Returns the fields to read besides the close.
    pub(super) fn fields(&self) -> Vec<Field> {
        let read: Vec<Field> = match self {
            Self::Tidy { columns, .. } => columns.iter().map(|(field, _)| *field).collect(),
            Self::Wide { .. } => Vec::new(),
            Self::Levels { symbols, .. } => {
                symbols.iter().flat_map(|series| series.columns.iter().map(|(field, _)| *field)).collect()
            }
        };
        read.into_iter().filter(|field| *field != Field::Close).collect()
    }
}

/// Columns of a factor file except the time, by position and name.
pub(super) struct FactorColumns {
    pub(super) factors: Vec<(usize, String)>,
    pub(super) rf: Option<(usize, String)>,
}

/// Columns of a file, with the file's name for messages.
pub(super) struct Columns<'a> {
    pub(super) file: &'a str,
    pub(super) schema: &'a Schema,
}

impl<'a> Columns<'a> {
    /// Recognises the layout of a price file without two column levels. `partitions` are the keys and values
    /// of its folders' names.
    pub(super) fn layout(
        &self,
        time: Key<i64>,
        partitions: &[(String, String)],
        settings: &Settings,
        assembler: &Assembler,
    ) -> Result<Layout, DataError> {
        let names: Vec<&str> =
            settings.symbol.as_deref().map_or_else(|| SYMBOL_NAMES.to_vec(), |name| vec![name]);
        let symbol = match self.symbol_column(settings.symbol.as_deref())? {
            Some(column) => Some(Key::Column(self.typed(column, is_text, TEXTS, "cast it to strings")?)),
            None => names
                .iter()
                .find_map(|name| partition(partitions, name))
                .map(|symbol| Key::Constant(symbol.to_owned())),
        };
        match symbol {
            Some(Key::Constant(symbol)) if symbol.trim().is_empty() => {
                Err(DataError::EmptySymbol { place: self.place(names[0]), found: symbol })
            }
            Some(symbol) => self.tidy(time, symbol, settings),
            None if settings.symbol.is_some() || self.looks_tidy(settings) => Err(self.missing(
                names[0],
                "the instrument of each row",
                Some(NamedColumn::Symbol),
                &SYMBOL_HINTS,
            )),
            None => self.wide(time, settings, assembler),
        }
    }

    /// Finds the column of symbols. A column `ticker` that holds numbers is an instrument of wide data.
    pub(super) fn symbol_column(&self, name: Option<&str>) -> Result<Option<usize>, DataError> {
        if let Some(name) = name {
            return self.find(name, true, "symbol");
        }
        for (position, name) in SYMBOL_NAMES.iter().enumerate() {
            let found = self.find(name, false, "symbol")?;
            let is_right = |column: &usize| position == 0 || is_text(self.schema.field(*column).data_type());
            if let Some(column) = found.filter(is_right) {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    fn place(&self, column: &str) -> Box<Place> {
        Box::new(Place { file: self.file.to_owned(), row: 0, line: None, column: column.to_owned() })
    }

    fn tidy(&self, time: Key<i64>, symbol: Key<String>, settings: &Settings) -> Result<Layout, DataError> {
        let role = match settings.values {
            Values::Prices => "the price",
            Values::Returns | Values::ReturnsOfAnySize => "the return",
        };
        let close = self.number(settings.value_column(), settings.price != "close", role, Field::Close)?;
        let mut columns = vec![(Field::Close, close)];
        if let Some(name) = settings.return_column() {
            let column = self.number(name, true, Field::ReturnPrice.role(), Field::ReturnPrice)?;
            columns.push((Field::ReturnPrice, column));
        }
        for (field, need) in &settings.required {
            let column = self.column_of(*field, settings)?;
            columns.push((*field, column.ok_or_else(|| self.needed(*field, settings, *need))?));
        }
        for FrameColumn { field, .. } in &settings.optional {
            if columns.iter().all(|(known, _)| known != field)
                && let Some(column) = self.column_of(*field, settings)?
            {
                columns.push((*field, column));
            }
        }
        Ok(Layout::Tidy { time, symbol, columns })
    }

    /// Finds the column of a field, by its configured name or a usual one.
    fn column_of(&self, field: Field, settings: &Settings) -> Result<Option<usize>, DataError> {
        match settings.name_of(field) {
            Some(NO_COLUMN) => Ok(None),
            Some(name) => self.number(name, true, field.role(), field).map(Some),
            None => {
                let hint = "cast it to a 64-bit float";
                for name in field.names() {
                    if let Some(column) = self.find(name, false, field.role())? {
                        return self.typed(column, is_number, NUMBERS, hint).map(Some);
                    }
                }
                Ok(None)
            }
        }
    }

    /// Returns the error for a missing column that a setting needs.
    fn needed(&self, field: Field, settings: &Settings, need: Need) -> DataError {
        let name = settings.name_of(field).filter(|name| *name != NO_COLUMN).unwrap_or(field.names()[0]);
        self.missing(name, need.purpose(), Some(NamedColumn::Of(field)), &[]).needed_for(need)
    }

    fn wide(&self, time: Key<i64>, settings: &Settings, assembler: &Assembler) -> Result<Layout, DataError> {
        let needed = settings.required.first().map(|(field, need)| (field.names()[0], *need));
        let second = settings.return_column().map(|name| (name, Need::ReturnPrice));
        if let Some((column, need)) = needed.or(second) {
            let (file, column) = (self.file.to_owned(), column.to_owned());
            return Err(DataError::WideBars { file, column, need });
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
            let hint = "in wide data every column except the time is a symbol; cast or drop it";
            if field.name().trim().is_empty() {
                let place = self.place(field.name());
                return Err(DataError::EmptySymbol { place, found: field.name().clone() });
            }
            symbols.push((self.typed(column, is_number, NUMBERS, hint)?, field.name().clone()));
        }
        if symbols.is_empty() {
            let role = "or one column of prices for each instrument of the universe";
            return Err(self.missing("symbol", role, Some(NamedColumn::Symbol), &SYMBOL_HINTS));
        }
        Ok(Layout::Wide { time, symbols, others })
    }

    /// Returns whether the file has columns that only tidy data has. Case matters, because `OPEN` and `LOW`
    /// are also symbols.
    fn looks_tidy(&self, settings: &Settings) -> bool {
        const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "return"];
        let is_field = |name: &str| {
            let lower = name.to_lowercase();
            let capital = name.chars().skip(1).all(char::is_lowercase);
            (FIELDS.contains(&lower.as_str()) && capital) || name == settings.value_column()
        };
        self.schema.fields().iter().any(|field| is_field(field.name()))
    }

    /// Finds the time column, or the time in a folder's name.
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

    /// Finds the time column: the configured one, or one with a usual name and a time type.
    pub(super) fn time(&self, name: Option<&str>) -> Result<usize, DataError> {
        let hint = "cast it to a timestamp (numbers have no unit), with pandas, if they are seconds: pd.to_datetime(df.date, \
                    unit=\"s\")";
        if let Some(name) = name {
            let column = self.find(name, true, "time")?;
            let missing = || self.missing(name, "the time of each row", Some(NamedColumn::Time), &TIME_HINTS);
            return self.typed(column.ok_or_else(missing)?, is_time_or_text, TIMES, hint);
        }
        let is_named = |field: &FieldRef| {
            let name = time_name(field.name());
            TIME_NAMES.contains(&name.to_lowercase().as_str()) || name == PANDAS_INDEX
        };
        let fields = self.schema.fields().iter().enumerate();
        let named: Vec<(usize, &FieldRef)> = fields.filter(|(_, field)| is_named(field)).collect();
        // A date column beside a timestamp column holds the date of the timestamp.
        let is_date = |kind: &DataType| matches!(kind, DataType::Date32 | DataType::Date64);
        let of_type = |wanted: &dyn Fn(&DataType) -> bool| {
            named.iter().filter(|(_, field)| wanted(field.data_type())).copied().collect::<Vec<_>>()
        };
        let stamps = of_type(&|kind| is_time(kind) && !is_date(kind));
        let dates = || Some(of_type(&is_date)).filter(|dates| !dates.is_empty());
        let times = if stamps.is_empty() { dates().unwrap_or_else(|| of_type(&is_text)) } else { stamps };
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
            _ => {
                let role = "the time of each row: `date`, `datetime`, `timestamp`, `ts` or `time`";
                Err(self.missing("timestamp", role, Some(NamedColumn::Time), &TIME_HINTS))
            }
        }
    }

    /// Finds the columns of a factor file: all except the time, with `rf` separate.
    pub(super) fn factors(&self, time: usize) -> Result<FactorColumns, DataError> {
        self.returns(time, "every column of a factor file except the time is a factor; cast or drop it")
    }

    /// Finds the numeric columns of a file of returns: all except the time, with `rf` separate. `hint`: remedy for another
    /// column.
    pub(super) fn returns(&self, time: usize, hint: &'static str) -> Result<FactorColumns, DataError> {
        let (mut factors, mut rf) = (Vec::new(), None);
        for (column, field) in self.schema.fields().iter().enumerate() {
            if column == time || field.name().starts_with("__index_level_") {
                continue;
            }
            let column = self.typed(column, is_number, NUMBERS, hint)?;
            if field.name().eq_ignore_ascii_case("rf") && rf.is_none() {
                rf = Some((column, field.name().clone()));
            } else {
                factors.push((column, field.name().clone()));
            }
        }
        Ok(FactorColumns { factors, rf })
    }

    /// Finds the column of symbols and a numeric column.
    pub(super) fn symbol_and(&self, name: &str, role: &'static str) -> Result<(usize, usize), DataError> {
        Ok((self.symbol()?, self.named(name, role)?))
    }

    /// Finds the column of symbols, if there is one. `name`: its name, if it is not a usual one.
    pub(super) fn symbol_if_any(&self, name: Option<&str>) -> Result<Option<usize>, DataError> {
        let symbol = self.symbol_column(name)?;
        symbol.map(|column| self.typed(column, is_text, TEXTS, "cast it to strings")).transpose()
    }

    /// Finds the column of symbols.
    pub(super) fn symbol(&self) -> Result<usize, DataError> {
        let missing = || self.missing("symbol", "the instrument of each row", None, &SYMBOL_HINTS);
        self.symbol_if_any(None)?.ok_or_else(missing)
    }

    /// Finds a column of numbers by its name, ignoring case.
    pub(super) fn named(&self, name: &str, role: &'static str) -> Result<usize, DataError> {
        let column = self.find(name, false, role)?.ok_or_else(|| self.missing(name, role, None, &[]))?;
        self.numeric(column)
    }

    fn number(&self, name: &str, exact: bool, role: &'static str, field: Field) -> Result<usize, DataError> {
        let hints: &[&str] = if field == Field::Close { &PRICE_HINTS } else { &[] };
        let column = self
            .find(name, exact, role)?
            .ok_or_else(|| self.missing(name, role, Some(NamedColumn::Of(field)), hints))?;
        self.typed(column, is_number, NUMBERS, "cast it to a 64-bit float")
    }

    /// Finds the column of this name: a usual name ignoring case, a configured name exactly.
    pub(super) fn find(
        &self,
        name: &str,
        exact: bool,
        role: &'static str,
    ) -> Result<Option<usize>, DataError> {
        let fields = self.schema.fields();
        if exact {
            return Ok(fields.iter().position(|field| field.name() == name));
        }
        let is_same = |(_, field): &(usize, &FieldRef)| field.name().eq_ignore_ascii_case(name);
        let mut found = fields.iter().enumerate().filter(is_same);
        match (found.next(), found.next()) {
            (Some((_, first)), Some((_, second))) => Err(DataError::Ambiguous {
                file: self.file.to_owned(),
                first: first.name().clone(),
                second: second.name().clone(),
                role: role.trim_start_matches("the "),
            }),
            (first, _) => Ok(first.map(|(column, _)| column)),
        }
    }

    /// Returns the column if it holds numbers.
    pub(super) fn numeric(&self, column: usize) -> Result<usize, DataError> {
        self.typed(column, is_number, NUMBERS, "cast it to a 64-bit float")
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

    /// Returns the error for a missing column. `named`: column whose name is a setting; `hints`: names used
    /// by other programs.
    pub(super) fn missing(
        &self,
        column: &str,
        role: &'static str,
        named: Option<NamedColumn>,
        hints: &[&str],
    ) -> DataError {
        const SHOWN: usize = 20;
        let names = || self.schema.fields().iter().map(|field| field.name().as_str());
        let mut found: Vec<String> = names().take(SHOWN).map(|name| format!("`{name}`")).collect();
        if names().count() > SHOWN {
            found.push(format!("and {} more", names().count() - SHOWN));
        }
        let hinted = hints.iter().find_map(|hint| names().find(|name| name.eq_ignore_ascii_case(hint)));
        DataError::MissingColumn {
            file: self.file.to_owned(),
            column: column.to_owned(),
            role,
            need: None,
            found: found.join(", "),
            nearest: hinted.map(Box::from).or_else(|| nearest(column, names()).map(String::into_boxed_str)),
            named,
        }
    }
}

fn is_time_or_text(kind: &DataType) -> bool {
    is_time(kind) || is_text(kind)
}

/// Returns the name of a column; for a pandas index with two levels, the level that is not empty.
fn time_name(name: &str) -> &str {
    name.strip_prefix("('").and_then(|name| name.strip_suffix("', '')")).unwrap_or(name)
}

fn partition<'a>(partitions: &'a [(String, String)], key: &str) -> Option<&'a str> {
    partitions.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}
