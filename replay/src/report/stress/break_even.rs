//! Break-even cost by turnover cap.

use betaflow_engine::sweep::Crossing;
use maud::{Markup, html};

use super::study::{CAP, Study};
use crate::report::figure::Figure;
use crate::report::format::NONE;
use crate::report::labels::{self, Unit, shown};
use crate::report::page::Page;

const HEADING: &str = "Break-even cost by turnover cap";
const BREAK_EVEN: &str = "break_even_bps";

/// Returns the cost at which a figure falls to zero, with all other settings as in a scenario.
pub(super) fn crossing(study: &Study, figure: &[f64], cost: usize, row: usize) -> Crossing {
    Crossing::of(study.numbers(cost).unwrap_or_default(), &study.along(figure, cost, row))
}

/// Returns an interpolated cost with three digits.
pub(super) fn short(cost: f64) -> String {
    let decimals = (2.0 - cost.abs().max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
    shown(cost, Unit::Plain(decimals))
}

/// Returns a cost of the grid as text.
pub(super) fn tried(study: &Study, cost: usize, value: f64) -> String {
    labels::level(study.name(cost), value)
}

/// Adds the figure and its table.
pub(super) fn add(page: &mut Page, study: &Study) {
    let (cap, cost) = (study.cap(), study.cost());
    let (Some(cap), Some(base)) = (cap, study.base) else {
        return page
            .missing(HEADING, &format!("`{CAP}` does not vary: there is no line to draw against it."));
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
        lines.push(("break-even cost of the same trades", own.clone()));
    }
    lines.retain(|(_, line)| line.iter().any(|value| value.is_finite()));
    page.section(HEADING);
    let unit = if in_bps { "bps".to_owned() } else { name.map(labels::title).unwrap_or_default() };
    if lines.is_empty() {
        page.absent("No figure falls to zero at the costs of the grid.");
    } else {
        let mut figure = Figure::along(study.title(cap), (&format!("break-even cost, {unit}"), ".3~s"));
        for (at, (name, line)) in lines.iter().enumerate() {
            figure.level_line(at, name, labels, line, (".4~g", if in_bps { " bps" } else { "" }));
        }
        page.figure(
            "Break-even cost by turnover cap",
            "Cost at which the figure of each line falls to 0: the higher it is above the real cost, the safer is the result.",
            figure,
        );
    }
    let row = |(at, label): (usize, &String)| -> Markup {
        html! {
            tr {
                th scope="row" { (label) }
                @if let Some(above) = idle_above(returns[at], ratios[at]) {
                    td colspan="2" { (no_trades(study, cost, above)) ": no zero crossing" }
                } @else {
                    td { (described(study, cost, returns[at])) }
                    td { (described(study, cost, ratios[at])) }
                }
                td { (shown(own[at], Unit::Plain(0))) }
            }
        }
    };
    let rows: Vec<Markup> = labels.iter().enumerate().map(row).collect();
    page.table(&["turnover cap", "return is 0 at", "Sharpe is 0 at", "break-even, bps"], "plain", &rows);
    let others: Vec<usize> = study.varied().into_iter().filter(|axis| *axis != cap).collect();
    page.small(html! {
        @if let Some(cost) = cost {
            "The first two columns are values of " (study.title(cost)) ", interpolated linearly between those of the grid; "
            "each scenario has its own trades, because sizing uses the cost. "
        }
        "The last column is the cost of a unit of turnover at which the trades of each cap, at the cost of the base, earn "
        "nothing."
        @if !others.is_empty() { " Other settings: " (study.spoken_of(&others, base.row)) "." }
    });
}

/// Returns a crossing as text.
fn described(study: &Study, cost: Option<usize>, crossing: Crossing) -> String {
    match (crossing, cost) {
        (Crossing::At(place), _) => short(place),
        (Crossing::Idle { above, .. }, _) => no_trades(study, cost, above),
        (Crossing::Beyond(level), Some(cost)) => format!("above {}", tried(study, cost, level)),
        (Crossing::Before, _) => "never above 0".to_owned(),
        (Crossing::Beyond(_), None) | (Crossing::Undefined, _) => NONE.to_owned(),
    }
}

/// Returns the last cost with trades if the strategy stops trading before either figure falls to zero. The Sharpe ratio is
/// not defined without trades.
fn idle_above(returns: Crossing, ratios: Crossing) -> Option<f64> {
    match (returns, ratios) {
        (Crossing::Idle { above, .. }, Crossing::Beyond(last)) if last == above => Some(above),
        (Crossing::Idle { above, .. }, Crossing::Idle { above: last, .. }) if last == above => Some(above),
        _ => None,
    }
}

fn no_trades(study: &Study, cost: Option<usize>, above: f64) -> String {
    match cost {
        Some(cost) => {
            format!("no trades above {}", labels::spoken_value(study.title(cost), &tried(study, cost, above)))
        }
        None => NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_trading_is_one_fact_for_return_and_sharpe_ratio() {
        let idle = Crossing::Idle { above: 100.0, at: 200.0 };
        assert_eq!(idle_above(idle, Crossing::Beyond(100.0)), Some(100.0));
        assert_eq!(idle_above(idle, idle), Some(100.0));
        for ratios in [Crossing::Beyond(50.0), Crossing::At(70.0), Crossing::Undefined] {
            assert_eq!(idle_above(idle, ratios), None);
        }
        assert_eq!(idle_above(Crossing::Beyond(200.0), Crossing::Beyond(200.0)), None);
    }
}
