//! Text files: CSV in the forms in which people have them, and files of Kenneth French.

use betaflow_connectors::import::{Content, ImportOptions};
use betaflow_connectors::parquet::{BadRow, prepare};

use super::harness::Target;
use super::inputs::{assert_located, file, read_prices};

const WORDS: [&str; 24] = [
    "date,symbol,close\n",
    "Date",
    "ticker",
    "datetime",
    "timestamp",
    "volume",
    ",",
    ";",
    "\t",
    "\"\"",
    "\r\n",
    "2020-01-01",
    "01/02/2020",
    "13.02.2020",
    "20200101",
    "2020-01-01T09:30:00+01:00",
    "1577836800",
    "-99.99",
    "-999",
    "Mkt-RF",
    "RF",
    "Average Value Weighted Returns -- Monthly",
    "Copyright 2025",
    "PK\u{3}\u{4}",
];

/// Reads a text file under three contents.
fn read(bytes: &[u8]) {
    let input = file(bytes);
    for content in [Content::Prices, Content::Factors, Content::Table] {
        // A file in memory has no name that gives its symbol.
        let options =
            ImportOptions { content, file_symbol: Some("A".to_owned()), ..ImportOptions::default() };
        match prepare(&input, &options) {
            Err(error) => assert_located(&error),
            Ok(prepared) if content == Content::Prices => {
                let read = read_prices(&prepared, None, BadRow::Error);
                assert_eq!(read, read_prices(&prepared, None, BadRow::Error), "a file is read alike twice");
            }
            Ok(_) => {}
        }
    }
}

#[test]
fn csv() {
    Target::new("csv").memory_mib(256).words(&WORDS).run(read);
}

#[test]
fn ken_french() {
    Target::new("ken_french").memory_mib(256).words(&WORDS).run(read);
}
