//! Terminal page of `stress`: best and worst scenarios, multiple testing, resampled paths, files and warnings.

use std::path::Path;
use std::time::Instant;

use betaflow_engine::sweep::Candidates;

use super::path_groups;
use crate::study::{Luck, RuinedScenarios, Study, StudyResults};
use crate::summary::{Rendered, add_files, environment_name, kept_holdout, paths};
use crate::terminal::{NONE, Page, Table, decimals, grouped, percent};

/// Scenarios of the table: those with the highest and those with the lowest net Sharpe ratio.
const SHOWN: (usize, usize) = (6, 3);
/// Files of the run folder.
const FILES: [(&str, &str); 6] = [
    ("report.html", "maps of Sharpe ratio, return and drawdown over the settings"),
    ("scenarios.parquet", "a row for each scenario: settings, digest and figures"),
    ("scenario_returns.parquet", "net return of each scenario on each bar"),
    ("summary.json", "best, robust and configured scenario, multiple testing"),
    ("grid.toml", "the scenarios; `--grid` runs them again"),
    ("run.toml", "all other settings"),
];

/// A finished stress study.
pub(super) struct Finished<'a> {
    pub(super) study: &'a Study,
    pub(super) results: &'a StudyResults,
    pub(super) candidates: &'a Candidates,
    pub(super) luck: &'a Luck,
    pub(super) ruined: &'a RuinedScenarios,
    pub(super) warnings: &'a [Rendered],
    pub(super) started: Instant,
}

impl Finished<'_> {
    /// Returns the page. `out`: the run folder.
    pub(super) fn page(&self, out: &Path) -> Page {
        let mut page = Page::default();
        let ruined = self.ruined.warning();
        if let Some(ruined) = &ruined {
            page.alert(&ruined.text);
        }
        self.add_scenarios(&mut page);
        page.append(self.luck.page());
        if let [rows] = &path_groups(self.study, self.candidates)[..] {
            let figure = |name: &str, row: usize| self.results.outcomes[row].figure(name);
            page.append(paths::page(rows, figure, |row| self.is_ruined(row)));
        }
        add_files(&mut page, out, &FILES, None);
        let listed = self.warnings.iter().filter(|warning| ruined.as_ref() != Some(*warning));
        page.notices("Warnings", listed.map(|warning| (warning.code, warning.text.as_str())));
        page
    }

    fn is_ruined(&self, row: usize) -> bool {
        self.results.outcomes[row].row.ruined
    }

    fn sharpe(&self, row: usize) -> f64 {
        self.results.outcomes[row].figure("net_sharpe")
    }

    fn add_scenarios(&self, page: &mut Page) {
        let Self { study, results, candidates, .. } = self;
        let count = results.outcomes.len();
        page.section(format!("Scenarios of {}", study.base.strategy_kind()));
        let seconds = self.started.elapsed().as_secs_f64();
        page.field("Count", format!("{} scenarios in {seconds:.2} s", grouped(count as f64)));
        if let Some(from) = &study.base.holdout.from {
            page.field("Hold-out", kept_holdout(from));
        }
        let objective: Vec<f64> = (0..count).map(|row| self.sharpe(row)).collect();
        if let Some(best) = candidates.best(&objective) {
            let among = match (candidates.environment_axes.is_empty(), candidates.count()) {
                (true, _) => String::new(),
                (false, 1) => format!(" in {} (no choice varies)", environment_name(candidates)),
                (false, count) => format!(", of {count} choices in {}", environment_name(candidates)),
            };
            page.field("Best", format!("scenario {best}{among}: {}", self.figures(best)));
        }
        let mut order: Vec<usize> =
            (0..count).filter(|row| !self.is_ruined(*row) && !objective[*row].is_nan()).collect();
        order.sort_by(|a, b| objective[*b].total_cmp(&objective[*a]).then(a.cmp(b)));
        if let Some(worst) = order.last() {
            let label = if order.len() < count { "Worst survivor" } else { "Worst" };
            page.field(label, format!("scenario {worst}: {}", self.figures(*worst)));
        }
        let mut table = Table::new(["Scenario", "Net Sharpe", "Annual return", "Max. drawdown", "Settings"])
            .words([4])
            .optional([3]);
        let (first, last) = SHOWN;
        let shown = match order.len() > first + last {
            true => [&order[..first], &order[order.len() - last..]].concat(),
            false => order.clone(),
        };
        for row in &shown {
            let outcome = &results.outcomes[*row];
            table.row([
                outcome.row.number.to_string(),
                decimals(self.sharpe(*row), 2),
                percent(outcome.figure("net_annual_return")),
                percent(outcome.figure("net_max_drawdown")),
                self.settings(*row),
            ]);
        }
        let environments = if candidates.environment_axes.is_empty() { "" } else { ", in all environments" };
        page.section(format!("Highest and lowest net Sharpe ratios{environments}"));
        page.table(table);
        if count > shown.len() {
            page.text(format!("… {} more rows in scenarios.parquet", grouped((count - shown.len()) as f64)));
        }
    }

    fn figures(&self, row: usize) -> String {
        let annual_return = percent(self.results.outcomes[row].figure("net_annual_return"));
        format!("net Sharpe ratio {}, annual return {annual_return}", decimals(self.sharpe(row), 2))
    }

    fn settings(&self, row: usize) -> String {
        match self.study.grid.sets(self.results.outcomes[row].row.number).join(", ") {
            sets if sets.is_empty() => NONE.to_owned(),
            sets => sets,
        }
    }
}
