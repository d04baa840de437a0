//! The scenarios of a folder, as the sections of the report look at them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use betaflow_connectors::recorder::{Scenarios, Setting, Values, read_scenarios};
use betaflow_engine::sweep::{self, Anchor, Axis, Robust, Sweep};
use serde_json::Value;

use super::words;
use crate::report::figure::Framed;
use crate::report::html::escape;
use crate::scenarios::is_choice;

/// What the best scenario is best in.
pub(super) const OBJECTIVE: &str = "net_sharpe";
pub(super) const OBJECTIVE_TITLE: &str = "net Sharpe ratio";
pub(super) const CAP: &str = "sizing.turnover_cap";
/// Settings that are a cost, the one that is spoken of first.
const COSTS: [&str; 3] =
    ["execution.half_spread_bps", "execution.commission_bps", "execution.impact_coefficient"];
/// What a value is called that a scenario leaves unset.
const UNSET: &str = "unset";

/// A stress run, read.
pub(super) struct Study {
    pub(super) summary: Value,
    /// `run.toml` as it stands there.
    pub(super) settings: String,
    /// `grid.toml` as it stands there.
    pub(super) grid: Option<String>,
    pub(super) scenarios: Scenarios,
    pub(super) sweep: Sweep,
    /// Whether the scenarios are all combinations of the levels.
    pub(super) full: bool,
    /// The axes of what is no choice, where the best is sought at their base values alone.
    pub(super) held: Vec<usize>,
    /// Scenarios among which the best is sought.
    pub(super) candidates: usize,
    /// Net Sharpe ratios.
    pub(super) objective: Vec<f64>,
    pub(super) best: Option<usize>,
    pub(super) robust: Option<Robust>,
    /// The scenario of the configuration itself, or the nearest.
    pub(super) base: Option<Anchor>,
    titles: Vec<String>,
    labels: Vec<Vec<String>>,
}

impl Study {
    /// Reads a folder.
    ///
    /// # Errors
    /// A file of it is missing, or not as betaflow wrote it.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| {
                format!(
                    "{}: cannot be read; expected it in the folder of a stress run of betaflow",
                    path.display()
                )
            })
        };
        let summary: Value = serde_json::from_str(&text("summary.json")?).with_context(|| {
            format!("{}: is not as betaflow wrote it", folder.join("summary.json").display())
        })?;
        let scenarios = read_scenarios(folder)?;
        let columns = scenarios.settings.iter().map(axis).collect();
        let sweep = Sweep::new(columns);
        let base = scenarios.settings.iter().zip(sweep.axes());
        let base: Vec<_> =
            base.map(|(setting, axis)| wanted(&summary["base"][&setting.name], axis)).collect();
        let objective = scenarios.figure(OBJECTIVE)?.to_vec();
        let labels = scenarios.settings.iter().zip(sweep.axes());
        let base = sweep.anchor(&base);
        let held = held(&scenarios.settings, &sweep, base);
        let may = |row: usize| {
            let levels = |row: usize, axis: &usize| sweep.levels(row)[*axis];
            base.is_none_or(|base| held.iter().all(|axis| levels(row, axis) == levels(base.row, axis)))
        };
        Ok(Self {
            settings: text("run.toml")?,
            grid: fs::read_to_string(folder.join("grid.toml")).ok(),
            full: sweep.is_full(),
            best: sweep.best(&objective, may),
            robust: sweep.robust(&objective, may),
            candidates: (0..sweep.rows()).filter(|row| may(*row)).count(),
            base,
            titles: titles(&scenarios.settings),
            labels: labels.map(|(setting, axis)| written(&setting.name, axis)).collect(),
            held,
            objective,
            summary,
            scenarios,
            sweep,
        })
    }

    /// Name of the setting of an axis.
    pub(super) fn name(&self, axis: usize) -> &str {
        &self.scenarios.settings[axis].name
    }

    /// What the setting is called, not escaped.
    pub(super) fn plain_title(&self, axis: usize) -> &str {
        &self.titles[axis]
    }

    /// What the setting is called.
    pub(super) fn title(&self, axis: usize) -> String {
        escape(&self.titles[axis])
    }

    /// The levels of an axis as they are written.
    pub(super) fn labels(&self, axis: usize) -> Vec<String> {
        self.labels[axis].iter().map(|label| escape(label)).collect()
    }

    /// A scenario's value on an axis.
    pub(super) fn label(&self, axis: usize, row: usize) -> String {
        escape(&self.labels[axis][self.sweep.levels(row)[axis]])
    }

    /// The axes with more than one level.
    pub(super) fn varied(&self) -> Vec<usize> {
        (0..self.sweep.axes().len()).filter(|axis| self.sweep.axes()[*axis].len() > 1).collect()
    }

    /// All that varies, in one line: `turnover cap 8 %, half spread 4 bps`.
    pub(super) fn spoken(&self, row: usize) -> String {
        self.spoken_of(&self.varied(), row)
    }

    /// Some of what varies, in one line.
    pub(super) fn spoken_of(&self, axes: &[usize], row: usize) -> String {
        let said = axes.iter().map(|axis| words::spoken(&self.title(*axis), &self.label(*axis, row)));
        said.collect::<Vec<_>>().join(", ")
    }

    /// A figure of every scenario; NaN throughout where the table has none.
    pub(super) fn figure(&self, name: &str) -> Vec<f64> {
        self.scenarios.figure(name).map_or_else(|_| vec![f64::NAN; self.scenarios.len()], <[f64]>::to_vec)
    }

    /// Whether a figure is defined anywhere.
    pub(super) fn has(&self, name: &str) -> bool {
        self.scenarios.figure(name).is_ok_and(|values| values.iter().any(|value| value.is_finite()))
    }

    /// The axis of the turnover cap, where it varies.
    pub(super) fn cap(&self) -> Option<usize> {
        self.varied().into_iter().find(|axis| self.name(*axis) == CAP && self.numbers(*axis).is_some())
    }

    /// The axis of the cost that is spoken of, where one varies.
    pub(super) fn cost(&self) -> Option<usize> {
        let varied = self.varied();
        let of = |cost: &&str| {
            varied.iter().copied().find(|axis| self.name(*axis) == *cost && self.numbers(*axis).is_some())
        };
        COSTS.iter().find_map(of)
    }

    /// The levels of an axis of numbers.
    pub(super) fn numbers(&self, axis: usize) -> Option<&[f64]> {
        match &self.sweep.axes()[axis] {
            Axis::Numbers(levels) => Some(levels),
            Axis::Names(_) => None,
        }
    }

    /// A figure along an axis, with all other settings as in a scenario; NaN where there is none.
    pub(super) fn along(&self, figure: &[f64], axis: usize, row: usize) -> Vec<f64> {
        let rows = self.sweep.along(axis, row).into_iter();
        rows.map(|row| row.map_or(f64::NAN, |row| figure[row])).collect()
    }

    /// What the scenario nearest to the configuration is called.
    pub(super) fn base_name(&self) -> &'static str {
        if self.base.is_some_and(|base| base.exact) { "base" } else { "nearest to the base" }
    }

    /// The scenarios that are spoken of, with their names.
    pub(super) fn chosen(&self) -> [(&'static str, Option<usize>); 3] {
        let robust = self.robust.map(|robust| robust.row);
        [("best", self.best), ("robust", robust), (self.base_name(), self.base.map(|base| base.row))]
    }

    /// The same as frames of a map, where `place` says which are in it.
    pub(super) fn framed(&self, place: impl Fn(usize) -> Option<(usize, usize)>) -> Vec<Framed> {
        self.chosen().map(|(name, row)| (name, row.and_then(&place))).to_vec()
    }
}

