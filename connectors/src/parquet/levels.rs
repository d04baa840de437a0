//! Wide data with a field and a symbol in each column name, as written by pandas for two column levels.

use betaflow_engine::assembly::{Assembler, FrameColumn};
use betaflow_engine::frame::Field;

use super::place::Place;
use super::schema::{Columns, Key, Layout, Series};
use super::settings::{NO_COLUMN, Settings};
use crate::{DataError, NamedColumn};

/// Fields of bars in column names, in lower case and without `_`; the first is required.
const FIELDS: [&str; 10] = [
    "close",
    "open",
    "high",
    "low",
    "volume",
    "adjclose",
    "dividends",
    "dividend",
    "stocksplits",
    "capitalgains",
];
/// Characters that may join a field and a symbol. Names of fields contain spaces, so a space is not a joint.
const JOINTS: [char; 6] = ['_', '|', ':', '/', '.', '-'];

/// Column whose name holds a field and a symbol.
struct Cell {
    column: usize,
    field: String,
    symbol: String,
}

/// Columns whose names all hold a field and a symbol.
struct Levels(Vec<Cell>);

impl Levels {
    /// Recognises two column levels; `None` if the name of any column besides the time has another form.
    fn recognise(columns: &Columns<'_>, time: &Key<i64>, settings: &Settings) -> Option<Self> {
        let all = columns.schema.fields().iter().enumerate();
        let named = all.filter(|(column, field)| {
            *time != Key::Column(*column) && !field.name().starts_with("__index_level_")
        });
        let named: Vec<(usize, &str)> =
            named.map(|(column, field)| (column, field.name().as_str())).collect();
        if named.is_empty() || settings.values.are_returns() {
            return None;
        }
        let is_field = |name: &str| FIELDS.contains(&plain(name).as_str()) || name == settings.price;
        let pairs = |split: &dyn Fn(&str) -> Option<(String, String)>| {
            let cells = named.iter().map(|(column, name)| {
                let (first, second) = split(name)?;
                Some((*column, first, second))
            });
            cells.collect::<Option<Vec<_>>>()
        };
        // Pandas writes a two-level column name as the text of a Python tuple.
        let of_pandas = pairs(&tuple);
        if let Some(pairs) = of_pandas {
            let field_first = pairs.iter().all(|(_, first, _)| is_field(first));
            let field_second = pairs.iter().all(|(.., second)| is_field(second));
            return (field_first || field_second).then(|| Self::of(pairs, field_first));
        }
        // Joined names count as two levels only if all columns have the joint and the fields include the
        // close and the open, high or volume.
        JOINTS.iter().find_map(|joint| {
            let first = pairs(&|name| name.split_once(*joint).map(owned))
                .filter(|pairs| pairs.iter().all(|(_, field, symbol)| is_field(field) && !symbol.is_empty()));
            let second = || {
                pairs(&|name| name.rsplit_once(*joint).map(owned)).filter(|pairs| {
                    pairs.iter().all(|(_, symbol, field)| is_field(field) && !symbol.is_empty())
                })
            };
            let levels = match first {
                Some(pairs) => Self::of(pairs, true),
                None => Self::of(second()?, false),
            };
            let has = |name: &str| levels.0.iter().any(|cell| plain(&cell.field) == name);
            (has("close") && (has("volume") || has("open") || has("high"))).then_some(levels)
        })
    }

    fn of(pairs: Vec<(usize, String, String)>, field_first: bool) -> Self {
        let cells = pairs.into_iter().map(|(column, first, second)| match field_first {
            true => Cell { column, field: first, symbol: second },
            false => Cell { column, field: second, symbol: first },
        });
        Self(cells.collect())
    }

