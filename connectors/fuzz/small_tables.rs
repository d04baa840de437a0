//! Small files of facts. The first line of an input names the reader.

use betaflow_connectors::DataError;
use betaflow_connectors::parquet::{
    ReturnRows, read_benchmark, read_borrow, read_groups, read_half_spreads, read_holdings, read_membership,
    read_renames, read_returns, read_sessions, read_weight_bounds,
};
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::time::{TimestampNs, Zone};

use super::harness::{Target, kind_and_rest};
use super::inputs::{assert_located, file};

const WORDS: [&str; 30] = [
    "membership\n",
    "groups\n",
    "borrow\n",
    "sessions\n",
    "sessions New York\n",
    "holdings\n",
    "half_spreads\n",
    "renames\n",
    "returns\n",
    "weight_bounds\n",
    "benchmark\n",
    "symbol",
    "ticker",
    "from",
    "to",
    "date",
    "open",
    "close",
    "ratio",
    "quantity",
    "half_spread",
    "sector",
    "fee",
    "available",
    "weight",
    "return",
    "09:30",
    "2015-01-30T14:30:00Z",
    "2262-04-11",
    "1677-09-22T00:12:44Z",
];

fn read(kind: &str, bytes: &[u8]) -> Result<(), DataError> {
    let input = file(bytes);
    let same = |symbol: &str| symbol.to_owned();
    match kind {
        "membership" => read_membership(&input, same).map(drop),
        "groups" => read_groups(&input, &["sector", "country"], same).map(drop),
        "borrow" => read_borrow(&input).map(drop),
        "holdings" => read_holdings(&input).map(drop),
        "half_spreads" => read_half_spreads(&input).map(drop),
        "renames" => read_renames(&input, same).map(drop),
        "weight_bounds" => read_weight_bounds(&input, &SizingSettings::default()).map(drop),
        "benchmark" => read_benchmark(&input, None).map(drop),
        "returns" => {
            let rows = ReturnRows { what: "trials", nulls: true, from: None, to: None, sealed_from: None };
            read_returns(&input, &rows).map(drop)
        }
        _ => {
            let zone =
                if kind == "sessions" { Zone::UTC } else { Zone::named("America/New_York", true).unwrap() };
            let sessions = read_sessions(&input, &zone)?;
            for time in [i64::MIN, -1, 0, 1_420_637_400_000_000_000, i64::MAX].map(TimestampNs) {
                assert!(sessions.of(time, time.date()).is_none_or(|session| session.open < session.close));
            }
            let share = sessions.mean_share();
            assert!(share > 0.0 && share.is_finite(), "{share}");
            assert!(sessions.per_year().is_none_or(|count| count > 0.0 && count <= 366.0));
            let _ = sessions.digest();
            Ok(())
        }
    }
}

#[test]
fn small_tables() {
    Target::new("small_tables").memory_mib(256).words(&WORDS).run(|input| {
        let (kind, bytes) = kind_and_rest(input);
        if let Err(error) = read(kind, bytes) {
            assert_located(&error);
        }
    });
}
