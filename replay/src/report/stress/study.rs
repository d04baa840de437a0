//! Scenarios of a folder, as the sections of the report read them.

use std::fs;
use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{Scenarios, Setting, read_scenarios};
use betaflow_engine::strategy::TargetKind;
use betaflow_engine::sweep::{Anchor, Axis, Robust, Sweep};

use crate::report::figure::CellFrame;
use crate::report::{labels, number, read_summary, read_text, settings_table};
use crate::summary::{StressSummary, candidates};

/// Figure by which the best scenario is chosen.
pub(super) const OBJECTIVE: &str = "net_sharpe";
pub(super) const OBJECTIVE_TITLE: &str = "net Sharpe ratio";
pub(super) const CAP: &str = "sizing.turnover_cap";
/// Settings that are a cost, in order of preference for the headline.
const COSTS: [&str; 3] =
    ["execution.half_spread_bps", "execution.commission_bps", "execution.impact_coefficient"];

/// A stress run.
pub(super) struct Study {
    pub(super) summary: StressSummary,
    /// Text of `run.toml`.
    pub(super) settings: String,
    /// Text of `grid.toml`.
    pub(super) grid: Option<String>,
    pub(super) scenarios: Scenarios,
    pub(super) sweep: Sweep,
    /// True if the scenarios are all combinations of the levels.
    pub(super) full: bool,
    /// Axes of the environment that vary, if the candidates are in one environment; else empty.
    pub(super) environment_axes: Vec<usize>,
    /// Scenario in the environment of the candidates.
    pub(super) environment: Option<Anchor>,
    /// True if the candidates are in one environment; otherwise no two scenarios have the same one.
    pub(super) one_environment: bool,
    /// Number of candidates.
    pub(super) candidates: usize,
    /// True for each candidate: a choice in the environment of the configuration that was not ruined.
    pub(super) is_candidate: Vec<bool>,
    /// Days in a year, by which turnover a day becomes turnover a year.
    pub(super) days_per_year: f64,
    /// Net Sharpe ratios.
    pub(super) objective: Vec<f64>,
    pub(super) best: Option<usize>,
    pub(super) robust: Option<Robust>,
    /// Scenario of the configuration, or the nearest one.
    pub(super) base: Option<Anchor>,
    titles: Vec<String>,
    labels: Vec<Vec<String>>,
}

impl Study {
    /// True if the engine sizes the forecasts of the configured strategy; false if it sets target weights.
    pub(super) fn sizes_forecasts(&self) -> bool {
        let table = self.settings.parse::<toml::Table>().unwrap_or_default();
        let kind = table.get("strategy").and_then(|strategy| strategy.get("kind")?.as_str());
        kind.and_then(betaflow_strategies::find).is_none_or(|entry| entry.targets == TargetKind::Expected)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// A file of the folder is missing, or was changed after betaflow wrote it.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let summary: StressSummary = read_summary(folder)?;
        let scenarios = read_scenarios(folder)?;
        let candidates = candidates(&scenarios.settings, &summary.study.base, labels::level);
        let candidates = candidates.without((0..scenarios.len()).map(|row| scenarios.is_ruined(row)));
        let objective = scenarios.figure(OBJECTIVE)?.to_vec();
        let is_candidate = (0..scenarios.len()).map(|row| candidates.contains(row)).collect();
        let settings = read_text(folder, "run.toml")?;
        let days_per_year = number(settings_table(folder, &settings)?.get("data"), "days_per_year", 252.0);
        let (best, robust) = (candidates.best(&objective), candidates.robust(&objective));
        let labels = scenarios.settings.iter().zip(candidates.sweep.axes());
        let labels = labels.map(|(setting, axis)| written(&setting.name, axis)).collect();
        Ok(Self {
            settings,
            is_candidate,
            days_per_year,
            grid: fs::read_to_string(folder.join("grid.toml")).ok(),
            full: candidates.sweep.is_full(),
            best,
            robust,
            candidates: candidates.count(),
            base: candidates.base,
            environment: candidates.environment,
            one_environment: candidates.one_environment,
            titles: titles(&scenarios.settings),
            labels,
            environment_axes: candidates.environment_axes,
            sweep: candidates.sweep,
            objective,
            summary,
            scenarios,
        })
    }

    /// Returns the dotted name of the setting of an axis.
    pub(super) fn name(&self, axis: usize) -> &str {
        &self.scenarios.settings[axis].name
    }

    /// Returns the title of the setting of an axis.
    pub(super) fn title(&self, axis: usize) -> &str {
        &self.titles[axis]
    }

    /// Returns the levels of an axis as text.
    pub(super) fn labels(&self, axis: usize) -> &[String] {
        &self.labels[axis]
    }

