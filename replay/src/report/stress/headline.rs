//! Settings that vary, and the result in one sentence.

use betaflow_engine::sweep::Crossing;
use maud::{Markup, html};

use super::break_even;
use super::study::{OBJECTIVE_TITLE, Study};
use crate::config::is_choice;
use crate::report::format::{NONE, count, counted, text};
use crate::report::labels::{Unit, shown, title};
use crate::report::luck;
use crate::report::page::Page;
use crate::summary::Trades;

/// Adds the settings that vary, and the result in one sentence.
pub(super) fn add(page: &mut Page, study: &Study) {
    let rows = study.scenarios.len();
    if rows == 0 {
        return page.absent("The table has no scenario.");
    }
    let head = &study.summary.study;
    page.add(html! {
        p.lead {
            b { (count(rows as u64)) } " scenarios: " (settings(study)) "."
            @if let Some(data) = head.head.data.as_ref().filter(|data| data.first.is_some()) {
                " Each over " b { (count(data.instruments)) } " instruments, " b { (text(data.first.as_ref())) } " to "
                b { (text(data.last.as_ref())) } "."
            }
        }
        p.verdict { (verdict(study)) }
        (roles(study))
    });
    if let (Some(best), Some(worth)) = (study.best, head.luck.as_ref().and_then(luck::sentence)) {
        page.add(html! {
            p.note {
                "The best scenario" @if !study.environment_axes.is_empty() { " in this environment" } " has a " (OBJECTIVE_TITLE) " of "
                b { (shown(study.objective[best], Unit::Plain(2))) } ". " (worth)
            }
        });
    }
    let survived = (0..rows).filter(|row| !study.scenarios.is_ruined(*row));
    let undefined = survived.filter(|row| study.objective[*row].is_nan()).count();
    if undefined > 0 {
        page.add(html! {
            p.note {
                (counted(undefined as u64, "scenario")) " without a Sharpe ratio: no trades, or a constant NAV. None of them can "
                "be best or robust."
            }
        });
    }
}

/// Returns which of the settings that vary are environment and choices, and the definitions of the named scenarios.
fn roles(study: &Study) -> Markup {
    let (choices, environment): (Vec<usize>, Vec<usize>) =
        study.varied().into_iter().partition(|axis| is_choice(study.name(*axis)));
    let titles = |axes: &[usize]| axes.iter().map(|axis| study.title(*axis)).collect::<Vec<_>>().join("; ");
    html! {
        p.small {
            @if !environment.is_empty() {
                b { "Environment" } " (costs, delays, data), given: " (titles(&environment)) ". "
            }
            @if !choices.is_empty() { b { "Choices" } ", picked by the user: " (titles(&choices)) ". " }
        }
        ul.small {
            @if let Some(base) = study.base {
                li {
                    b { (study.base_name()) } ": "
                    @if base.exact { "the scenario of the configuration (" code { "run.toml" } ")." } @else {
                        "the scenario nearest to the configuration (" code { "run.toml" } "), which is not in the grid."
                    }
                }
            }
            li {
                b { "best" } ": the choice with the highest " (OBJECTIVE_TITLE)
                @if study.one_environment { " in the environment of the base." } @else {
                    " of all scenarios, because no two have the same environment."
                }
            }
            li {
                b { "robust" } ": the choice whose lowest " (OBJECTIVE_TITLE) " among itself and its neighbours in the grid is "
                "highest. A neighbour differs by at most one level in every numeric setting; neighbours in costs count."
            }
        }
    }
}

/// Returns the settings that vary, with their levels.
fn settings(study: &Study) -> Markup {
    let varied = study.varied();
    html! {
        @if varied.is_empty() {
            "no setting varies"
        } @else {
            @if study.full { "all combinations of " } @else { "a list of values of " }
            @for (at, axis) in varied.iter().enumerate() { @if at > 0 { ", " } (setting(study, *axis)) }
        }
    }
}

