//! Tables of `stress` and `tune`.

use std::sync::Arc;

use betaflow_engine::ledger::hex;
use betaflow_engine::pipeline::ScenarioOutcome;
use betaflow_engine::time::TimestampNs;

use super::column::RunNames;
use super::declare::tables;
use super::field::SettingValues;

/// Values of `outcome`.
pub(super) const RUINED: &str = "ruined";
const COMPLETED: &str = "completed";

tables! {
    /// One row per scenario of `stress` or `tune`.
    ScenarioTableRow in "scenarios" from (row: &ScenarioRow, settings: SettingValues) {
        scenario: u64 = row.number as u64, "", "Number of the scenario.";
        settings: SettingValues = settings, "as the setting", "Value of the setting that varies, by its dotted name; null if the scenario leaves it unset.";
        digest: Option<Arc<str>> = row.digest.as_deref().map(Arc::<str>::from), "", "Digest of the replay; null for fixed trades.";
        outcome: Arc<str> = Arc::from(if row.ruined { RUINED } else { COMPLETED }), "", "completed, or ruined: NAV fell to 0 or below.";
        figures: Vec<f64> as "{figure}" = row.figures.iter().copied(), "as in summary.json", "Figure of the scenario.";
    }

    /// One row per scenario and frame after the first rebalance.
    ScenarioReturnRow in "scenario_returns" {
        scenario: u64, "", "Number of the scenario.";
        timestamp: TimestampNs, "", "Close of the frame's bars.";
        seq: u64, "", "Number of the frame.";
        net_return: f64, "return per frame", "Return after costs.";
        turnover: f64, "share of NAV", "Turnover of the rebalance on the frame; 0 without a rebalance.";
    }

    /// One row per test block of `tune`; a fold of several blocks has several rows.
    FoldRow in "folds" {
        fold: u64, "", "Number of the fold, from 0.";
        train_first: TimestampNs, "", "First training frame.";
        train_last: TimestampNs, "", "Last training frame; blocks in between may have been left out.";
        train_frames: u64, "frames", "Training frames.";
        test_first: TimestampNs, "", "First frame of the block.";
        test_last: TimestampNs, "", "Last frame of the block.";
        test_frames: u64, "frames", "Frames of the block.";
        scenario: u64, "", "Chosen scenario.";
        settings: SettingValues, "as the setting", "Value of the setting in the chosen scenario; null if it is unset.";
        train_score: f64, "as the objective", "Score of the chosen scenario on the training frames.";
        test_score: f64, "as the objective", "Score of the chosen scenario on the block.";
        runner_up: Option<u64>, "", "Second best scenario on the training frames; null without one.";
        runner_up_score: f64, "as the objective", "Training score of the runner-up.";
        certainty: f64, "share", "Resamples in which the best scenario on the training frames is the best.";
        train_score_standard_error: f64, "as the objective", "Standard error of the best training score.";
        within_one_error: u64, "scenarios", "Scenarios within one standard error of the best, the best included.";
        resamples: u64, "", "Bootstrap resamples.";
        train_turnover: f64, "share of NAV per frame", "Mean turnover of the chosen scenario on the training frames.";
        difference: f64, "as the objective", "Training score of the best scenario less that of the chosen one.";
        difference_standard_error: f64, "as the objective", "Standard error of the difference.";
        best_scenario: u64, "", "Best scenario on the training frames.";
        best_train_score: f64, "as the objective", "Training score of the best scenario.";
        best_train_turnover: f64, "share of NAV per frame", "Mean turnover of the best scenario on the training frames.";
    }

    /// One row per out-of-sample path and frame of `tune`; one path, several with combinatorial folds.
    OutOfSampleRow in "out_of_sample" {
        path: u64, "", "Number of the path, from 0.";
        timestamp: TimestampNs, "", "Close of the frame's bars.";
        seq: u64, "", "Number of the frame.";
        fold: u64, "", "Fold whose choice the frame tests.";
        scenario: u64, "", "Scenario chosen in that fold.";
        net_return: f64, "return per frame", "Return of the chosen scenario after costs.";
        base_net_return: f64, "return per frame", "Return of the unchanged configuration after costs.";
        hindsight_net_return: f64, "return per frame", "Return after costs of the best scenario in hindsight.";
    }
}

/// Digest, outcome and figures of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioRow {
    /// Number of the scenario.
    pub number: usize,
    /// Digest of the replay; none for fixed trades.
    pub digest: Option<String>,
    /// True if its account was ruined.
    pub ruined: bool,
    /// Figures in the order of [`ScenarioRow::names`]; NaN where one is not defined.
    pub figures: Vec<f64>,
}

impl ScenarioRow {
    /// Row of an outcome.
    #[must_use]
    pub fn of(outcome: &ScenarioOutcome) -> Self {
        let figures = figures(outcome).into_iter().map(|(_, value)| value).collect();
        let ruined = outcome.performance.ruined.is_some();
        Self { number: outcome.number, digest: outcome.digest.as_ref().map(hex), ruined, figures }
    }

    /// Names of the figures, which are those of their columns.
    #[must_use]
    pub fn names() -> Vec<String> {
        figures(&ScenarioOutcome::nothing()).into_iter().map(|(name, _)| name).collect()
    }
}

/// Names of the columns of a study: settings that vary, and whether all values of each are numbers.
pub(super) fn names(settings: &[(String, bool)]) -> RunNames {
    RunNames { settings: settings.to_vec(), figures: ScenarioRow::names(), ..RunNames::default() }
}

/// Figures of an outcome by the names of their columns.
fn figures(outcome: &ScenarioOutcome) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for (kind, figures) in [("net", &outcome.net), ("gross", &outcome.gross)] {
        all.extend(figures.all().map(|(name, value)| (format!("{kind}_{name}"), value)));
    }
    let performance = &outcome.performance;
    let excess = &performance.in_excess;
    for (kind, ratios) in [("net", excess.net), ("gross", excess.gross)] {
        all.extend(ratios.items().map(|(name, value)| (format!("{kind}_{name}"), value)));
    }
    let turnover = &performance.turnover;
    all.push(("turnover".to_owned(), turnover.mean));
    all.push(("turnover_max".to_owned(), turnover.max));
    all.push(("nav_last".to_owned(), performance.nav.map_or(f64::NAN, |(_, last)| last)));
    all.extend(performance.costs.items().map(|(name, value)| (format!("cost_{name}"), value)));
    all.push(("cost_total".to_owned(), performance.costs.total()));
    all.push(("break_even_bps".to_owned(), outcome.break_even_bps));
    all.push(("capacity_of_same_trades".to_owned(), outcome.capacity));
    all
}
