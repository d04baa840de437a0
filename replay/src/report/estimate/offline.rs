//! Results of offline estimation: EM, smoothing, and rolling regressions beside the filter.

use maud::{Markup, html};

use super::headline::number;
use crate::report::format::{count, counted, plain};
use crate::report::page::Page;
use crate::summary::{OfflineSummary, RiskComparisonSummary, RiskModelSummary, WindowSummary};

/// Adds a section if the run estimated offline. Its results use later data and do not trade.
pub(super) fn add(page: &mut Page, offline: &OfflineSummary) {
    let OfflineSummary { smooth, em, compare, compare_risk } = offline;
    if smooth.is_none() && em.is_none() && compare.is_none() && compare_risk.is_none() {
        return;
    }
    page.section("Offline estimation");
    if let Some(em) = em {
        page.add(html! {
            p {
                "Expectation maximisation (EM): " (count(em.converged)) " of " (counted(em.instruments, "instrument"))
                " converged within " (counted(u64::from(em.steps_max), "step")) "; log-likelihood " (plain(em.log_likelihood_first, 1)) " before the first step, "
                (plain(em.log_likelihood, 1)) " after the last."
            }
        });
    }
    if let Some(smooth) = smooth {
        page.add(html! {
            p {
                code { "smoothed.parquet" } " has the smoothed coefficients, model " code { (smooth.model) }
                @if let Some(discount) = smooth.discount_factor { ", discount factor " (discount) }
                @if let Some(parameters) = &smooth.parameters { ", parameters of " code { (parameters) } }
                ". Each uses the data of all frames, the later ones too."
            }
        });
    }
    if let Some(windows) = compare {
        let row = |window: &WindowSummary| -> Markup {
            html! {
                tr {
                    th scope="row" { (window.window) }
                    td { (number(window.hedged_r2)) }
                    td { (number(window.filter_hedged_r2)) }
                    td { (count(window.forecasts)) }
                }
            }
        };
        let rows: Vec<Markup> = windows.iter().map(row).collect();
        page.table(
            &["window, days", "hedged R², regression", "hedged R², filter", "forecasts"],
            "plain",
            &rows,
        );
        page.small(
            "Rolling regression of each window beside the filter, on the same forecasts: the higher hedged R² explains more.",
        );
    }
    if let Some(risk) = compare_risk {
        add_risk(page, risk);
    }
}

/// Adds the comparison of risk models.
fn add_risk(page: &mut Page, risk: &RiskComparisonSummary) {
    let row = |row: &RiskModelSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (row.portfolios.replace('_', " ")) }
                td { (row.model.replace('_', " ")) }
                td { (plain(row.figures.qlike, 4)) }
                td { (plain(row.figures.bias, 3)) }
                td { (count(row.figures.frames)) }
            }
        }
    };
    // Rows of one kind of portfolio are together.
    let mut rows: Vec<&RiskModelSummary> = risk.models.iter().collect();
    rows.sort_by(|a, b| a.portfolios.cmp(&b.portfolios));
    let rows: Vec<Markup> = rows.into_iter().map(row).collect();
    page.table(&["portfolios", "model", "QLIKE", "bias", "predictions"], "plain", &rows);
    page.small(
        "Predicted variance of the next return of portfolios drawn every 21 frames, by the model of sizing and by covariances \
         of the last 252 frames. QLIKE: mean of ln σ² + r²/σ², lower is better. Bias statistic: standard deviation of r/σ, 1 is \
         a true risk.",
    );
}
