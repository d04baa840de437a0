//! Tutorial data embedded in the program; `data/README.md` states its origin.

use bytes::Bytes;

use crate::parquet::Input;

/// Factors of the tutorial data: the market, and each factor ETF less the market.
pub const FACTORS: [(&str, &str); 6] = [
    ("mkt", "SPX"),
    ("mom", "MTUM - SPX"),
    ("qual", "QUAL - SPX"),
    ("size", "SIZE - SPX"),
    ("vol", "USMV - SPX"),
    ("val", "VLUE - SPX"),
];

/// Instruments of these factors; they are not among the 20 traded names.
pub const FACTOR_INSTRUMENTS: [&str; 6] = ["SPX", "MTUM", "QUAL", "SIZE", "USMV", "VLUE"];

/// Returns the data: 20 large US names, the S&P 500 (`SPX`) and five factor ETFs, daily closes, 2014-01-02 to
/// 2022-12-28.
#[must_use]
pub fn prices() -> Input {
    let bytes = Bytes::from_static(include_bytes!("../data/tutorial.parquet"));
    Input::Bytes { name: "the embedded tutorial data".to_owned(), bytes }
}
