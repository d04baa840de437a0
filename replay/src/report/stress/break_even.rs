//! The cost at which nothing is left, against the turnover cap.

use betaflow_engine::sweep::Crossing;

use super::labels;
use super::labels::{As, shown};
use super::study::{CAP, Study};
use crate::report::figure::Figure;
use crate::report::format::NONE;
use crate::report::html::escape;
use crate::report::page::Page;

const HEADING: &str = "The cost at which it dies";
const BREAK_EVEN: &str = "break_even_bps";

/// Where a figure falls to zero along the cost, with all other settings as in a scenario.
pub(super) fn crossing(study: &Study, figure: &[f64], cost: usize, row: usize) -> Crossing {
    Crossing::of(study.numbers(cost).unwrap_or_default(), &study.along(figure, cost, row))
}

/// A cost that was interpolated: three digits say all that is known.
pub(super) fn short(cost: f64) -> String {
    let decimals = (2.0 - cost.abs().max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
    shown(cost, As::Plain(decimals))
}

/// A cost that was tried, as it is written.
pub(super) fn tried(study: &Study, cost: usize, value: f64) -> String {
    labels::level(study.name(cost), value)
}

/// Adds the figure and its table.
pub(super) fn add(page: &mut Page, study: &Study) {
    let (cap, cost) = (study.cap(), study.cost());
    let (Some(cap), Some(base)) = (cap, study.base) else {
        return page.missing(HEADING, &format!("{CAP} does not vary: there is no line to draw against it."));
    };
    let rows = study.sweep.along(cap, base.row);
    if rows.iter().flatten().count() < 2 {
        return page.missing(
            HEADING,
            "The list has no two scenarios that differ in the turnover cap alone around the base.",
        );
    }
    let labels = study.labels(cap);
    let of = |name: &str| -> Vec<Crossing> {
        let (figure, cost) = (study.figure(name), cost.filter(|_| study.full));
        let at = |row: &Option<usize>| {
            row.zip(cost).map_or(Crossing::Undefined, |(row, cost)| crossing(study, &figure, cost, row))
        };
        rows.iter().map(at).collect()
    };
    let (returns, ratios) = (of("net_annual_return"), of("net_sharpe"));
    let own = study.along(&study.figure(BREAK_EVEN), cap, base.row);
    let drawn = |crossings: &[Crossing]| -> Vec<f64> {
        crossings.iter().map(|crossing| crossing.place().unwrap_or(f64::NAN)).collect()
    };
    let name = cost.map(|cost| study.name(cost));
    let in_bps = name.is_none_or(|name| name.ends_with("_bps"));
    let (ratios_at, returns_at) = (drawn(&ratios), drawn(&returns));
    let mut lines = vec![("net annual return is 0", returns_at), ("net Sharpe ratio is 0", ratios_at)];
    if in_bps {
        lines.push(("break-even of the trades as they were", own.clone()));
    }
    lines.retain(|(_, line)| line.iter().any(|value| value.is_finite()));
    page.section(HEADING);
    let unit = if in_bps {
        "bps".to_owned()
    } else {
        name.map(|name| escape(&labels::title(name))).unwrap_or_default()
    };
    if lines.is_empty() {
        page.html("<p class=\"missing\">No line falls to zero inside the costs that were tried.</p>\n");
    } else {
        let mut figure = Figure::along(&study.title(cap), ".3~s");
        for (at, (name, line)) in lines.iter().enumerate() {
            figure.level_line(at, name, &labels, line, (".4~g", if in_bps { " bps" } else { "" }));
        }
        page.figure(&format!("Cost at which nothing is left, by turnover cap; {unit}"), figure);
    }
    let mut table = String::new();
    for (at, label) in labels.iter().enumerate() {
        let crossings =
            [&returns, &ratios].map(|crossings| format!("<td>{}</td>", told(study, cost, crossings[at])));
        let own = shown(own[at], As::Plain(0));
        table += &format!("<tr><th scope=\"row\">{label}</th>{}<td>{own}</td></tr>\n", crossings.concat());
    }
    page.table(&["turnover cap", "return is 0 at", "Sharpe is 0 at", "break-even, bps"], "plain", &table);
    let others: Vec<usize> = study.varied().into_iter().filter(|axis| *axis != cap).collect();
    let with = match others.is_empty() {
        true => String::new(),
        false => format!(" Other settings: {}.", study.spoken_of(&others, base.row)),
    };
    let named = cost.map_or_else(String::new, |cost| format!(
        "The first two are values of {}, on a straight line between those that were tried: at each the strategy has \
         traded less, or otherwise. ", study.title(cost)));
    page.html(&format!(
        "<p class=\"small\">{named}Break-even is what all costs together could take of each unit traded before the \
         trades of the one run at the base had earned nothing.{with}</p>\n"
    ));
}

fn told(study: &Study, cost: Option<usize>, crossing: Crossing) -> String {
    match crossing {
        Crossing::At(place) => short(place),
        Crossing::Idle { above, at } => match cost {
            Some(cost) => format!("{} to {}: no trades", tried(study, cost, above), tried(study, cost, at)),
            None => NONE.to_owned(),
        },
        Crossing::Beyond(level) => match cost {
            Some(cost) => format!("beyond {}", tried(study, cost, level)),
            None => NONE.to_owned(),
        },
        Crossing::Before => "never above 0".to_owned(),
        Crossing::Undefined => NONE.to_owned(),
    }
}
