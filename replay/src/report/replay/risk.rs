//! Predicted volatility of the book, its accuracy, and the ex-ante attribution of risk.

use betaflow_connectors::record::{layout_of, read_numbers};
use betaflow_engine::metrics::{Buckets, Curves as Lines, Keep};
use maud::{Markup, html};

use super::equity::{Curves, Equity, POINTS_MAX, TABLE, thinned};
use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::format::{percent, plain};
use crate::report::page::Page;
use crate::summary::{RiskFiguresSummary, RiskSummary};

const HEADING: &str = "Predicted risk";
const COLUMN: &str = "predicted_volatility";

/// Adds the figure and both tables.
pub(super) fn add(page: &mut Page, run: &Run<'_>, risk: Option<&RiskSummary>, curves: &Curves) {
    let Some(risk) = risk.filter(|risk| risk.total.frames > 0) else {
        return page.missing(HEADING, "No frame has a predicted volatility.");
    };
    page.section(HEADING);
    if let Ok(equity) = curves
        && let Err(why) = draw(page, run, equity)
    {
        page.absent(&why);
    }
    add_accuracy(page, risk);
    add_attribution(page, risk);
}

fn draw(page: &mut Page, run: &Run<'_>, equity: &Equity) -> Result<(), String> {
    let layout = layout_of(run.folder, TABLE).map_err(|error| error.to_string())?;
    let rows = layout.map_or(0, |layout| layout.rows);
    let mut lines = Lines::new(Buckets::new(rows, POINTS_MAX), &[Keep::Last]);
    read_numbers(run.folder, TABLE, &[COLUMN], |time, values| lines.push(time, values))
        .map_err(|error| error.to_string())?;
    let mut figure = Figure::panes(&Panes::One(Pane("volatility, % a year", ".0%")));
    let predicted = lines.lines.first().ok_or("no predicted volatility")?;
    figure.draw(&PaneLine::new("predicted", &predicted.values, 0, LineStyle::Main).format(".2%"));
    page.figure(
        "Predicted volatility of the book",
        "Volatility of the next return, from the positions held and the factor covariance and residual variances of the time.",
        figure,
    );
    page.small(thinned(equity, "the value at its end").trim_start().to_owned());
    Ok(())
}

fn add_accuracy(page: &mut Page, risk: &RiskSummary) {
    let row = |name: &str, figures: &RiskFiguresSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (name) }
                td { (figures.frames) }
                td { (percent(figures.predicted_volatility)) }
                td { (percent(figures.realised_volatility)) }
                td { (plain(figures.bias, 2)) }
                td { (plain(figures.qlike, 3)) }
            }
        }
    };
    let mut rows = vec![row("all", &risk.total)];
    let terciles = ["lowest predicted third", "middle third", "highest predicted third"];
    rows.extend(terciles.iter().zip(&risk.by_tercile).map(|(name, figures)| row(name, figures)));
    rows.extend(risk.by_year.iter().map(|year| row(&year.year.to_string(), &year.figures)));
    page.table(&["frames", "count", "predicted", "realised", "bias", "QLIKE"], "plain", &rows);
    page.small(
        "Bias statistic: standard deviation of the net return in units of its predicted volatility; 1 is a true risk, above 1 a \
         risk predicted too low. QLIKE: mean of ln σ² + r²/σ²; lower is better."
            .to_owned(),
    );
}

fn add_attribution(page: &mut Page, risk: &RiskSummary) {
    let rows: Vec<Markup> = risk
        .attribution
        .iter()
        .map(|part| {
            html! {
                tr {
                    th scope="row" { (part.factor) }
                    td { (plain(part.mean.exposure, 3)) }
                    td { (percent(part.mean.share)) }
                    td { (plain(part.last.exposure, 3)) }
                    td { (percent(part.last.share)) }
                }
            }
        })
        .collect();
    page.table(
        &["source of risk", "mean exposure", "share of variance", "last exposure", "share of variance"],
        "plain",
        &rows,
    );
    page.small(
        "Contribution of a factor to the predicted variance: its exposure times the covariance of its return with that of all \
         factor exposures. The shares add up to 1; a negative share is a hedge. `risk.parquet` has every recorded frame."
            .to_owned(),
    );
}
