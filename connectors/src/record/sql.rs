//! SQL of a table in `state.db`: schema, insert, select.

use betaflow_engine::time::TimestampNs;
use rusqlite::types::{ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Params, Row, ToSql};

use super::column::{Column, Kind, Record, RunNames, Value};

/// Statement that creates the table, if it does not exist. `key`: columns of the primary key. `options`: of the table.
#[must_use]
pub(crate) fn create<R: Record>(key: &str, options: &str) -> String {
    let column = |column: Column<R>| {
        let kind = match column.kind {
            Kind::Time | Kind::Integer | Kind::Truth => "INTEGER",
            Kind::Text | Kind::OptionalText => "TEXT",
            Kind::Number => "REAL",
        };
        format!("{} {kind}", column.name)
    };
    let columns: Vec<String> = R::columns(&RunNames::default()).into_iter().map(column).collect();
    format!("CREATE TABLE IF NOT EXISTS {}({}, PRIMARY KEY({key})) {options};", R::TABLE, columns.join(", "))
}

/// Value as a parameter of a statement. A number that is not finite is NULL.
impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Time(time) => time.0.into(),
            Self::Integer(whole) => i64::try_from(whole).unwrap_or(i64::MAX).into(),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Number(number) if !number.is_finite() => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Number(number) => number.into(),
            Self::Truth(truth) => truth.into(),
        })
    }
}

/// Insert statement of a table.
pub(crate) struct Insert<R> {
    columns: Vec<Column<R>>,
    statement: String,
}

impl<R: Record> Insert<R> {
    pub(crate) fn new() -> Self {
        let columns = R::columns(&RunNames::default());
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let statement = format!("INSERT INTO {}({}) VALUES ({places})", R::TABLE, names.join(", "));
        Self { columns, statement }
    }

    /// Inserts records.
    ///
    /// # Errors
    /// SQLite fails.
    pub(crate) fn rows(&self, connection: &Connection, records: &[R]) -> rusqlite::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut insert = connection.prepare_cached(&self.statement)?;
        records.iter().try_for_each(|record| {
            let values = self.columns.iter().map(|column| column.value(record));
            insert.execute(rusqlite::params_from_iter(values)).map(|_| ())
        })
    }
}

/// Records that a query selects. `rest`: the query after `FROM table`.
///
/// # Errors
/// SQLite fails, or a value has another type.
pub fn select<R: Record>(
    connection: &Connection,
    rest: &str,
    params: impl Params,
) -> rusqlite::Result<Vec<R>> {
    let columns = R::columns(&RunNames::default());
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
    let select = format!("SELECT {} FROM {} {rest}", names.join(", "), R::TABLE);
    let mut statement = connection.prepare_cached(&select)?;
    let rows = statement.query_map(params, |row| read(&columns, row))?;
    rows.collect()
}

fn read<R: Record>(columns: &[Column<R>], row: &Row<'_>) -> rusqlite::Result<R> {
    let mut record = R::default();
    for (at, column) in columns.iter().enumerate() {
        let wrong = |found: Type| rusqlite::Error::InvalidColumnType(at, column.name.to_string(), found);
        let value = match (column.kind, row.get_ref(at)?) {
            (_, ValueRef::Null) => Value::Null,
            (Kind::Time, ValueRef::Integer(time)) => Value::Time(TimestampNs(time)),
            (Kind::Integer, ValueRef::Integer(whole)) => Value::Integer(whole.unsigned_abs()),
            (Kind::Truth, ValueRef::Integer(truth)) => Value::Truth(truth != 0),
            (Kind::Number, ValueRef::Real(number)) => Value::Number(number),
            (Kind::Number, ValueRef::Integer(whole)) => Value::Number(whole as f64),
            (Kind::Text | Kind::OptionalText, ValueRef::Text(text)) => {
                Value::Text(std::str::from_utf8(text).map_err(|_| wrong(Type::Text))?)
            }
            (_, found) => return Err(wrong(found.data_type())),
        };
        column.set(&mut record, value);
    }
    Ok(record)
}
