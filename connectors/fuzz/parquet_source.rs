//! Parquet files as prices and as factors.

use betaflow_connectors::parquet::{BadRow, Input};

use super::harness::Target;
use super::inputs::{file, read_prices};

/// Names of columns, and parts of the metadata of writers.
const WORDS: [&str; 16] = [
    "PAR1",
    "PARE",
    "date",
    "symbol",
    "close",
    "open",
    "high",
    "low",
    "volume",
    "dividend",
    "split",
    "rf",
    "mkt",
    "('Close', 'AAPL')",
    "ARROW:schema",
    "pandas",
];

#[test]
fn parquet_prices() {
    Target::new("parquet_prices").memory_mib(600).words(&WORDS).run(|bytes| {
        let prices = file(bytes);
        let read = read_prices(&prices, None, BadRow::Error);
        assert_eq!(read, read_prices(&prices, None, BadRow::Error), "a file is read alike twice");
        // Valid rows alone are the same frames in both treatments.
        let skipped = read_prices(&prices, None, BadRow::Skip);
        assert!(read.is_none() || read == skipped, "{read:?} and with bad rows skipped {skipped:?}");
    });
}

#[test]
fn parquet_factors() {
    // Prices of three days in January 2020, among which the corpus has factors.
    let prices = Input::Bytes {
        name: "fuzzed_file of prices".to_owned(),
        bytes: (&include_bytes!("corpus/parquet_prices/tidy.parquet")[..]).into(),
    };
    Target::new("parquet_factors").memory_mib(600).words(&WORDS).run(move |bytes| {
        read_prices(&prices, Some(&file(bytes)), BadRow::Error);
    });
}
