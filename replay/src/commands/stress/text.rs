//! Terminal page of `stress`: best and worst scenarios, multiple testing, resampled paths, files and warnings.

use std::path::Path;
use std::time::Duration;

use betaflow_engine::sweep::{Candidates, Robust};

use super::path_groups;
use crate::study::{Luck, RuinedScenarios, Study, StudyResults};
use crate::summary::{Rendered, add_files, environment_name, kept_holdout, paths};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped, percent};

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
    pub(super) time: Duration,
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
        let seconds = self.time.as_secs_f64();
        page.field("Count", format!("{} in {seconds:.2} s", counted(count as u64, "scenario")));
        if let Some(from) = &study.base.holdout.from {
            page.field("Hold-out", kept_holdout(from));
        }
        let environments: Vec<&str> =
            candidates.environment_axes.iter().map(|axis| study.grid.names[*axis].as_str()).collect();
        match environments.as_slice() {
            [] => {}
            [one] => _ = page.field("Environments", format!("{one} varies")),
            many => _ = page.field("Environments", format!("{} vary", many.join(", "))),
        }
        let objective: Vec<f64> = (0..count).map(|row| self.sharpe(row)).collect();
        self.add_chosen(page, &objective);
        let mut order: Vec<usize> =
            (0..count).filter(|row| !self.is_ruined(*row) && !objective[*row].is_nan()).collect();
        order.sort_by(|a, b| objective[*b].total_cmp(&objective[*a]).then(a.cmp(b)));
        if let Some(worst) = order.last() {
            let label = if order.len() < count { "Worst that traded" } else { "Worst" };
            page.field(label, format!("scenario {worst}: {}", self.figures(*worst)));
        }
        let idle = (0..count).filter(|row| !self.is_ruined(*row) && objective[*row].is_nan()).count();
        if idle > 0 {
            let scenarios = counted(idle as u64, "scenario");
            page.field("No Sharpe ratio", format!("{scenarios} made no trade, or had constant returns"));
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

    /// Adds the best and the robust candidate.
    fn add_chosen(&self, page: &mut Page, objective: &[f64]) {
        let candidates = self.candidates;
        let among = match (candidates.environment_axes.is_empty(), candidates.count()) {
            // Without a choice that varies, the only candidate is not the best of several.
            (false, 1) => return,
            (true, _) => String::new(),
            (false, count) => format!("best of the {count} choices in {}; ", environment_name(candidates)),
        };
        if let Some(best) = candidates.best(objective) {
            page.field("Best", format!("scenario {best}: {among}{}", self.figures(best)));
        }
        if let Some(Robust { row, worst, neighbours }) = candidates.robust(objective) {
            let neighbours = match neighbours {
                0 => String::new(),
                count => format!(
                    "; lowest Sharpe ratio of it and its {} {}",
                    counted(count as u64, "neighbour"),
                    decimals(worst, 2)
                ),
            };
            page.field("Robust", format!("scenario {row}: {}{neighbours}", self.figures(row)));
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
