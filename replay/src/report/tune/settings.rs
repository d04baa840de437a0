//! In-sample result by setting, which distinguishes a peak from a plateau.

use anyhow::Result;
use betaflow_connectors::record::{Setting, Values, read_scenarios};
use betaflow_engine::sweep::{Axis, Sweep};

use super::Tuning;
use crate::report::figure::Figure;
use crate::report::labels::{level, title};
use crate::report::page::Page;

const FIGURE: &str = "net_sharpe";

/// Adds a figure for each setting that varies.
///
/// # Errors
/// `scenarios.parquet` cannot be read.
pub(super) fn add(page: &mut Page, tuning: &Tuning) -> Result<()> {
    page.section("Figures by setting, in-sample");
    let scenarios = read_scenarios(tuning.folder)?;
    let sharpe = scenarios.figure(FIGURE)?;
    let sweep = Sweep::new(scenarios.settings.iter().map(axis).collect());
    let mut drawn = 0;
    for (at, setting) in scenarios.settings.iter().enumerate() {
        let labels = labels(&setting.name, &sweep.axes()[at]);
        if labels.len() < 2 {
            continue;
        }
        let (mut best, mut middle) = (Vec::new(), Vec::new());
        for place in 0..labels.len() {
            let rows = (0..sweep.rows()).filter(|row| sweep.levels(*row)[at] == place).map(|row| sharpe[row]);
            let mut known: Vec<f64> = rows.filter(|value| !value.is_nan()).collect();
            known.sort_by(f64::total_cmp);
            best.push(known.last().copied().unwrap_or(f64::NAN));
            middle.push(known.get(known.len() / 2).copied().unwrap_or(f64::NAN));
        }
        let name = title(&setting.name);
        let mut figure = Figure::along(&name, ("net Sharpe ratio, annualised", ".2f"));
        figure.level_line(0, "best", &labels, &best, (".2f", ""));
        figure.level_line(1, "median", &labels, &middle, (".2f", ""));
        page.figure(
            &format!("Net Sharpe ratio over all bars by {name}"),
            "Highest and median ratio over all values of the other settings: a best far above its neighbours is likely luck.",
            figure,
        );
        drawn += 1;
    }
    if drawn == 0 {
        page.absent("No setting has two values.");
    }
    Ok(())
}

fn axis(setting: &Setting) -> (Axis, Vec<usize>) {
    let unset = || "unset".to_owned();
    match &setting.values {
        Values::Numbers(values) => match values.iter().copied().collect::<Option<Vec<f64>>>() {
            Some(values) => Axis::of_numbers(&values),
            None => {
                let text =
                    |value: &Option<f64>| value.map_or_else(unset, |value| level(&setting.name, value));
                Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
            }
        },
        Values::Texts(values) => {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(unset);
            Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
        }
    }
}

/// Returns the levels as text.
fn labels(name: &str, axis: &Axis) -> Vec<String> {
    match axis {
        Axis::Numbers(levels) => levels.iter().map(|value| level(name, *value)).collect(),
        Axis::Names(levels) => levels.clone(),
    }
}
