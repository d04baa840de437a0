//! Betas of the last frame of each month.

use std::collections::BTreeSet;

use betaflow_engine::time::Date;

use crate::support::{DAY_NS, Run, call, folder, run, sets};

/// Last trading days of the months of the embedded data from December 2015 to March 2016, read off a calendar, and its last
/// day in the range.
const ENDS: [&str; 4] = ["2015-12-31", "2016-01-29", "2016-02-29", "2016-03-15"];
const RANGE: [&str; 4] = ["--from", "2015-12-08", "--to", "2016-03-15"];

fn dates(dates: &[&str]) -> Vec<i64> {
    dates.iter().map(|date| date.parse::<Date>().unwrap().days() * DAY_NS).collect()
}

/// Times of a table, each once.
fn frames(run: &Run, table: &str) -> Vec<i64> {
    run.table(table).times().into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn replay_records_betas_of_the_last_frame_of_each_month() {
    let folder = folder();
    let own = sets(&["estimator.warmup=10", "sizing.rebalance_every=7"]);
    let of = |out: &str, set: &[&str]| {
        run(folder.path(), out, &[&["replay", "--no-report"], &RANGE[..], &own, &sets(set)].concat())
    };
    let monthly = of("default", &[]);
    assert_eq!(monthly.config["record"]["betas"].as_str(), Some("monthly"));
    assert_eq!(frames(&monthly, "betas"), dates(&ENDS));
    assert_eq!(monthly.table("betas").rows(), 20 * ENDS.len());

    // The same rows as where every frame is recorded.
    let all = of("all", &["record.betas=all"]);
    let rows = |run: &Run, column: &str| {
        let (table, ends) = (run.table("betas"), dates(&ENDS));
        let values = table.times().into_iter().zip(table.numbers(column));
        values.filter(|(time, _)| ends.contains(time)).map(|(_, value)| value.to_bits()).collect::<Vec<_>>()
    };
    for column in ["alpha", "mkt", "alpha_sd", "residual_sd", "forecast_mean", "forecast_error"] {
        assert_eq!(rows(&monthly, column), rows(&all, column), "{column}");
    }

    // The choice changes no other table: attribution has the betas of rebalances.
    let rebalances = of("rebalances", &["record.betas=rebalances"]);
    let decided = frames(&rebalances, "betas");
    assert!(decided.len() == 9 && frames(&rebalances, "weights").iter().all(|time| decided.contains(time)));
    for other in [&rebalances, &of("none", &["record.betas=none"])] {
        assert_eq!(other.digest(), monthly.digest());
        for table in
            ["attribution", "equity", "fills", "weights", "contributions", "premia", "risk", "instruments"]
        {
            assert!(other.bytes(table) == monthly.bytes(table), "{table}");
        }
    }

    // Months before the first rebalance have no row.
    let late = of("late", &["estimator.warmup=40"]);
    assert_eq!(frames(&late, "betas"), dates(&ENDS[2..]));
}

#[test]
fn weights_and_estimates_can_be_monthly_too() {
    let folder = folder();
    // Weights exist once an instrument is wanted; they are those of the same frames where every frame is recorded.
    let weights = |of: &str| {
        let set = format!("record.weights={of}");
        let own = sets(&["estimator.warmup=10", "sizing.rebalance_every=7", &set]);
        frames(&run(folder.path(), of, &[&["replay"], &RANGE[..], &own].concat()), "weights")
    };
    let all = weights("all").into_iter().filter(|time| dates(&ENDS).contains(time));
    assert_eq!(weights("monthly"), all.collect::<Vec<_>>());
    let estimate = sets(&["record.betas=monthly"]);
    let estimate = run(folder.path(), "estimate", &[&["estimate"], &RANGE[..], &estimate].concat());
    assert_eq!(frames(&estimate, "betas"), dates(&ENDS));
    // An unknown word is refused with the known ones.
    let ended = call(folder.path(), &["replay", "--set", "record.betas=month"]);
    assert!(ended.code != Some(0) && ended.err.contains("monthly"), "{}", ended.err);
}
