//! Trading sessions of an exchange from a small file.

use betaflow_engine::time::{DAY_NS, Session, SessionFault, Sessions, TimestampNs, Zone, time_of_day};

use super::settings::Input;
use super::small_table::{SmallColumn, SmallKind, SmallTable};
use crate::DataError;
use crate::iso_time::parse_time;

/// Columns of the file.
const COLUMNS: [SmallColumn<'static>; 3] = [
    SmallColumn::required("date", SmallKind::Date, "the date of the session"),
    SmallColumn::required("open", SmallKind::Clock, "the opening of the session"),
    SmallColumn::required("close", SmallKind::Clock, "the close of the session"),
];
const DATE: usize = 0;
const OPEN: usize = 1;
const CLOSE: usize = 2;

/// Reads a file, Parquet or CSV, or a table in memory, with the columns `date`, `open` and `close`, sorted by date.
///
/// `open` and `close` are times of day in `zone`, such as 09:30, or timestamps. A session that opens at a later time of day
/// than it closes opens on the evening before its date.
///
/// # Errors
/// The file is missing or lacks a column, a cell has another content, or the sessions contradict each other.
pub fn read_sessions(input: &Input, zone: &Zone) -> Result<Sessions, DataError> {
    let table = SmallTable::read(input, "one file of sessions", &COLUMNS)?;
    let rows: Vec<Session> =
        (0..table.rows()).map(|row| session(&table, row, zone)).collect::<Result<_, _>>()?;
    Sessions::new(rows).map_err(|fault| {
        let (column, row, expected) = match fault {
            SessionFault::Order { at } => {
                (DATE, at, "a date after that of the row before; sort the file by date, one row for each")
            }
            SessionFault::Empty { at } => (CLOSE, at, "a time after the opening"),
            SessionFault::Far { at } => {
                (OPEN, at, "an opening and a close near the date, and at most a day apart")
            }
            SessionFault::Overlap { at } => {
                (OPEN, at, "a time that is not before the close of the session before")
            }
        };
        table.bad_cell(column, row, expected)
    })
}

fn session(table: &SmallTable, row: usize, zone: &Zone) -> Result<Session, DataError> {
    let date =
        table.date(DATE, row)?.ok_or_else(|| table.bad_cell(DATE, row, "a date such as 2015-01-31"))?;
    let [open, close] = [OPEN, CLOSE].map(|column| clock(table, column, row));
    let (mut open, close) = (open?, close?);
    if let (Clock::OfDay(opens), Clock::OfDay(closes)) = (open, close)
        && opens > closes
    {
        open = Clock::OfDay(opens - DAY_NS);
    }
    let [open, close] = [open, close].map(|clock| match clock {
        Clock::OfDay(time) => zone.moment(TimestampNs(date.saturating_mul(DAY_NS).saturating_add(time))),
        Clock::At(time) => time,
    });
    Ok(Session { date, open, close })
}

/// Opening or close as the file states it.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// Nanoseconds after local midnight of the date.
    OfDay(i64),
    At(TimestampNs),
}

fn clock(table: &SmallTable, column: usize, row: usize) -> Result<Clock, DataError> {
    let cell = table.text(column, row).unwrap_or_default();
    let read = match time_of_day(cell) {
        Some(time) => Some(Clock::OfDay(time)),
        None => parse_time(cell)
            .filter(|_| cell.len() > "2015-01-31".len())
            .map(|time| Clock::At(TimestampNs(time))),
    };
    let expected = "a time of day such as 09:30, or a timestamp such as 2015-01-30T14:30:00Z";
    read.ok_or_else(|| table.bad_cell(column, row, expected))
}
