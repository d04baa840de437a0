//! What the run was worth: a handful of figures at the top, and the table of all of them.

use serde_json::Value;

use crate::report::format::{NONE, money, percent, plain};
use crate::report::html::escape;
use crate::report::page::Page;

/// How a figure is shown.
#[derive(Clone, Copy)]
enum As {
    Percent,
    Plain(usize),
}

/// Figures of a series: key in the summary, name, how it is shown, what it means.
const METRICS: [(&str, &str, As, &str); 25] = [
    ("annual_return", "Annual return", As::Percent, "Compound growth a year."),
    ("annual_volatility", "Annual volatility", As::Percent, "Standard deviation of returns, a year."),
    ("sharpe", "Sharpe ratio", As::Plain(2), "Mean over standard deviation, a year; risk-free 0."),
    (
        "sharpe_standard_error",
        "± standard error",
        As::Plain(2),
        "Of the Sharpe ratio, with the skewness and kurtosis of the returns (Lo 2002, Mertens 2002).",
    ),
    (
        "probabilistic_sharpe",
        "Probabilistic Sharpe",
        As::Plain(3),
        "Chance that the true ratio is above 0 (Bailey & López de Prado 2012).",
    ),
    (
        "min_track_record_years",
        "Minimum track record, years",
        As::Plain(1),
        "Of returns like these until that chance is 95 %.",
    ),
    ("sharpe_excess", "Sharpe in excess of rf", As::Plain(2), "Of returns less the risk-free return."),
    ("sortino", "Sortino ratio", As::Plain(2), "Mean over downside deviation, a year."),
    ("sortino_excess", "Sortino in excess of rf", As::Plain(2), "Of returns less the risk-free return."),
    ("calmar", "Calmar ratio", As::Plain(2), "Annual return over the largest drawdown."),
    ("max_drawdown", "Largest drawdown", As::Percent, "Largest fall from a peak."),
    ("omega", "Omega ratio", As::Plain(2), "Sum of gains over sum of losses."),
    ("tail_ratio", "Tail ratio", As::Plain(2), "95th percentile of returns over the 5th, sizes."),
    ("value_at_risk", "Value at risk, 5 %", As::Percent, "5th percentile of the returns of a bar."),
    (
        "conditional_value_at_risk",
        "Conditional value at risk",
        As::Percent,
        "Mean of the returns in that tail.",
    ),
    ("skew", "Skewness", As::Plain(2), "Below 0: the large returns are losses."),
    (
        "kurtosis",
        "Excess kurtosis",
        As::Plain(2),
        "Above 0: more extreme returns than a normal distribution.",
    ),
    ("best_return", "Best bar", As::Percent, ""),
    ("worst_return", "Worst bar", As::Percent, ""),
    (
        "stability_of_timeseries",
        "Stability",
        As::Plain(3),
        "R² of cumulated logarithmic returns on a straight line.",
    ),
    ("alpha", "Alpha to benchmark", As::Percent, "Annual return that the benchmark does not explain."),
    ("beta", "Beta to benchmark", As::Plain(3), "Slope of the returns on the benchmark's."),
    (
        "up_capture",
        "Up capture",
        As::Plain(2),
        "Annual return over the benchmark's, of bars on which it rose.",
    ),
    ("down_capture", "Down capture", As::Plain(2), "The same of bars on which it fell."),
    ("total_return", "Total return", As::Percent, "From the first decision to the last frame."),
];

fn shown(value: &Value, how: As) -> String {
    match how {
        As::Percent => percent(value),
        As::Plain(decimals) => plain(value, decimals),
    }
}