    /// Returns the value of a scenario on an axis as text.
    pub(super) fn label(&self, axis: usize, row: usize) -> &str {
        &self.labels[axis][self.sweep.levels(row)[axis]]
    }

    /// Returns the axes with more than one level.
    pub(super) fn varied(&self) -> Vec<usize> {
        (0..self.sweep.axes().len()).filter(|axis| self.sweep.axes()[*axis].len() > 1).collect()
    }

    /// Returns the values of all settings that vary, in one line: `turnover cap 8 %, half spread 4 bps`.
    pub(super) fn spoken(&self, row: usize) -> String {
        self.spoken_of(&self.varied(), row)
    }

    /// Returns the values of some settings, in one line.
    pub(super) fn spoken_of(&self, axes: &[usize], row: usize) -> String {
        let said = axes.iter().map(|axis| labels::spoken(self.title(*axis), self.label(*axis, row)));
        said.collect::<Vec<_>>().join(", ")
    }

    /// Returns a phrase on the environment of the candidates, such as ` with half spread 4 bps`; empty if no environment
    /// varies.
    pub(super) fn environment_phrase(&self) -> String {
        match self.environment.filter(|_| !self.environment_axes.is_empty()) {
            Some(environment) => format!(" with {}", self.spoken_of(&self.environment_axes, environment.row)),
            None => String::new(),
        }
    }

    /// Returns a figure of every scenario; all NaN if the table lacks the column.
    pub(super) fn figure(&self, name: &str) -> Vec<f64> {
        self.scenarios.figure(name).map_or_else(|_| vec![f64::NAN; self.scenarios.len()], <[f64]>::to_vec)
    }

    /// Returns true if a figure is defined in any scenario.
    pub(super) fn has(&self, name: &str) -> bool {
        self.scenarios.figure(name).is_ok_and(|values| values.iter().any(|value| value.is_finite()))
    }

    /// Returns the axis of the turnover cap, if it varies.
    pub(super) fn cap(&self) -> Option<usize> {
        self.varied().into_iter().find(|axis| self.name(*axis) == CAP && self.numbers(*axis).is_some())
    }

    /// Returns the axis of the headline cost, if one varies.
    pub(super) fn cost(&self) -> Option<usize> {
        let varied = self.varied();
        let of = |cost: &&str| {
            varied.iter().copied().find(|axis| self.name(*axis) == *cost && self.numbers(*axis).is_some())
        };
        COSTS.iter().find_map(of)
    }

    /// Returns the levels of an axis of numbers.
    pub(super) fn numbers(&self, axis: usize) -> Option<&[f64]> {
        match &self.sweep.axes()[axis] {
            Axis::Numbers(levels) => Some(levels),
            Axis::Names(_) => None,
        }
    }

    /// Returns a figure along an axis, with all other settings as in a scenario; NaN where the grid lacks the scenario.
    pub(super) fn along(&self, figure: &[f64], axis: usize, row: usize) -> Vec<f64> {
        let rows = self.sweep.along(axis, row).into_iter();
        rows.map(|row| row.map_or(f64::NAN, |row| figure[row])).collect()
    }

    /// Returns the name of the scenario nearest to the configuration.
    pub(super) fn base_name(&self) -> &'static str {
        if self.base.is_some_and(|base| base.exact) { "base" } else { "nearest to the base" }
    }

    /// Returns the named scenarios.
    pub(super) fn chosen(&self) -> [(&'static str, Option<usize>); 3] {
        let robust = self.robust.map(|robust| robust.row);
        [("best", self.best), ("robust", robust), (self.base_name(), self.base.map(|base| base.row))]
    }

    /// Returns the named scenarios as frames of a map. `place`: cell of a scenario, `None` outside the map.
    pub(super) fn framed(&self, place: impl Fn(usize) -> Option<(usize, usize)>) -> Vec<CellFrame> {
        self.chosen().map(|(name, row)| (name, row.and_then(&place))).to_vec()
    }
}

/// Returns a title for each setting: its dotted name if two would have the same title.
fn titles(settings: &[Setting]) -> Vec<String> {
    let short: Vec<String> = settings.iter().map(|setting| labels::title(&setting.name)).collect();
    let alone = |title: &String| short.iter().filter(|other| *other == title).count() == 1;
    let each = short.iter().zip(settings);
    each.map(|(title, setting)| if alone(title) { title.clone() } else { setting.name.clone() }).collect()
}

/// Returns the levels of an axis as text.
fn written(name: &str, axis: &Axis) -> Vec<String> {
    match axis {
        Axis::Numbers(levels) => levels.iter().map(|level| labels::level(name, *level)).collect(),
        Axis::Names(levels) => levels.clone(),
    }
}
