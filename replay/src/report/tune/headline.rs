//! What came of the choices in one sentence, the figures beside what they are compared with, and luck.

use serde_json::Value;

use super::Tuning;
use crate::report::format::{percent, percent_of, plain};
use crate::report::html::escape;
use crate::report::luck;
use crate::report::page::Page;

/// Figures of a column: key, title, whether it is a share.
const FIGURES: [(&str, &str, bool); 10] = [
    ("sharpe", "Sharpe ratio", false),
    ("sharpe_standard_error", "± standard error", false),
    ("probabilistic_sharpe", "Chance that it is above 0", true),
    ("sortino", "Sortino ratio", false),
    ("calmar", "Calmar ratio", false),
    ("annual_return", "Annual return", true),
    ("annual_volatility", "Annual volatility", true),
    ("max_drawdown", "Largest drawdown", true),
    ("conditional_value_at_risk", "Mean of the worst 5 % of bars", true),
    ("total_return", "Total return", true),
];

/// Adds what was tuned and the sentence that a reader takes along.
pub(super) fn add(page: &mut Page, tuning: &Tuning) {
    let summary = &tuning.summary;
    let method = match summary["method"].as_str() {
        Some("walk_forward") => "each block by the setting that was best before it (walk-forward)",
        Some("k_fold") => "each block by the setting that was best on both sides of it (purged folds)",
        _ => "each block by the settings that were best on the others (combinatorial purged folds)",
    };
    let out = &summary["out_of_sample"];
    let first = out["blocks"][0]["first"].as_str().map(escape).unwrap_or_default();
    let last = out["blocks"].as_array().and_then(|blocks| blocks.last());
    let last = last.and_then(|block| block["last"].as_str()).map(escape).unwrap_or_default();
    page.html(&format!(
        "<p class=\"lead\"><b>{}</b> settings, chosen by {}: <b>{}</b> blocks from <b>{first}</b> to <b>{last}</b>, judged \
         {method}, with an embargo of <b>{}</b> days.</p>\n",
        tuning.text("scenarios"),
        tuning.objective(),
        tuning.text("folds"),
        tuning.text("embargo")
    ));
    let sharpe = |of: &Value| format!("<b>{}</b>", plain(&of["sharpe"], 2));
    let metrics = &out["metrics"];
    page.html(&format!(
        "<p class=\"verdict\">Out of sample the choices have a net Sharpe ratio of {} ± {} ({} a year). The configuration as \
         it is has {} on the same bars; the best setting in hindsight {}, which nobody could have known.</p>\n",
        sharpe(metrics),
        plain(&metrics["sharpe_standard_error"], 2),
        percent(&metrics["annual_return"]),
        sharpe(&out["base"]),
        sharpe(&out["hindsight"])
    ));
}

/// Adds the figures side by side, and the distribution over the paths where there are many.
pub(super) fn add_figures(page: &mut Page, tuning: &Tuning) {
    let out = &tuning.summary["out_of_sample"];
    page.section("Out of sample");
    let columns = ["metrics", "base", "hindsight"].map(|column| &out[column]);
    let mut rows = String::new();
    for (key, title, is_share) in FIGURES {
        let cell = |column: &Value| if is_share { percent(&column[key]) } else { plain(&column[key], 2) };
        let cells = columns.map(|column| format!("<td>{}</td>", cell(column))).concat();
        rows += &format!("<tr><th scope=\"row\">{title}</th>{cells}</tr>\n");
    }
    page.table(&["", "tuned", "the configuration as it is", "best in hindsight"], "plain", &rows);
    page.html(&format!(
        "<p class=\"small\">All net of costs, of the same {} bars.</p>\n",
        escape(&out["frames"].to_string())
    ));
    if out["paths"].as_u64().is_some_and(|paths| paths > 1) {
        let scores = &out["scores"];
        page.html(&format!(
            "<p>The blocks join into <b>{}</b> paths through the data. Their {}: lowest <b>{}</b>, median <b>{}</b>, highest \
             <b>{}</b>, mean {} ± {} from path to path; below 0 in {} of them. The paths share their data, so they differ \
             less than other data would. Shown is the median one.</p>\n",
            out["paths"],
            tuning.objective(),
            plain(&scores["lowest"], 2),
            plain(&scores["median"], 2),
            plain(&scores["highest"], 2),
            plain(&scores["mean"], 2),
            plain(&scores["deviation"], 2),
            percent_of(&scores["below_zero"], 0)
        ));
    }
}

/// Adds how much of the best is luck.
pub(super) fn add_luck(page: &mut Page, tuning: &Tuning) {
    const HEADING: &str = "How much of the best is luck";
    let found = &tuning.summary["luck"];
    let Some(sentence) = luck::sentence(found) else {
        return page.missing(HEADING, "No setting has a Sharpe ratio, or summary.json has no `luck`.");
    };
    page.section(HEADING);
    let counting = luck::counting(found).unwrap_or_default();
    page.html(&format!(
        "<p>Of the highest net Sharpe ratio among the settings: {sentence}</p>\n<p class=\"small\">{counting}</p>\n"
    ));
}
