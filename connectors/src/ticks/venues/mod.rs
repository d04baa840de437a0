//! Adapters of venues, one file each. A new adapter needs a file here, entries in [`venue`] and [`VENUES`],
//! and captures in the tests.

mod alpaca;
mod binance;
mod coinbase_advanced;
mod coinbase_exchange;
mod kraken_v1;
mod kraken_v2;
mod names;
mod sale_conditions;

use super::venue::Venue;

pub(crate) use binance::BARS as BINANCE_BARS;

/// Names accepted by [`venue`].
pub const VENUES: [&str; 7] =
    ["alpaca", "binance", "binance_usdm", "coinbase_advanced", "coinbase_exchange", "kraken_v1", "kraken_v2"];

/// Creates the adapter of a venue by its name in the configuration.
#[must_use]
pub fn venue(name: &str) -> Option<Box<dyn Venue>> {
    Some(match name {
        "alpaca" => Box::new(alpaca::Alpaca::default()),
        "binance" => Box::new(binance::Binance::spot()),
        "binance_usdm" => Box::new(binance::Binance::usdm()),
        "coinbase_advanced" => Box::new(coinbase_advanced::CoinbaseAdvanced::default()),
        "coinbase_exchange" => Box::new(coinbase_exchange::CoinbaseExchange::default()),
        "kraken_v1" => Box::new(kraken_v1::KrakenV1::default()),
        "kraken_v2" => Box::new(kraken_v2::KrakenV2::default()),
        _ => return None,
    })
}