/// Returns a setting and its levels.
fn setting(study: &Study, axis: usize) -> Markup {
    let labels = study.labels(axis);
    let levels = match (study.numbers(axis), labels) {
        (Some(_), [first, _, .., last]) => format!("{} values from {first} to {last}", labels.len()),
        _ => labels.join(" or "),
    };
    let (title, unit) = match study.title(axis).strip_suffix(", bps") {
        Some(quantity) => (quantity, " bps"),
        None => (study.title(axis), ""),
    };
    html! { b { (title) } " (" (levels) (unit) ")" }
}

/// Returns the headline: the break-even cost, or the range of the objective.
fn verdict(study: &Study) -> Markup {
    let range = range(study);
    let (Some(cost), Some(base)) = (study.cost(), study.base) else { return html! { (range) } };
    let row = base.row;
    let returns = study.figure("net_annual_return");
    let tried = study.along(&returns, cost, row);
    if tried.iter().filter(|value| !value.is_nan()).count() < 2 {
        return html! { (range) };
    }
    let unit = if study.name(cost).ends_with("_bps") { " bps" } else { "" };
    let name = title(study.name(cost));
    let name = name.trim_end_matches(", bps");
    let labels = study.labels(cost);
    let amount = |value: &str| html! { b { (value) (unit) } };
    let level = |value: f64| break_even::tried(study, cost, value);
    let at = at(study, cost, row);
    let sentence = match break_even::crossing(study, &returns, cost, row) {
        Crossing::At(place) => html! {
            (at) ": break-even " (name) " " (amount(&break_even::short(place)))
        },
        Crossing::Idle { above, at: idle } => html! {
            (at) ": net return above 0 up to a " (name) " of " (amount(&level(above))) ", no trades at "
            (amount(&level(idle))) ", so no zero crossing"
        },
        Crossing::Beyond(last) => html! {
            (at) ": net return above 0 at a " (name) " of " (amount(&level(last)))
            @if Some(&level(last)) == labels.last() { ", the highest of the grid" } @else { ", no return beyond" }
        },
        Crossing::Before => html! {
            (at) ": net return not above 0 even at a " (name) " of " (amount(labels.first().map_or(NONE, String::as_str)))
            ", the lowest of the grid"
        },
        Crossing::Undefined => return html! { (range) },
    };
    html! { (sentence) ". " (range) }
}

/// Returns the settings of the headline, without the cost.
fn at(study: &Study, cost: usize, row: usize) -> Markup {
    let others: Vec<usize> = study.varied().into_iter().filter(|axis| *axis != cost).collect();
    html! {
        @if others.is_empty() {
            "All else as configured"
        } @else if let Some(cap) = study.cap() {
            @let rest: Vec<usize> = others.iter().copied().filter(|axis| *axis != cap).collect();
            "At a turnover cap of " b { (study.label(cap, row)) }
            @if !rest.is_empty() { " (" (study.spoken_of(&rest, row)) ")" }
        } @else {
            "With " (study.spoken_of(&others, row))
        }
    }
}

/// Returns the range of the objective, and in how many scenarios it is above zero.
fn range(study: &Study) -> String {
    let defined = || study.objective.iter().copied().filter(|value| !value.is_nan());
    let (low, high) =
        defined().fold((f64::NAN, f64::NAN), |(low, high), value| (value.min(low), value.max(high)));
    if low.is_nan() {
        return format!("No scenario has a {OBJECTIVE_TITLE}.");
    }
    let above = defined().filter(|value| *value > 0.0).count();
    format!(
        "{} from {} to {}, above 0 in {above} of {} scenarios.",
        OBJECTIVE_TITLE.replacen('n', "N", 1),
        shown(low, Unit::Plain(2)),
        shown(high, Unit::Plain(2)),
        study.scenarios.len()
    )
}

/// Returns the version, and how a scenario can be run alone.
pub(super) fn ran(study: &Study) -> Markup {
    html! {
        p {
            "betaflow " (text(study.summary.study.head.version.as_ref())) ". " code { "scenarios.parquet" } " has "
            @match study.summary.trades {
                Trades::Fixed => {
                    "all figures of each scenario and no digest: a scenario is not a run of its own, but the trades of the "
                    "configuration below under other costs."
                },
                Trades::Own => {
                    "all figures of each scenario and the digest of its run: a replay with the same settings gives the "
                    "same digest."
                },
            }
        }
    }
}
