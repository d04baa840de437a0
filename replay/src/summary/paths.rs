//! Resampled paths: scenarios that differ by their seed alone form one distribution.

use betaflow_engine::sweep::{Quantiles, Sweep};

use super::{Number, PathsSummary, QuantilesSummary};

/// Setting whose values are paths.
pub(crate) const SEED: &str = "world.bootstrap_seed";
/// Figures of a group of paths: name, title, and whether it is a share.
pub(crate) const FIGURES: [(&str, &str, bool); 3] = [
    ("net_sharpe", "net Sharpe ratio", false),
    ("net_annual_return", "net annual return", true),
    ("net_max_drawdown", "largest drawdown", true),
];

/// Returns the groups of at least two scenarios that differ by the path alone, in the order of their first scenario; none
/// where paths do not vary. `names`: names of the axes.
pub(crate) fn groups<'a>(names: impl IntoIterator<Item = &'a str>, sweep: &Sweep) -> Vec<Vec<usize>> {
    let seed = names.into_iter().position(|name| name == SEED);
    seed.map_or_else(Vec::new, |axis| sweep.groups_along(axis))
}

/// Returns the quantiles of each figure over a group, as `summary.json` has them.
pub(crate) fn summary(
    rows: &[usize],
    figure: impl Fn(&str, usize) -> f64,
    ruined: impl Fn(usize) -> bool,
) -> PathsSummary {
    let [net_sharpe, net_annual_return, net_max_drawdown] = FIGURES.map(|(name, ..)| {
        let quantiles = Quantiles::of(rows.iter().map(|row| figure(name, *row)))?;
        let [p05, p25, median, p75, p95] = quantiles.quantiles.map(Number);
        let (mean, below_zero) = (quantiles.mean.into(), quantiles.below_zero.into());
        Some(QuantilesSummary { p05, p25, median, p75, p95, mean, below_zero })
    });
    PathsSummary {
        paths: rows.len() as u64,
        ruined: rows.iter().filter(|row| ruined(**row)).count() as u64,
        first_scenario: rows.first().map(|row| *row as u64),
        net_sharpe,
        net_annual_return,
        net_max_drawdown,
    }
}

/// Returns the line of a group for the terminal.
pub(crate) fn text(
    rows: &[usize],
    figure: impl Fn(&str, usize) -> f64,
    ruined: impl Fn(usize) -> bool,
) -> String {
    let ruined = match rows.iter().filter(|row| ruined(**row)).count() {
        0 => String::new(),
        count => format!("; {count} ruined, which have no Sharpe ratio"),
    };
    let mut text = format!("{} resampled paths, quantiles 5/50/95 %{ruined}:", rows.len());
    for (name, title, is_share) in FIGURES {
        let Some(spread) = Quantiles::of(rows.iter().map(|row| figure(name, *row))) else { continue };
        let shown =
            |value: f64| if is_share { format!("{:.1} %", 100.0 * value) } else { format!("{value:.2}") };
        let [low, _, middle, _, high] = spread.quantiles.map(shown);
        text += &format!("  {title} {low} / {middle} / {high}");
    }
    text + "\n"
}
