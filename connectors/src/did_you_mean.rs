//! Suggestion of the nearest known name for an unknown one.

/// Returns the name nearest to `wanted`, ignoring case: few characters differ, or one name contains the
/// other. The first name wins a tie; `None` if no name is near.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const PART_MIN: usize = 3;
    let lower = wanted.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        let (shorter, longer) = (lower.len().min(name.len()), lower.len().max(name.len()));
        let few = if shorter < PART_MIN { 0 } else { (longer / 3).max(1) };
        let part = shorter >= PART_MIN && (lower.contains(&name) || name.contains(&lower));
        match strsim::osa_distance(&lower, &name) <= few {
            true => Some(1.0 + strsim::jaro_winkler(&lower, &name)),
            false => part.then(|| shorter as f64 / longer as f64),
        }
    };
    let near = names.into_iter().filter_map(|name| Some((score(name)?, name)));
    let best = near.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, name)| name.to_owned())
}

/// Returns the question ` (did you mean `name`?)`; empty for `None`.
#[must_use]
pub fn question(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// Returns the [`question`] for the [`nearest`] of `names`; empty if no name is near.
#[must_use]
pub fn hint<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    question(nearest(wanted, names).as_deref())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_near_names_are_suggested() {
        let venues = ["alpaca", "binance", "binance_usdm", "coinbase_exchange", "kraken_v1", "kraken_v2"];
        let cases = [
            ("binnance", Some("binance")),
            ("Binance", Some("binance")),
            ("krakn_v2", Some("kraken_v2")),
            ("coinbase", Some("coinbase_exchange")),
            ("bybit", None),
            ("okx", None),
            ("bitfinex", None),
            ("", None),
            ("a", None),
            ("deribit", None),
        ];
        for (typed, expected) in cases {
            assert_eq!(nearest(typed, venues).as_deref(), expected, "{typed}");
        }
        let columns = ["date", "Close", "adj_close", "px"];
        for (typed, expected) in
            [("close", Some("Close")), ("PX", Some("px")), ("py", None), ("volume", None)]
        {
            assert_eq!(nearest(typed, columns).as_deref(), expected, "{typed}");
        }
    }
}
