//! What the book was exposed to, and where its return came from.

use betaflow_connectors::recorder::{layout_of, read_numbers};
use betaflow_engine::execution::CostItem;
use betaflow_engine::metrics::{Buckets, Curves as Lines, EquityCurves, Keep};
use serde_json::Value;

use super::equity::{Curves, POINTS_MAX, thinned};
use crate::report::Run;
use crate::report::figure::{Drawn, Figure, Look, Panes};
use crate::report::format::percent;
use crate::report::html::escape;
use crate::report::page::Page;

const TABLE: &str = "attribution.parquet";
const HEADING: &str = "Where the return came from";
const EXPOSURE: &str = "exposure_";
/// Columns that are no contribution.
const OTHERS: [&str; 3] = ["timestamp", "seq", "change"];
/// Contributions that are drawn as one.
const COSTS: [&str; CostItem::ALL.len()] = CostItem::NAMES;

/// Adds the figures.
pub(super) fn add(page: &mut Page, run: &Run<'_>, curves: &Curves) {
    let added = match curves {
        Ok(curves) => try_add(page, run, curves),
        Err(why) => Err(why.clone()),
    };
    if let Err(why) = added {
        page.missing(HEADING, &why);
    }
}

fn try_add(page: &mut Page, run: &Run<'_>, equity: &EquityCurves) -> Result<(), String> {
    let layout = layout_of(run.folder, TABLE).map_err(|error| error.to_string())?;
    let layout = layout.ok_or_else(|| format!("{TABLE} is not in the run folder."))?;
    let names: Vec<&str> = layout.columns.iter().map(String::as_str).collect();
    let (exposures, rest): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| name.starts_with(EXPOSURE));
    let parts: Vec<&str> = rest.into_iter().filter(|name| !OTHERS.contains(name)).collect();
    let (costs, parts): (Vec<&str>, Vec<&str>) = parts.into_iter().partition(|name| COSTS.contains(name));
    let start = run.summary["nav"]["first"].as_f64().ok_or("summary.json has no value at the start.")?;

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
    // A factor has the colour that it has among the exposures, and what is no factor one of those after them.
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
        let mut figure = Figure::panes(&Panes::One("~g"));
        for (at, (name, line)) in exposures.iter().zip(exposed).enumerate() {
            let name = escape(name.trim_start_matches(EXPOSURE));
            figure.draw(&Drawn::new(&name, &line.values, at, Look::Beside).format(".3f"));
        }
        page.figure("Betas of the book, by the estimates of the bar before", figure);
    }
    Ok(())
}

fn draw_contributions(page: &mut Page, equity: &EquityCurves, contributions: &[(&str, usize, &[f64])]) {
    let mut figure = Figure::panes(&Panes::One(".1~%"));
    figure.make_tall();
    let mut rows = String::new();
    let mut sorted: Vec<(String, f64)> = Vec::new();
    for (name, at, values) in contributions {
        let name = words(name);
        figure.draw(&Drawn::new(&name, values, *at, Look::Beside));
        sorted.push((name, values.last().copied().unwrap_or_default()));
    }
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, value) in sorted {
        rows += &format!("<tr><th scope=\"row\">{name}</th><td>{}</td></tr>\n", percent(&Value::from(value)));
    }
    let total = Value::from(contributions.iter().filter_map(|(_, _, values)| values.last()).sum::<f64>());
    rows += &format!("<tr><th scope=\"row\">net return</th><td>{}</td></tr>\n", percent(&total));
    page.figure("Contributions to the net return so far, as shares of the starting value", figure);
    page.table(&["", "of the starting value, net"], "plain", &rows);
    page.html(&format!(
        "<p class=\"small\">They add up to the change of the value. A factor's contribution is the book's beta of the \
         bar before times its return; alpha is what was forecast beside the factors, the residual what neither \
         explains; trading is the move between fill and close.{}</p>\n",
        thinned(equity, "the sum at its end")
    ));
}

/// The name of a contribution, escaped.
fn words(name: &str) -> String {
    match name.strip_prefix("factor_") {
        Some(factor) => format!("factor {}", escape(factor)),
        None => escape(&name.replace('_', " ")),
    }
}