/// The axes of what is no choice; none where that would leave nothing to choose from.
fn held(settings: &[Setting], sweep: &Sweep, base: Option<Anchor>) -> Vec<usize> {
    let Some(base) = base else { return Vec::new() };
    let is_given = |axis: &usize| sweep.axes()[*axis].len() > 1 && !is_choice(&settings[*axis].name);
    let given: Vec<usize> = (0..settings.len()).filter(is_given).collect();
    let same =
        |row: &usize| given.iter().all(|axis| sweep.levels(*row)[*axis] == sweep.levels(base.row)[*axis]);
    if (0..sweep.rows()).filter(same).count() > 1 { given } else { Vec::new() }
}

fn axis(setting: &Setting) -> (Axis, Vec<usize>) {
    let or_unset = |text: Option<String>| text.unwrap_or_else(|| UNSET.to_owned());
    match &setting.values {
        Values::Texts(values) => Axis::of_names(&values.iter().cloned().map(or_unset).collect::<Vec<_>>()),
        Values::Numbers(values) => match values.iter().copied().collect::<Option<Vec<f64>>>() {
            Some(values) => Axis::of_numbers(&values),
            None => {
                let text =
                    |value: &Option<f64>| or_unset(value.map(|value| words::level(&setting.name, value)));
                Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
            }
        },
    }
}

/// The value of the configuration as one of the axis. A file without it says nothing.
fn wanted(value: &Value, axis: &Axis) -> Option<sweep::Value> {
    match (axis, value) {
        (Axis::Numbers(_), value) => value.as_f64().map(sweep::Value::Number),
        (Axis::Names(_), Value::Null) => Some(sweep::Value::Name(UNSET.to_owned())),
        (Axis::Names(_), Value::String(text)) => Some(sweep::Value::Name(text.clone())),
        (Axis::Names(_), other) => Some(sweep::Value::Name(other.to_string())),
    }
}

/// A title for each setting: its dotted name where two would have the same.
fn titles(settings: &[Setting]) -> Vec<String> {
    let short: Vec<String> = settings.iter().map(|setting| words::title(&setting.name)).collect();
    let alone = |title: &String| short.iter().filter(|other| *other == title).count() == 1;
    let each = short.iter().zip(settings);
    each.map(|(title, setting)| if alone(title) { title.clone() } else { setting.name.clone() }).collect()
}

fn written(name: &str, axis: &Axis) -> Vec<String> {
    match axis {
        Axis::Numbers(levels) => levels.iter().map(|level| words::level(name, *level)).collect(),
        Axis::Names(levels) => levels.clone(),
    }
}