/// Adds what ran, and the figures that matter most.
pub(super) fn add(page: &mut Page, summary: &Value) {
    let data = &summary["data"];
    let text = |value: &Value| match value {
        Value::Null => NONE.to_owned(),
        Value::String(text) => escape(text),
        other => escape(&other.to_string()),
    };
    let [first, last] = ["first", "last"].map(|end| summary["nav"][end].as_f64());
    let value = match (first, last) {
        (Some(first), Some(last)) => format!(" Value <b>{}</b> → <b>{}</b>.", money(first), money(last)),
        _ => String::new(),
    };
    page.html(&format!(
        "<p class=\"lead\"><b>{}</b> instruments, <b>{}</b> frames from <b>{}</b> to <b>{}</b>.{value}</p>\n",
        text(&data["instruments"]),
        text(&data["frames"]),
        text(&data["first"]),
        text(&data["last"]),
    ));
    if first.is_none() {
        page.html("<p class=\"missing\">No frame decided: there is nothing to measure.</p>\n");
        return;
    }
    let of = |kind: &str, key: &str| summary["metrics"][kind][key].clone();
    let (turnover, costs) = (&summary["turnover"], &summary["cost_analysis"]);
    let beside = |key: &str, how: As| {
        format!("gross {}, benchmark {}", shown(&of("gross", key), how), shown(&of("benchmark", key), how))
    };
    let error = match of("net", "sharpe_standard_error").is_number() {
        true => format!(" <small>± {}</small>", plain(&of("net", "sharpe_standard_error"), 2)),
        false => String::new(),
    };
    let tiles = [
        ("annual return, net", percent(&of("net", "annual_return")), beside("annual_return", As::Percent)),
        ("Sharpe ratio, net", plain(&of("net", "sharpe"), 2) + &error, beside("sharpe", As::Plain(2))),
        ("largest drawdown, net", percent(&of("net", "max_drawdown")), beside("max_drawdown", As::Percent)),
        (
            "volatility a year",
            percent(&of("net", "annual_volatility")),
            format!("{} as predicted", percent(&summary["kelly"]["predicted_volatility"])),
        ),
        (
            "lost to costs a year",
            percent(&costs["annual_drag"]),
            match costs["break_even_bps"].as_f64() {
                Some(bps) if bps < 0.0 => "it lost before costs".to_owned(),
                _ => format!("{} bps of what is traded would take all", plain(&costs["break_even_bps"], 0)),
            },
        ),
        (
            "traded a day",
            percent(turnover.get("filled").unwrap_or(&turnover["mean"])),
            format!(
                "{} as decided; cap {}, which stopped {} of decisions",
                percent(&turnover["mean"]),
                percent(&turnover["cap"]),
                percent(&turnover["share_at_cap"])
            ),
        ),
    ];
    let tiles: String = tiles
        .into_iter()
        .map(|(name, value, beside)| {
            format!("<div><span>{name}</span><b>{value}</b><span class=\"beside\">{beside}</span></div>\n")
        })
        .collect();
    page.html(&format!("<div class=\"tiles\">\n{tiles}</div>\n"));
}

/// Adds the table of all figures.
pub(super) fn add_metrics(page: &mut Page, summary: &Value) {
    const HEADING: &str = "Figures";
    let metrics = &summary["metrics"];
    if !metrics.is_object() {
        page.missing(HEADING, "summary.json has no metrics.");
        return;
    }
    page.section(HEADING);
    let mut rows = String::new();
    for (key, name, how, meaning) in METRICS {
        let columns = ["net", "gross", "benchmark"].map(|kind| &metrics[kind][key]);
        if columns.iter().all(|value| value.is_null()) {
            continue;
        }
        let cells: String = columns.map(|value| format!("<td>{}</td>", shown(value, how))).concat();
        rows += &format!("<tr><th scope=\"row\">{name}</th>{cells}<td>{meaning}</td></tr>\n");
    }
    if rows.is_empty() {
        page.html("<p class=\"missing\">There are no returns to measure.</p>\n");
        return;
    }
    page.table(&["", "net", "gross", "benchmark", "in plain words"], "figures", &rows);
    page.html(
        "<p class=\"small\">Net is after all costs; gross returns add the costs of each bar back; the benchmark holds \
         equal weights of what trades, rebalanced every 21 days, after the same costs. The definitions are those of \
         <code>empyrical</code>; a dash stands where a figure is not defined.</p>\n",
    );
}

/// The digest and the version.
pub(super) fn ran(summary: &Value) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or(NONE));
    format!(
        "<p>betaflow {}, digest <code class=\"digest\">{}</code>: the same data and settings give the same digest on \
         every machine.</p>\n",
        text(&summary["version"]),
        text(&summary["digest"])
    )
}
