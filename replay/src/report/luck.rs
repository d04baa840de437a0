//! How much of a best result is luck: what stands beside it wherever it is shown.

use serde_json::Value;

use super::format::{NONE, plain};
use super::html::escape;

/// Rows of a table of chosen scenarios: key in `luck.best` and its like, title, decimals.
pub(super) const ROWS: [(&str, &str, usize); 3] = [
    ("probabilistic_sharpe", "Probabilistic Sharpe ratio, alone", 2),
    ("deflated_sharpe", "Deflated Sharpe ratio", 2),
    ("min_backtest_years", "Minimum backtest length, years", 1),
];

/// What the best is worth, in one sentence or two; `None` where the summary says nothing of luck.
pub(super) fn sentence(luck: &Value) -> Option<String> {
    let best = &luck["best"];
    let trials = luck["trials"]["count"].as_u64()?;
    if best.is_null() {
        return None;
    }
    let alone = plain(&best["probabilistic_sharpe"], 2);
    if trials == 1 {
        return Some(format!(
            "It is <b>one trial</b>: nothing was chosen by its result, so there is nothing to deflate. The chance that its \
             true Sharpe ratio is above 0 is <b>{alone}</b>."
        ));
    }
    let deflated = match best["deflated_sharpe"].is_number() {
        true => format!(
            "As the best of <b>{trials} trials</b> the chance that its true Sharpe ratio is above 0 is <b>{}</b> (deflated \
             Sharpe ratio); alone it would be {alone}.",
            plain(&best["deflated_sharpe"], 2)
        ),
        false => format!(
            "It is the best of <b>{trials} trials</b>, and has no deflated Sharpe ratio: {}; alone the chance that its true \
             Sharpe ratio is above 0 would be {alone}.",
            escape(best["deflated_sharpe_reason"].as_str().unwrap_or(NONE))
        ),
    };
    let needed = &best["min_backtest_years"];
    let length = match (needed.as_f64(), luck["years"].as_f64()) {
        (Some(least), Some(years)) => format!(
            " Worthless trials, so many, show such a ratio on {} years; there are {}: {}.",
            plain(needed, 1),
            plain(&luck["years"], 1),
            if years < least { "<b>too short a backtest</b>" } else { "long enough not to expect it" }
        ),
        _ => String::new(),
    };
    Some(format!("{deflated}{length} {}", overfitting(luck)))
}

/// How often the best in one half is below the middle in the other.
fn overfitting(luck: &Value) -> String {
    let found = &luck["overfitting"];
    match found["probability"].is_number() {
        true => format!(
            "Probability of backtest overfitting: <b>{}</b> ({} trials, {} splits of {} blocks; of worthless trials about \
             one half).",
            plain(&found["probability"], 2),
            found["trials"],
            found["splits"],
            found["blocks"]
        ),
        false => format!(
            "There is no probability of backtest overfitting: {}.",
            escape(luck["overfitting_reason"].as_str().unwrap_or(NONE))
        ),
    }
}

/// How the trials were counted.
pub(super) fn counting(luck: &Value) -> Option<String> {
    let trials = &luck["trials"];
    trials["count"].as_u64()?;
    let ledger = &luck["ledger"];
    let others = match ledger["file"].as_str() {
        Some(file) => format!(
            "{} of this run, and those of {} run(s) before on the same data, which <code>{}</code> has on record",
            trials["of_this_run"],
            ledger["runs_before"],
            escape(file)
        ),
        None => format!("{} of this run, without a ledger of those before", trials["of_this_run"]),
    };
    let problem = ledger["problem"].as_str().map_or_else(String::new, |text| format!(" {}.", escape(text)));
    Some(format!(
        "Trials are distinct choices, each counted once, in however many worlds it was tried: {others}. {} of them were \
         measured in this world; were they worthless, the best would be expected at a Sharpe ratio of {} a year. Returns of \
         the last {} frames that all have.{problem}",
        trials["measured"],
        plain(&trials["expected_best_sharpe"], 2),
        luck["frames"]
    ))
}
