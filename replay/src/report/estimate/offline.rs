//! Results of offline estimation: EM, smoothing, and rolling regressions beside the filter.

use maud::{Markup, html};

use super::headline::number;
use crate::report::format::{count, counted, plain};
use crate::report::page::Page;
use crate::summary::{OfflineSummary, WindowSummary};

/// Adds a section if the run estimated offline. Its results use later data and do not trade.
pub(super) fn add(page: &mut Page, offline: &OfflineSummary) {
    let OfflineSummary { smooth, em, compare } = offline;
    if smooth.is_none() && em.is_none() && compare.is_none() {
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
}
