//! Conversion of instrument names, as typed by users, to the form of a venue.

/// Converts to upper case.
pub(super) fn upper(typed: &str) -> String {
    typed.to_ascii_uppercase()
}

/// Converts to upper case with a dash between base and quote, such as `BTC-USD`.
pub(super) fn dashed(typed: &str) -> String {
    upper(typed).replace('/', "-")
}

/// Converts to base and quote with a slash, such as `BTC/USD`, and renames the assets in `names`. A name with
/// upper-case letters keeps its case, because some names at Kraken have lower-case letters, such as
/// `AAPLx/USD`.
pub(super) fn slashed(typed: &str, names: &[(&str, &str)]) -> String {
    let has_upper = typed.bytes().any(|byte| byte.is_ascii_uppercase());
    let name = if has_upper { typed.to_owned() } else { upper(typed) };
    let assets = name.split(['/', '-']).map(|asset| {
        let other = names.iter().find(|(known, _)| *known == asset);
        other.map_or(asset, |(_, name)| name)
    });
    assets.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::super::{VENUES, venue};

    #[test]
    fn names_take_the_form_of_their_venue() {
        let cases = [
            ("alpaca", "aapl", "AAPL"),
            ("alpaca", "btc/usd", "BTC/USD"),
            ("binance", "btcusdt", "BTCUSDT"),
            ("binance", "1000SHIBUSDT", "1000SHIBUSDT"),
            ("binance_usdm", "btcusdt_250926", "BTCUSDT_250926"),
            ("coinbase_advanced", "btc-usd", "BTC-USD"),
            ("coinbase_exchange", "btc/usd", "BTC-USD"),
            ("kraken_v1", "btc/usd", "XBT/USD"),
            ("kraken_v1", "DOGE/EUR", "XDG/EUR"),
            ("kraken_v1", "XBT/USD", "XBT/USD"),
            ("kraken_v2", "xbt-usd", "BTC/USD"),
            ("kraken_v2", "AAPLx/USD", "AAPLx/USD"),
        ];
        for (name, typed, expected) in cases {
            assert_eq!(venue(name).unwrap().symbol(typed), expected, "{name}");
        }
        for name in VENUES {
            let venue = venue(name).unwrap();
            let once = venue.symbol("doge/usd");
            assert_eq!(venue.symbol(&once), once, "{name}: a name in the venue's form is unchanged");
        }
    }
}
