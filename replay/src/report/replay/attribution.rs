//! Factor exposures of the book, and attribution of its return.

use betaflow_connectors::record::{layout_of, read_numbers};
use betaflow_engine::execution::CostItem;
use betaflow_engine::metrics::{Buckets, Curves as Lines, Keep};
use maud::{Markup, html};

use super::equity::{Curves, Equity, POINTS_MAX, thinned};
use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::format::percent;
use crate::report::page::Page;
use crate::summary::TradingSummary;

const TABLE: &str = "attribution.parquet";
const HEADING: &str = "Attribution of the return";
const EXPOSURE: &str = "exposure_";
/// Columns without a contribution.
const OTHERS: [&str; 3] = ["timestamp", "seq", "change"];
/// Contributions that are drawn as one line.
const COSTS: [&str; CostItem::ALL.len()] = CostItem::NAMES;

/// Title of all contributions of factors together.
const FACTORS: &str = "factor";
/// Meaning of each contribution.
const MEANINGS: [(&str, &str); 7] = [
    (FACTORS, "Position value × beta estimated one bar earlier × return of the factor."),
    ("alpha", "Position value × alpha estimated one bar earlier."),
    ("residual", "Return of the positions that neither alpha nor the factors explain."),
    (
        "risk_free",
        "Position value × risk-free return, because the factor model is of returns in excess of it.",
    ),
    ("trading", "Move of the price from each fill to the close of its bar."),
    ("interest", "Interest on cash."),
    ("costs", "Commission, spread, impact, borrow and financing, as negative amounts."),
];

/// Adds the figures.
pub(super) fn add(page: &mut Page, run: &Run<'_>, trading: &TradingSummary, curves: &Curves) {
    let added = match curves {
        Ok(curves) => try_add(page, run, trading, curves),
        Err(why) => Err(why.clone()),
    };
    if let Err(why) = added {
        page.missing(HEADING, &why);
    }
}

fn try_add(page: &mut Page, run: &Run<'_>, trading: &TradingSummary, equity: &Equity) -> Result<(), String> {
    let layout = layout_of(run.folder, TABLE).map_err(|error| error.to_string())?;
    let layout = layout.ok_or_else(|| format!("{TABLE} is not in the run folder."))?;
    let names: Vec<&str> = layout.columns.iter().map(String::as_str).collect();
    let (exposures, rest): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| name.starts_with(EXPOSURE));
    let parts: Vec<&str> = rest.into_iter().filter(|name| !OTHERS.contains(name)).collect();
    let (costs, parts): (Vec<&str>, Vec<&str>) = parts.into_iter().partition(|name| COSTS.contains(name));
    let start = trading.nav.and_then(|nav| nav.first.get()).ok_or("summary.json has no NAV at the start.")?;

    // Exposures, then contributions, then all costs together.
    let mut keep = vec![Keep::Last; exposures.len()];
    keep.resize(exposures.len() + parts.len() + 1, Keep::TotalOver(start));
    let mut lines = Lines::new(Buckets::new(layout.rows, POINTS_MAX), &keep);
    let columns: Vec<&str> = exposures.iter().chain(&parts).chain(&costs).copied().collect();
    let mut row = Vec::new();
    read_numbers(run.folder, TABLE, &columns, |time, values| {
        let (single, costs) = values.split_at(keep.len() - 1);
        row.clear();
        row.extend(single.iter().map(|value| if value.is_nan() { 0.0 } else { *value }));
        row.push(costs.iter().filter(|value| !value.is_nan()).sum());
        lines.push(time, &row);
    })
    .map_err(|error| error.to_string())?;
    if lines.times != equity.times() {
        return Err(format!("The frames of {TABLE} are not those of equity.parquet."));
    }

    page.section(HEADING);
    let (exposed, parted) = lines.lines.split_at(exposures.len());
    let names = parts.iter().copied().chain(["costs"]);
    // A factor has the same colour in both figures; all other contributions have the colours after those of the factors.
    let factor = |name: &str| {
        let name = name.strip_prefix("factor_")?;
        exposures.iter().position(|exposure| exposure.strip_prefix(EXPOSURE) == Some(name))
    };
    let mut others = exposures.len();
    let mut colour = |name: &str| {
        factor(name).unwrap_or_else(|| {
            others += 1;
            others - 1
        })
    };
    let mut contributions: Vec<(&str, usize, &[f64])> =
        names.zip(parted).map(|(name, line)| (name, colour(name), &line.values[..])).collect();
    contributions.retain(|(_, _, values)| values.iter().any(|value| *value != 0.0));
    draw_contributions(page, equity, &contributions);
    if !exposed.is_empty() {
        let mut figure = Figure::panes(&Panes::One(Pane("beta, no unit", "~g")));
        for (at, (name, line)) in exposures.iter().zip(exposed).enumerate() {
            let name = name.trim_start_matches(EXPOSURE);
            figure.draw(&PaneLine::new(name, &line.values, at, LineStyle::Beside).format(".3f"));
        }
        page.figure(
            "Factor betas of the book",
            "Held weights times the betas estimated one bar earlier: 1 is the exposure of a full position in the factor, 0 none.",
            figure,
        );
    }
    Ok(())
}

fn draw_contributions(page: &mut Page, equity: &Equity, contributions: &[(&str, usize, &[f64])]) {
    let mut figure = Figure::panes(&Panes::One(Pane("contribution, % of the initial NAV", ".1~%")));
    figure.make_tall();
    let mut sorted: Vec<(String, f64)> = Vec::new();
    for (name, at, values) in contributions {
        let name = words(name);
        figure.draw(&PaneLine::new(&name, values, *at, LineStyle::Beside));
        sorted.push((name, values.last().copied().unwrap_or_default()));
    }
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total = contributions.iter().filter_map(|(_, _, values)| values.last()).sum::<f64>();
    sorted.push(("net return".to_owned(), total));
    let row = |(name, value): (String, f64)| -> Markup {
        html! { tr { th scope="row" { (name) } td { (percent(value)) } } }
    };
    let rows: Vec<Markup> = sorted.into_iter().map(row).collect();
    page.figure(
        "Cumulative contributions to the net return",
        "Each line is the part of the net return that one source has earned so far; at each time the lines sum to the total.",
        figure,
    );
    page.table(&["source", "of the initial NAV"], "plain", &rows);
    let is_drawn = |source: &str| {
        contributions
            .iter()
            .any(|(name, ..)| *name == source || source == FACTORS && name.starts_with("factor_"))
    };
    page.add(html! {
        ul.small {
            @for (source, meaning) in MEANINGS.into_iter().filter(|(source, _)| is_drawn(source)) {
                li { b { (words(source)) } ": " (meaning) }
            }
        }
    });
    page.small(format!(
        "The contributions sum to the change of NAV.{}",
        thinned(equity, "the sum at its end")
    ));
}

/// Returns the title of a contribution.
fn words(name: &str) -> String {
    match name.strip_prefix("factor_") {
        Some(factor) => format!("factor {factor}"),
        None => name.replace('_', " "),
    }
}
