//! Estimator of a run, and its calibration over all instruments.

use maud::{Markup, html};

use crate::report::format::{NONE, count, counted, percent, text};
use crate::report::page::Page;
use crate::summary::{EstimatorSummary, Number, RunSummary};

/// Figure of the estimator: name, value, expected value, explanation.
struct Figure {
    name: &'static str,
    value: fn(&EstimatorSummary) -> Number,
    expected: Expected,
    meaning: &'static str,
}

/// Expected value of a figure.
#[derive(Clone, Copy)]
enum Expected {
    Text(&'static str),
    MoreThan(fn(&EstimatorSummary) -> Number),
}

const FIGURES: [Figure; 7] = [
    Figure {
        name: "Hedged R²",
        value: |of| of.total.facts.hedged_r2.into(),
        expected: Expected::Text(""),
        meaning: "Share of the variance of returns that the factors explain with the betas estimated one bar earlier: 1 is \
                  all, 0 none; below 0 is worse than no hedge.",
    },
    Figure {
        name: "Mean log predictive density",
        value: |of| of.mean_log_predictive_density,
        expected: Expected::MoreThan(|of| of.total.facts.baseline_log_predictive_density.into()),
        meaning: "Log density of the forecast at the realised return; higher is better. The baseline has no factor: a \
                  forecast of zero with an exponentially weighted variance.",
    },
    Figure {
        name: "Coverage of the 50 % interval",
        value: |of| of.total.facts.coverage[0].into(),
        expected: Expected::Text("0.50"),
        meaning: COVERAGE,
    },
    Figure {
        name: "Coverage of the 90 % interval",
        value: |of| of.total.facts.coverage[1].into(),
        expected: Expected::Text("0.90"),
        meaning: COVERAGE,
    },
    Figure {
        name: "Coverage of the 95 % interval",
        value: |of| of.total.facts.coverage[2].into(),
        expected: Expected::Text("0.95"),
        meaning: COVERAGE,
    },
    Figure {
        name: "Normalised innovation squared (NIS)",
        value: |of| of.total.facts.nis.into(),
        expected: Expected::Text("1"),
        meaning: "Mean of squared forecast error / forecast variance: above 1 the forecasts are overconfident, below 1 \
                  too cautious.",
    },
    Figure {
        name: "Autocorrelation of errors",
        value: |of| of.total.facts.autocorrelation.into(),
        expected: Expected::Text("0"),
        meaning: "Autocorrelation of the standardised forecast errors at lag one: away from 0 they are predictable.",
    },
];
const COVERAGE: &str = "Share of returns inside the forecast interval: fewer means that the intervals are too narrow, more \
                        that they are too wide.";

/// Returns a figure with four decimals.
pub(super) fn number(value: impl Into<f64>) -> String {
    let value = value.into();
    if value.is_finite() { format!("{value:.4}") } else { NONE.to_owned() }
}

/// Adds data, estimator and version.
pub(super) fn add_lead(page: &mut Page, summary: &RunSummary) {
    let data = summary.head.data.clone().unwrap_or_default();
    page.add(html! {
        p.lead {
            b { (count(data.instruments)) } " instruments, " b { (count(data.frames)) } " frames from " b { (text(data.first.as_ref())) }
            " to " b { (text(data.last.as_ref())) } "; estimator " b { (text(summary.estimator.kind.as_ref())) }
            "; betaflow " (text(summary.head.version.as_ref())) "."
        }
    });
}

/// Adds the figures of the estimator.
pub(super) fn add(page: &mut Page, summary: &RunSummary) {
    let estimator = &summary.estimator;
    page.add(html! {
        p {
            (count(estimator.total.facts.forecasts)) " forecasts, each made before its return was known; those of the warm-up do "
            "not count."
        }
    });
    let mut rows: Vec<Markup> = Vec::new();
    for Figure { name, value, expected, meaning } in FIGURES {
        let expected = match expected {
            Expected::Text(text) => text.to_owned(),
            Expected::MoreThan(baseline) => match baseline(estimator).get() {
                Some(baseline) => format!("more than {}", number(baseline)),
                None => NONE.to_owned(),
            },
        };
        rows.push(row(name, &number(value(estimator)), &expected, meaning));
    }
    rows.push(alarms(estimator, summary.head.data.as_ref().map_or(0, |data| data.instruments)));
    page.table(&["", "found", "expected", "meaning"], "headline", &rows);
}

fn alarms(estimator: &EstimatorSummary, instruments: u64) -> Markup {
    let count: u64 = estimator.alarms.values().sum();
    let kinds: Vec<String> =
        estimator.alarms.iter().map(|(name, count)| format!("{count} {}", name.replace('_', " "))).collect();
    let found = match count {
        0 => "none".to_owned(),
        _ => format!("{count} of {}: {}", counted(instruments, "instrument"), kinds.join(", ")),
    };
    let share = estimator.total.facts.share_in_alarm.unwrap_or_default();
    let meaning = format!(
        "Instruments in alarm at the end of the data. Alarms covered {} of the forecasts. An alarm is raised when the coverage \
         of the intervals or the autocorrelation of the errors over about the last 250 returns is more than 5 standard errors \
         from its expected value, or when the variance cannot be estimated.",
        percent(share)
    );
    row("Alarms at the end", &found, "none", &meaning)
}

fn row(name: &str, found: &str, expected: &str, meaning: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td { (found) } td { (expected) } td { (meaning) } } }
}
