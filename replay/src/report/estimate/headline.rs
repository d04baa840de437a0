//! What was estimated and how well it holds.

use serde_json::Value;

use crate::report::html::escape;
use crate::report::page::Page;

/// Figures of the estimator: key in the summary, name, what is expected, what it means.
const FIGURES: [(&str, &str, &str, &str); 7] = [
    (
        "hedged_r2",
        "Hedged R²",
        "",
        "The share of the variance of returns that the factors explain with the betas of the bar before: 1 is \
         all of it, 0 none, below 0 is worse than not hedging.",
    ),
    (
        "mean_log_predictive_density",
        "Mean log predictive density",
        "baseline_log_predictive_density",
        "How probable the forecasts held the returns that came; higher is better. Expected is more than the \
         baseline, which knows no factor: a forecast of zero with an exponentially weighted variance.",
    ),
    ("coverage_50", "Inside the 50 % interval", "0.50", COVERAGE),
    ("coverage_90", "Inside the 90 % interval", "0.90", COVERAGE),
    ("coverage_95", "Inside the 95 % interval", "0.95", COVERAGE),
    (
        "nis",
        "Normalised squared error (NIS)",
        "1",
        "Mean squared forecast error in units of the variance that was forecast: above 1 the forecasts are too \
         sure of themselves, below 1 too cautious.",
    ),
    (
        "autocorrelation",
        "Autocorrelation of errors",
        "0",
        "Of each forecast error with the next one, standardised: away from 0 there is something left to learn.",
    ),
];
const COVERAGE: &str = "Share of returns that fell inside the interval that was forecast for them: fewer means \
                        that the intervals are too narrow, more that they are too wide.";

/// A number of the summary.
pub(super) fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

/// Adds what the run was made from.
pub(super) fn add_lead(page: &mut Page, summary: &Value) {
    let (data, estimator) = (&summary["data"], &summary["estimator"]);
    page.html(&format!(
        "<p class=\"lead\"><b>{}</b> instruments, <b>{}</b> frames from <b>{}</b> to <b>{}</b>; estimator \
         <b>{}</b>; betaflow {}.</p>\n",
        text(&data["instruments"]),
        text(&data["frames"]),
        text(&data["first"]),
        text(&data["last"]),
        text(&estimator["kind"]),
        text(&summary["version"]),
    ));
}

/// Adds the figures of the estimator.
pub(super) fn add(page: &mut Page, summary: &Value) {
    let (data, estimator) = (&summary["data"], &summary["estimator"]);
    page.html(&format!(
        "<p>All figures are of forecasts made before the return was seen, and those of the warm-up are not \
         counted: {} forecasts.</p>\n",
        text(&estimator["forecasts"])
    ));
    let mut rows = String::new();
    for (key, name, expected, meaning) in FIGURES {
        let expected = match &estimator[expected] {
            Value::Null if key == "mean_log_predictive_density" => "–".to_owned(),
            Value::Null => expected.to_owned(),
            baseline => format!("more than {}", number(baseline)),
        };
        rows += &row(name, &number(&estimator[key]), &expected, meaning);
    }
    rows += &alarms(estimator, &data["instruments"]);
    page.table(&["", "found", "expected", "in plain words"], "headline", &rows);
}

/// Adds what a careful reader should know.
pub(super) fn add_notes(page: &mut Page, summary: &Value) {
    for warning in summary["warnings"].as_array().into_iter().flatten() {
        page.html(&format!("<p class=\"note\">Note: {}</p>\n", text(warning)));
    }
}

fn text(value: &Value) -> String {
    escape(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn alarms(estimator: &Value, instruments: &Value) -> String {
    let kinds: Vec<(&str, u64)> = estimator["alarms"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, count)| (name.as_str(), count.as_u64().unwrap_or_default()))
        .collect();
    let count: u64 = kinds.iter().map(|(_, count)| count).sum();
    let share = estimator["share_in_alarm"].as_f64().unwrap_or_default();
    let kinds: Vec<String> = kinds.iter().map(|(name, count)| format!("{count} {}", words(name))).collect();
    let found = match count {
        0 => "none".to_owned(),
        _ => format!("{count} of {instruments} instruments: {}", kinds.join(", ")),
    };
    let meaning = format!(
        "Instruments whose recent forecasts are not to be believed, at the end of the data. In all, an alarm stood \
         at {:.2} % of the forecasts.",
        100.0 * share
    );
    row("Alarms at the end", &escape(&found), "none", &meaning)
}

fn row(name: &str, found: &str, expected: &str, meaning: &str) -> String {
    format!("<tr><th scope=\"row\">{name}</th><td>{found}</td><td>{expected}</td><td>{meaning}</td></tr>\n")
}

/// An alarm's name in words.
pub(super) fn words(alarm: &str) -> String {
    alarm.replace('_', " ")
}
