//! What was varied, and what came of it in one sentence.

use betaflow_engine::sweep::Crossing;

use super::break_even;
use super::labels::{As, shown, title};
use super::study::{OBJECTIVE_TITLE, Study};
use crate::report::format::NONE;
use crate::report::html::escape;
use crate::report::luck;
use crate::report::page::Page;

/// Adds both.
pub(super) fn add(page: &mut Page, study: &Study) {
    let rows = study.scenarios.len();
    if rows == 0 {
        page.html("<p class=\"missing\">The table has no scenario: there is nothing to compare.</p>\n");
        return;
    }
    let kind = if study.full { "all combinations of" } else { "a list of values of" };
    let axes: Vec<String> = study.varied().into_iter().map(|axis| varied(study, axis)).collect();
    let what = match axes.is_empty() {
        true => "nothing varies among them".to_owned(),
        false => format!("{kind} {}", axes.join(", ")),
    };
    let data = &study.summary["data"];
    let text = |key: &str| match &data[key] {
        serde_json::Value::String(text) => escape(text),
        other => escape(&other.to_string()),
    };
    let over = match data["first"].is_string() {
        true => format!(
            " Each over <b>{}</b> instruments, <b>{}</b> to <b>{}</b>.",
            text("instruments"),
            text("first"),
            text("last")
        ),
        false => String::new(),
    };
    page.html(&format!("<p class=\"lead\"><b>{rows}</b> scenarios: {what}.{over}</p>\n"));
    page.html(&format!("<p class=\"verdict\">{}</p>\n", verdict(study)));
    if let (Some(best), Some(worth)) = (study.best, luck::sentence(&study.summary["luck"])) {
        page.html(&format!(
            "<p class=\"note\">The best scenario{} has a {OBJECTIVE_TITLE} of <b>{}</b>. {worth}</p>\n",
            if study.held.is_empty() { "" } else { " in this world" },
            shown(study.objective[best], As::Plain(2))
        ));
    }
    let survived = (0..rows).filter(|row| !study.scenarios.is_ruined(*row));
    let undefined = survived.filter(|row| study.objective[*row].is_nan()).count();
    if undefined > 0 {
        page.html(&format!(
            "<p class=\"note\">{undefined} of them have no Sharpe ratio: nothing was traded, or the value did not move. \
             They are never best or robust.</p>\n"
        ));
    }
}

/// A setting and its levels.
fn varied(study: &Study, axis: usize) -> String {
    let labels = study.labels(axis);
    let levels = match study.numbers(axis) {
        Some(_) if labels.len() > 2 => {
            format!("{} values from {} to {}", labels.len(), labels[0], labels[labels.len() - 1])
        }
        _ => labels.join(" or "),
    };
    let title = study.title(axis);
    match title.strip_suffix(", bps") {
        Some(quantity) => format!("<b>{quantity}</b> ({levels} bps)"),
        None => format!("<b>{title}</b> ({levels})"),
    }
}

/// The sentence that a reader takes along: from which cost on nothing is earned, or how far the ratio goes.
fn verdict(study: &Study) -> String {
    let range = range(study);
    let (Some(cost), Some(base)) = (study.cost(), study.base) else { return range };
    let row = base.row;
    let returns = study.figure("net_annual_return");
    let tried = study.along(&returns, cost, row);
    if tried.iter().filter(|value| !value.is_nan()).count() < 2 {
        return range;
    }
    let crossing = break_even::crossing(study, &returns, cost, row);
    let others: Vec<usize> = study.varied().into_iter().filter(|axis| *axis != cost).collect();
    let at = match (study.cap(), others.len()) {
        (_, 0) => "It".to_owned(),
        (Some(cap), _) => {
            let rest: Vec<usize> = others.into_iter().filter(|axis| *axis != cap).collect();
            let rest =
                if rest.is_empty() { String::new() } else { format!(" ({})", study.spoken_of(&rest, row)) };
            format!("At a turnover cap of <b>{}</b>{rest} it", study.label(cap, row))
        }
        (None, _) => format!("With {} it", study.spoken_of(&others, row)),
    };
    let amount = |value: &str| match study.name(cost).ends_with("_bps") {
        true => format!("{value} bps"),
        false => value.to_owned(),
    };
    let name = escape(title(study.name(cost)).trim_end_matches(", bps"));
    let labels = study.labels(cost);
    let last = labels.last().map_or(NONE, String::as_str);
    let first = labels.first().map_or(NONE, String::as_str);
    let sentence = match crossing {
        Crossing::At(place) => {
            format!("{at} stops earning beyond a {name} of <b>{}</b>", amount(&break_even::short(place)))
        }
        Crossing::Idle { above, at: level } => format!(
            "{at} still earns at a {name} of <b>{}</b>, and trades nothing any more at <b>{}</b>",
            amount(&break_even::tried(study, cost, above)),
            amount(&break_even::tried(study, cost, level))
        ),
        Crossing::Beyond(level) => {
            let level = break_even::tried(study, cost, level);
            let known = if level == last { "the dearest that was tried" } else { "and has no return beyond" };
            format!("{at} still earns at a {name} of <b>{}</b>, {known}", amount(&level))
        }
        Crossing::Before => {
            format!(
                "{at} earns nothing even at a {name} of <b>{}</b>, the cheapest that was tried",
                amount(first)
            )
        }
        Crossing::Undefined => return range,
    };
    format!("{sentence}. {range}")
}

/// How far the objective goes, and how often it is above zero.
fn range(study: &Study) -> String {
    let defined = || study.objective.iter().copied().filter(|value| !value.is_nan());
    let (low, high) =
        defined().fold((f64::NAN, f64::NAN), |(low, high), value| (value.min(low), value.max(high)));
    if low.is_nan() {
        return format!("No scenario has a {OBJECTIVE_TITLE}.");
    }
    let earning = defined().filter(|value| *value > 0.0).count();
    format!(
        "The {OBJECTIVE_TITLE} goes from {} to {}, and is above 0 in {earning} of {} scenarios.",
        shown(low, As::Plain(2)),
        shown(high, As::Plain(2)),
        study.scenarios.len()
    )
}

/// The version, and how runs are found again, where they are runs.
pub(super) fn ran(study: &Study) -> String {
    let has = match study.summary["trades"] == "fixed" {
        true => {
            "all figures of each scenario and no digest: it is no run of its own, but the trades of the configuration below \
             under other costs"
        }
        false => {
            "all figures of each scenario and the digest of its run: a replay with the same settings gives the same digest"
        }
    };
    format!(
        "<p>betaflow {}. <code>scenarios.parquet</code> has {has}.</p>\n",
        escape(study.summary["version"].as_str().unwrap_or(NONE))
    )
}
