//! Resampled paths: scenarios that differ by their seed alone are one question, and their answer is a distribution.

use betaflow_engine::sweep::{Quantiles, Sweep};
use serde_json::{Map, Value, json};

use crate::summary::number;

/// The setting whose values are paths.
pub(crate) const SEED: &str = "world.bootstrap_seed";
/// What is said of each group of paths: the name of the figure, its title, and whether it is a share.
pub(crate) const SAID: [(&str, &str, bool); 3] = [
    ("net_sharpe", "net Sharpe ratio", false),
    ("net_annual_return", "net annual return", true),
    ("net_max_drawdown", "largest drawdown", true),
];

/// Groups of at least two scenarios that differ by the path alone, in the order of their first; none where paths do not
/// vary. `names`: those of the axes.
pub(crate) fn groups<'a>(names: impl IntoIterator<Item = &'a str>, sweep: &Sweep) -> Vec<Vec<usize>> {
    let seed = names.into_iter().position(|name| name == SEED);
    let Some(seed) = seed.filter(|axis| sweep.axes()[*axis].len() > 1) else { return Vec::new() };
    let others = |row: usize| {
        let levels = sweep.levels(row).iter().enumerate();
        levels.filter(|(axis, _)| *axis != seed).map(|(_, level)| *level).collect::<Vec<_>>()
    };
    let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for row in 0..sweep.rows() {
        let key = others(row);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).filter(|rows| rows.len() > 1).collect()
}

/// A group as `summary.json` has it: scenario numbers from the first to the last, and each figure's quantiles.
pub(crate) fn json(
    rows: &[usize],
    figure: impl Fn(&str, usize) -> f64,
    ruined: impl Fn(usize) -> bool,
) -> Value {
    let mut object = Map::new();
    object.insert("paths".to_owned(), json!(rows.len()));
    object.insert("ruined".to_owned(), json!(rows.iter().filter(|row| ruined(**row)).count()));
    object.insert("first_scenario".to_owned(), json!(rows.first()));
    for (name, _, _) in SAID {
        let spread = Quantiles::of(rows.iter().map(|row| figure(name, *row)));
        let value = spread.map_or(Value::Null, |spread| {
            let [p05, p25, p50, p75, p95] = spread.quantiles.map(number);
            let (mean, below) = (number(spread.mean), number(spread.below_zero));
            json!({"p05": p05, "p25": p25, "median": p50, "p75": p75, "p95": p95, "mean": mean, "below_zero": below})
        });
        object.insert(name.to_owned(), value);
    }
    object.into()
}

/// A group in lines for the terminal.
pub(crate) fn text(
    rows: &[usize],
    figure: impl Fn(&str, usize) -> f64,
    ruined: impl Fn(usize) -> bool,
) -> String {
    let lost = match rows.iter().filter(|row| ruined(**row)).count() {
        0 => String::new(),
        lost => format!(" ({lost} of them ruined, which have no Sharpe ratio)"),
    };
    let mut text = format!("over {} resampled paths{lost}, at 5, 50 and 95 %:", rows.len());
    for (at, (name, title, is_share)) in SAID.into_iter().enumerate() {
        let Some(spread) = Quantiles::of(rows.iter().map(|row| figure(name, *row))) else { continue };
        let shown =
            |value: f64| if is_share { format!("{:.1} %", 100.0 * value) } else { format!("{value:.2}") };
        let [low, _, middle, _, high] = spread.quantiles.map(shown);
        text += &format!("{} {title} {low}, {middle}, {high}", if at == 0 { "" } else { ";" });
    }
    text + "\n"
}
