//! Values of small tables of the user: groups, symbol changes, sessions and half-spreads.
#![allow(clippy::unwrap_used)]

use std::fs;

use betaflow_connectors::parquet::{
    DataError, Input, read_groups, read_half_spreads, read_renames, read_sessions,
};
use betaflow_engine::time::{DAY_NS, Zone};

/// Reads a text as a file.
fn with<T>(text: &str, read: impl Fn(&Input) -> Result<T, DataError>) -> Result<T, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    read(&path.into()).map_err(|error| error.to_string())
}

#[test]
fn groups_and_symbol_changes_have_the_rows_of_their_file() {
    let tables =
        with("symbol,from,sector,size\nA,,Energy,small\nA,2020-01-02,Banks,\nB,,Energy,large\n", |input| {
            read_groups(input, &["sector", "size"], |symbol| format!("x{symbol}"))
        });
    assert_eq!(tables.unwrap().len(), 2);
    let twice = with("symbol,from,sector\nA,,Energy\nA,,Banks\n", |input| {
        read_groups(input, &["sector"], str::to_owned)
    });
    assert!(twice.unwrap_err().contains("a second row of `A`"));
    let renames = with("from_symbol,to_symbol,date,ratio\nA,B,2020-01-02,\nC,D,2021-05-06,2.5\n", |input| {
        read_renames(input, |symbol| format!("x{symbol}"))
    });
    let renames = renames.unwrap();
    let rows: Vec<_> = renames.rows().iter().map(|row| (&*row.from, &*row.to, row.ratio)).collect();
    assert_eq!(rows, [("xA", "xB", 1.0), ("xC", "xD", 2.5)]);
}

#[test]
fn sessions_open_on_the_evening_before_where_they_open_later_than_they_close() {
    let read = |text: &str| with(text, |input| read_sessions(input, &Zone::default()));
    let sessions = read("date,open,close\n2020-01-02,09:30,16:00\n2020-01-03,18:00,17:00\n2020-01-06,2020-01-06T14:30:00Z,2020-01-06T21:00:00Z\n").unwrap();
    let hours = |at: usize| {
        let row = &sessions.rows()[at];
        [row.open.0, row.close.0].map(|time| (time - row.date * DAY_NS) as f64 * 24.0 / DAY_NS as f64)
    };
    assert_eq!([hours(0), hours(1), hours(2)], [[9.5, 16.0], [-6.0, 17.0], [14.5, 21.0]]);
    // A date is not a timestamp.
    let date = read("date,open,close\n2020-01-02,2020-01-02,16:00\n");
    assert!(date.unwrap_err().contains("a time of day such as 09:30"));
}

#[test]
fn half_spreads_name_what_is_wrong_with_a_cell() {
    let read = |text: &str| with(text, read_half_spreads);
    let spreads = read("symbol,half_spread_bps\nA,1.5\nB,0\n").unwrap();
    assert_eq!(spreads.into_iter().collect::<Vec<_>>(), [("A".to_owned(), 1.5), ("B".to_owned(), 0.0)]);
    for (text, found) in [("A,1\nA,2\n", "a second row"), ("A,1\nB,\n", "null"), ("A,1\nB,-3.5\n", "-3.5")] {
        let error = read(&format!("symbol,half_spread_bps\n{text}")).unwrap_err();
        assert!(error.contains(found), "{error}");
    }
}
