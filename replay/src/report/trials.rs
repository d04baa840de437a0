//! Report of `luck`: the best of the trials of a file, and all of them.

use std::path::Path;

use anyhow::{Result, bail};
use betaflow_connectors::record::{CorrelationRow, TableRows};
use maud::{Markup, html};

use super::figure::{Figure, Plane};
use super::format::{NONE, count, counted, percent, plain, text};
use super::luck::{BestOfTrials, sentence_of};
use super::page::Page;
use super::{notes, read_summary};
use crate::summary::{BestTrial, TrialSummary, TrialsSummary};

/// Maximum trials of the heat map.
const HEAT_MAX: usize = 40;

/// Returns the report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or `plot` is not empty.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of `betaflow luck`, whose report draws no betas; expected that of `betaflow estimate`",
            folder.display()
        );
    }
    let summary: TrialsSummary = read_summary(folder)?;
    let mut page = Page::new("betaflow luck");
    add_lead(&mut page, &summary);
    page.contents();
    notes::add_warnings(&mut page, &summary.head);
    if let Some(best) = &summary.best {
        add_best(&mut page, &summary, best);
    }
    add_trials(&mut page, &summary);
    add_correlations(&mut page, &summary, folder)?;
    page.section("Version and definitions");
    page.add(html! {
        p { "betaflow " (text(summary.head.version.as_ref())) ". " code { "luck.parquet" } " has a row per trial, "
            code { "correlations.parquet" } " a row per pair." }
    });
    page.small(
        "Sharpe ratio: mean / sample standard deviation · √(periods a year). Deflated: probability that the true ratio is \
         above 0, given that it is the best of all trials (Bailey & López de Prado 2014). Minimum backtest length: Bailey, \
         Borwein, López de Prado & Zhu 2014. Probability of overfitting by CSCV: Bailey et al. 2017. Figures of a trial use \
         all of its returns; correlations and the probability of overfitting use the rows that all trials have.",
    );
    page.finish()
}

fn add_lead(page: &mut Page, summary: &TrialsSummary) {
    let trials = &summary.trials;
    let data = summary.head.data.clone().unwrap_or_default();
    page.add(html! {
        p {
            (counted(trials.of_this_run, "trial")) " in " code { (summary.file) } ", " (counted(data.rows, "row")) " from "
            (text(data.first.as_ref())) " to " (text(data.last.as_ref())) "; " (plain(summary.periods_per_year, 0))
            " periods a year" @if summary.periods_from_spacing { " by the spacing of the rows" } "."
        }
        @match &summary.best {
            Some(best) => {
                p.note {
                    b { (best.trial) } " has the highest Sharpe ratio: " b { (plain(best.sharpe, 2)) } " ± "
                    (plain(best.sharpe_standard_error, 2)) " (s.e.). "
                    (sentence_of(&BestOfTrials {
                        trials: trials.count.unwrap_or(trials.of_this_run),
                        years: best.years,
                        single: best.probabilistic_sharpe,
                        deflated: best.deflated.clone(),
                        overfitting: summary.overfitting.as_ref(),
                        reason: summary.overfitting_reason.as_ref(),
                    }))
                }
            },
            None => { p.missing { "No trial has a Sharpe ratio." } },
        }
    });
}

