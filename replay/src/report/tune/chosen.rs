//! What was chosen when and how sure that was, and what to use from here on.

use serde_json::Value;

use super::{Tuning, phrase, value};
use crate::commands::tune::IN_SAMPLE;
use crate::report::format::{NONE, percent_of, plain};
use crate::report::html::escape;
use crate::report::page::Page;
use crate::report::stress::labels::title;

/// Adds a row a fold.
pub(super) fn add(page: &mut Page, tuning: &Tuning) {
    const HEADING: &str = "What was chosen when";
    let choices: Vec<&Value> = tuning.summary["choices"].as_array().into_iter().flatten().collect();
    let Some(first) = choices.first() else {
        return page.missing(HEADING, "summary.json has no `choices`.");
    };
    page.section(HEADING);
    let names: Vec<&String> =
        first["settings"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let mut header =
        vec!["fold", "trained on", "judged on"].into_iter().map(str::to_owned).collect::<Vec<_>>();
    header.extend(names.iter().map(|name| title(name)));
    header.extend(
        ["score, trained", "score, judged", "best, trained", "± error", "sure", "as good", "the best"]
            .map(str::to_owned),
    );
    let mut rows = String::new();
    for choice in &choices {
        let settings =
            names.iter().map(|name| format!("<td><b>{}</b></td>", value(name, &choice["settings"][*name])));
        let best = &choice["best"];
        let is_best = best["scenario"] == choice["scenario"];
        let best_settings = if is_best { "the chosen one".to_owned() } else { phrase(&best["settings"]) };
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{}<td>{}</td><td><b>{}</b></td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{}</td><td>{best_settings}</td></tr>\n",
            escape(&choice["fold"].to_string()),
            periods(&choice["train"]),
            periods(&choice["test"]),
            settings.collect::<String>(),
            plain(&choice["train_score"], 2),
            plain(&choice["test_score"], 2),
            plain(&best["train_score"], 2),
            plain(&choice["train_score_standard_error"], 2),
            percent_of(&choice["certainty"], 0),
            escape(&choice["within_one_error"].to_string()),
        );
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    page.table(&header, "plain", &rows);
    let distinct: std::collections::BTreeSet<i64> =
        choices.iter().filter_map(|of| of["scenario"].as_i64()).collect();
    page.html(&format!(
        "<p class=\"small\">The score is the {}. Chosen is, of the settings within one standard error of the best, the one with \
         the lowest turnover. Sure: in how many of {} resamples of the training bars (in blocks of a month) the best is the \
         best again. As good: settings within one standard error of the best. {}</p>\n",
        tuning.objective(),
        escape(&first["resamples"].to_string()),
        match distinct.len() {
            1 => "All folds chose the same setting.".to_owned(),
            count => format!("The {} folds chose {count} different settings.", choices.len()),
        }
    ));
}

/// Ranges as first to last, escaped.
fn periods(ranges: &Value) -> String {
    let text = |of: &Value| of.as_str().map_or_else(|| NONE.to_owned(), escape);
    let ranges = ranges.as_array().into_iter().flatten();
    let each = ranges.map(|range| format!("{} to {}", text(&range["first"]), text(&range["last"])));
    each.collect::<Vec<_>>().join("<br>")
}

/// Adds the recommendation.
pub(super) fn add_recommended(page: &mut Page, tuning: &Tuning) {
    let best = &tuning.summary["in_sample"];
    page.section("What to use from here on");
    page.html(&format!("<p class=\"note warning\"><b>Note:</b> {IN_SAMPLE}</p>\n"));
    let next = match best["runner_up"].is_object() {
        true => format!(
            " Next is {}, with {}.",
            phrase(&best["runner_up"]["settings"]),
            plain(&best["runner_up"]["train_score"], 2)
        ),
        false => String::new(),
    };
    page.html(&format!(
        "<p>Recommended: <b>{}</b>. Its {} on all bars is {}. The best is {}, with {} ± {}: it is the best again in {} of {} \
         resamples, and {} of {} settings are within one standard error of it. The recommended one has the lowest turnover \
         of those.{next}</p>\n",
        phrase(&best["settings"]),
        tuning.objective(),
        plain(&best["train_score"], 2),
        phrase(&best["best"]["settings"]),
        plain(&best["best"]["train_score"], 2),
        plain(&best["train_score_standard_error"], 2),
        percent_of(&best["certainty"], 0),
        escape(&best["resamples"].to_string()),
        escape(&best["within_one_error"].to_string()),
        tuning.text("scenarios")
    ));
}