    /// Selects the columns to read for each symbol.
    fn layout(
        &self,
        columns: &Columns<'_>,
        time: Key<i64>,
        settings: &Settings,
        assembler: &Assembler,
    ) -> Result<Layout, DataError> {
        let mut names: Vec<&str> = self.0.iter().map(|cell| cell.symbol.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let (mut symbols, mut others) = (Vec::new(), Vec::new());
        for symbol in names {
            if symbol.trim().is_empty() {
                let cell = self.0.iter().find(|cell| cell.symbol == symbol);
                let column =
                    cell.map(|cell| columns.schema.field(cell.column).name().clone()).unwrap_or_default();
                let place = Box::new(Place { file: columns.file.to_owned(), row: 0, line: None, column });
                return Err(DataError::EmptySymbol { place, found: symbol.to_owned() });
            }
            match assembler.wants(symbol) {
                true => symbols.push(self.series(columns, symbol, settings)?),
                false => others.push(symbol.to_owned()),
            }
        }
        Ok(Layout::Levels { time, symbols, others })
    }

    fn series(&self, columns: &Columns<'_>, symbol: &str, settings: &Settings) -> Result<Series, DataError> {
        let find = |name: &str| {
            let mut cells = self.0.iter().filter(|cell| cell.symbol == symbol);
            let found = cells.find(|cell| cell.field == name || plain(&cell.field) == plain(name));
            found.map(|cell| columns.numeric(cell.column)).transpose()
        };
        let of_field = |field: Field| match settings.name_of(field) {
            Some(NO_COLUMN) => Ok(None),
            Some(name) => find(name),
            None => {
                let more: &[&str] = match field {
                    Field::Dividend => &["dividends"],
                    Field::Split => &["stock_splits"],
                    _ => &[],
                };
                for name in field.names().iter().chain(more) {
                    if let Some(column) = find(name)? {
                        return Ok(Some(column));
                    }
                }
                Ok(None)
            }
        };
        let missing = |name: &str, role, named: Option<Field>| {
            columns.missing(&format!("('{name}', '{symbol}')"), role, named.map(NamedColumn::Of), &[])
        };
        let price = settings.value_column();
        let close = find(price)?.ok_or_else(|| missing(price, "the price", Some(Field::Close)))?;
        let mut read = vec![(Field::Close, close)];
        if let Some(name) = settings.return_column() {
            let role = Field::ReturnPrice.role();
            read.push((
                Field::ReturnPrice,
                find(name)?.ok_or_else(|| missing(name, role, Some(Field::ReturnPrice)))?,
            ));
        }
        for (field, need) in &settings.required {
            let missing = || missing(field.names()[0], need.purpose(), None).needed_for(*need);
            let column = of_field(*field)?.ok_or_else(missing)?;
            read.push((*field, column));
        }
        for FrameColumn { field, .. } in &settings.optional {
            if read.iter().all(|(known, _)| known != field)
                && let Some(column) = of_field(*field)?
            {
                read.push((*field, column));
            }
        }
        Ok(Series { symbol: symbol.to_owned(), columns: read })
    }
}

/// Recognises the layout of a price file. `partitions` are the keys and values of its folders' names.
pub(super) fn layout(
    columns: &Columns<'_>,
    partitions: &[(String, String)],
    settings: &Settings,
    assembler: &Assembler,
) -> Result<Layout, DataError> {
    let time = columns.time_or_partition(partitions, settings.time.as_deref())?;
    match Levels::recognise(columns, &time, settings) {
        Some(levels) => levels.layout(columns, time, settings, assembler),
        None => columns.layout(time, partitions, settings, assembler),
    }
}

/// Returns a name in lower case without word separators.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_')).flat_map(char::to_lowercase).collect()
}

fn owned((first, second): (&str, &str)) -> (String, String) {
    (first.to_owned(), second.to_owned())
}

/// Parses the two texts of a Python tuple: `('Close', 'AAPL')`.
fn tuple(name: &str) -> Option<(String, String)> {
    let inside = name.strip_prefix('(')?.strip_suffix(')')?;
    let (first, rest) = quoted(inside)?;
    let (second, rest) = quoted(rest.strip_prefix(", ")?)?;
    rest.is_empty().then_some((first, second))
}

/// Parses the quoted text at the start; returns it and the text after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let (mut content, mut rest) = (String::new(), text[1..].chars());
    loop {
        match rest.next()? {
            '\\' => content.push(rest.next()?),
            c if c == quote => return Some((content, rest.as_str())),
            c => content.push(c),
        }
    }
}