fn add_best(page: &mut Page, summary: &TrialsSummary, best: &BestTrial) {
    page.section("Best trial");
    let found = |value: &str, meaning: &str, name: &str| -> Markup {
        html! { tr { th scope="row" { (name) } td { (value) } td.meaning { (meaning) } } }
    };
    let trials = count(summary.trials.count.unwrap_or(summary.trials.of_this_run));
    let mut rows = vec![
        found(&trials, "Number of trials, those that are not in the file included.", "Trials"),
        found(
            &plain(summary.trials.expected_best_sharpe, 2),
            "Expected highest Sharpe ratio if all trials were worthless.",
            "Expected highest ratio",
        ),
        found(
            &plain(best.probabilistic_sharpe, 3),
            "Probability that the true ratio is above 0, as a single trial.",
            "Probabilistic Sharpe ratio",
        ),
        found(
            &plain(best.deflated.deflated_sharpe, 3),
            "The same probability as the best of all trials; above 0.95 is good.",
            "Deflated Sharpe ratio",
        ),
        found(
            &plain(best.deflated.min_backtest_years, 1),
            "Years below which the best of as many worthless trials is expected to reach this ratio.",
            "Minimum backtest length, years",
        ),
        found(
            &plain(best.min_backtest_years_bound, 1),
            "Upper bound 2 ln N/SR² of the minimum backtest length.",
            "Its upper bound, years",
        ),
        found(
            &plain(best.min_track_record_years, 1),
            "Years of such returns after which the probabilistic Sharpe ratio is 0.95.",
            "Minimum track record length, years",
        ),
        found(&plain(best.years, 1), "Years of returns of the trial.", "Data, years"),
    ];
    if let Some(overfitting) = &summary.overfitting {
        rows.extend([
            found(
                &plain(overfitting.probability, 2),
                "Share of the splits in which the best trial of one half is at or below the median in the other.",
                "Probability of overfitting",
            ),
            found(
                &plain(overfitting.mean_sharpe_in_sample, 2),
                "Mean Sharpe ratio of the best trial in the half in which it was chosen.",
                "Chosen, in sample",
            ),
            found(
                &plain(overfitting.mean_sharpe_out_of_sample, 2),
                "Mean Sharpe ratio of the same trial in the other half.",
                "Chosen, out of sample",
            ),
            found(
                &percent(overfitting.probability_of_loss),
                "Share of the splits in which the chosen trial loses in the other half.",
                "Probability of loss",
            ),
        ]);
    }
    page.table(&["", "value", "meaning"], "plain meanings", &rows);
}

fn add_trials(page: &mut Page, summary: &TrialsSummary) {
    page.section("All trials");
    let row = |trial: &TrialSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (trial.trial) }
                td { (plain(trial.sharpe, 2)) }
                td { (plain(trial.sharpe_standard_error, 2)) }
                td { (plain(trial.probabilistic_sharpe, 3)) }
                td { (plain(trial.deflated_sharpe, 3)) }
                td { (plain(trial.min_track_record_years, 1)) }
                td { (percent(trial.annual_return)) }
                td { (percent(trial.annual_volatility)) }
                td { (percent(trial.max_drawdown)) }
                td { (count(trial.returns)) }
                td { (plain(trial.highest_correlation, 2)) }
                td { (trial.correlated_with.as_deref().unwrap_or(NONE)) }
            }
        }
    };
    let rows: Vec<Markup> = summary.each.iter().map(row).collect();
    let header = [
        "trial",
        "Sharpe",
        "± s.e.",
        "P(SR>0)",
        "deflated",
        "track record, years",
        "annual return",
        "volatility",
        "max drawdown",
        "returns",
        "highest correlation",
        "with",
    ];
    page.sortable("All trials", &header, "plain", &rows);
    page.small("Correlation: the highest with a trial before it in the file.");
}

fn add_correlations(page: &mut Page, summary: &TrialsSummary, folder: &Path) -> Result<()> {
    const HEADING: &str = "Correlations";
    let names: Vec<String> = summary.each.iter().map(|trial| trial.trial.clone()).collect();
    if names.len() < 2 {
        return Ok(());
    }
    page.section(HEADING);
    let correlation = &summary.correlation;
    page.add(html! {
        p {
            (count(correlation.above)) " of " (counted(names.len() as u64, "trial")) " have a correlation above "
            (plain(correlation.limit, 2)) " with an earlier one, over the " (count(summary.common.count))
            " rows that all trials have."
        }
    });
    if names.len() > HEAT_MAX {
        page.absent(&format!(
            "A heat map is drawn for at most {HEAT_MAX} trials; `correlations.parquet` has all pairs."
        ));
        return Ok(());
    }
    let mut values = vec![vec![f64::NAN; names.len()]; names.len()];
    let mut pairs = TableRows::<CorrelationRow>::open(folder)?;
    let (mut trial, mut before) = (1, 0);
    // Pairs are in the order of the rows of the matrix below its diagonal.
    while let Some(pair) = pairs.next_row()? {
        if trial < names.len() {
            (values[trial][before], values[before][trial]) = (pair.correlation, pair.correlation);
        }
        before += 1;
        if before == trial {
            (trial, before) = (trial + 1, 0);
        }
    }
    let plane = Plane {
        across: ("trial".to_owned(), names.clone()),
        upwards: ("trial".to_owned(), names),
        format: ".2f",
    };
    page.figure(
        "Correlation of the trials",
        "Pearson correlation of the returns of two trials: dark blue cells are nearly the same trial.",
        Figure::of_heat(&plane, &[(values, Vec::new())], 0),
    );
    Ok(())
}
