//! Multiple testing. Each section that shows the best of many trials also shows its deflated Sharpe ratio.

use maud::{Markup, html};

use super::format::{NONE, count, counted, plain};
use super::prose::prose;
use crate::summary::{DeflatedLuck, LuckSummary, Number, OverfittingSummary, overfitting_by_chance};

/// Title, decimals and figure of a row of a table of chosen scenarios.
pub(super) type Row = (&'static str, usize, fn(&crate::summary::ChosenLuck) -> Number);

/// Rows of a table of chosen scenarios.
pub(super) const ROWS: [Row; 3] = [
    ("Probabilistic Sharpe ratio, single trial", 2, |chosen| chosen.probabilistic_sharpe),
    ("Deflated Sharpe ratio", 2, |chosen| chosen.deflated().deflated_sharpe),
    ("Minimum backtest length, years", 1, |chosen| chosen.deflated().min_backtest_years),
];

/// The best of many trials.
pub(super) struct BestOfTrials<'a> {
    /// Number of trials.
    pub(super) trials: u64,
    /// Years of returns.
    pub(super) years: Number,
    /// Probability that the true ratio is above 0, as a single trial.
    pub(super) single: Number,
    pub(super) deflated: DeflatedLuck,
    pub(super) overfitting: Option<&'a OverfittingSummary>,
    /// Reason why `overfitting` is missing.
    pub(super) reason: Option<&'a String>,
}

/// Returns the deflated Sharpe ratio and the minimum backtest length of the best, in words; `None` if the summary
/// has no trials.
pub(super) fn sentence(luck: &LuckSummary) -> Option<Markup> {
    let best = luck.best.as_ref()?;
    Some(sentence_of(&BestOfTrials {
        trials: luck.trials.count?,
        years: luck.years,
        single: best.probabilistic_sharpe,
        deflated: best.deflated(),
        overfitting: luck.overfitting.as_ref(),
        reason: luck.overfitting_reason.as_ref(),
    }))
}

/// Returns [`sentence`] for the best of any trials.
pub(super) fn sentence_of(best: &BestOfTrials<'_>) -> Markup {
    let single = plain(best.single, 2);
    if best.trials == 1 {
        return html! {
            "It is " b { "one trial" } ": nothing was chosen by its result, so nothing is deflated. P(SR>0) = "
            b { (single) } "."
        };
    }
    let DeflatedLuck { deflated_sharpe, deflated_sharpe_reason, min_backtest_years: needed } = &best.deflated;
    html! {
        @if deflated_sharpe.get().is_some() {
            "As the best of " b { (count(best.trials)) " trials" } ": P(SR>0) = " b { (plain(*deflated_sharpe, 2)) }
            " (deflated Sharpe ratio); as a single trial " (single) "."
        } @else {
            "It is the best of " b { (count(best.trials)) " trials" } " and has no deflated Sharpe ratio: "
            (prose(deflated_sharpe_reason.as_deref().unwrap_or(NONE))) "; as a single trial P(SR>0) = " (single) "."
        }
        @if let (Some(least), Some(years)) = (needed.get(), best.years.get()) {
            " Minimum backtest length " (plain(least, 1)) " years, data " (plain(years, 1)) " years: "
            @if years < least { b { "too short" } } @else { "long enough" } "."
        }
        " " (overfitting(best))
    }
}

/// Returns the probability that the best of one half of the data is below the median in the other.
fn overfitting(best: &BestOfTrials<'_>) -> Markup {
    html! {
        @if let Some(found) = best.overfitting {
            "Probability of backtest overfitting: " b { (plain(found.probability, 2)) } " (" (count(found.trials))
            " trials, " (count(found.splits)) " splits of " (found.blocks) " blocks; " (plain(overfitting_by_chance(found.trials), 2)) " for worthless trials)."
        } @else {
            "Probability of backtest overfitting: not defined, "
            (prose(best.reason.map_or(NONE, String::as_str))) "."
        }
    }
}

/// Returns a paragraph on the count of the trials.
pub(super) fn counting(luck: &LuckSummary) -> Option<Markup> {
    let trials = &luck.trials;
    trials.count?;
    let log = &luck.ledger;
    Some(html! {
        "A trial is a distinct choice; it counts once, in however many environments it was tried: "
        (count(trials.of_this_run)) " of this run"
        @match &log.file {
            Some(file) => {
                ", and those of " (counted(log.runs_before, "earlier run")) " on the same data in " code { (file) } ". "
            },
            None => ", without a log of earlier runs. ",
        }
        (count(trials.measured)) " of them were measured in this environment; if all were worthless, the expected highest "
        "Sharpe ratio would be " (plain(trials.expected_best_sharpe, 2)) ". Ratios are of the last " (count(luck.frames))
        " returns that all trials have."
        @if let Some(problem) = &log.problem { " " (prose(problem)) "." }
    })
}
