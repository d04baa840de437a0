//! Resampled paths: scenarios that differ by their seed alone form one distribution.

use betaflow_engine::sweep::{Quantiles, Sweep};

use super::{Number, PathsSummary, QuantilesSummary};
use crate::terminal::{Page, Table, decimals};

/// Setting whose values select a resampled path.
pub(crate) const SEED: &str = "world.bootstrap_seed";
/// Figures of a group of paths: name, title, and true for a share.
pub(crate) const FIGURES: [(&str, &str, bool); 3] = [
    ("net_sharpe", "net Sharpe ratio", false),
    ("net_annual_return", "net annual return", true),
    ("net_max_drawdown", "maximum drawdown", true),
];

/// Returns the groups of at least two scenarios that differ by the path alone, in the order of their first scenario; none
/// where paths do not vary. `names`: names of the axes.
pub(crate) fn groups<'a>(names: impl IntoIterator<Item = &'a str>, sweep: &Sweep) -> Vec<Vec<usize>> {
    let seed = names.into_iter().position(|name| name == SEED);
    seed.map_or_else(Vec::new, |axis| sweep.groups_along(axis))
}

/// Returns the quantiles of each figure over a group, in the form of `summary.json`.
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

/// Returns the section about a group of paths.
pub(crate) fn page(
    rows: &[usize],
    figure: impl Fn(&str, usize) -> f64,
    ruined: impl Fn(usize) -> bool,
) -> Page {
    let mut page = Page::default();
    page.section(format!("Resampled paths: {}", rows.len()));
    let mut table = Table::new(["", "5 %", "Median", "95 %"]);
    for (name, title, is_share) in FIGURES {
        let Some(spread) = Quantiles::of(rows.iter().map(|row| figure(name, *row))) else { continue };
        let shown = |value: f64| match is_share {
            true => format!("{} %", decimals(100.0 * value, 1)),
            false => decimals(value, 2),
        };
        let [low, _, middle, _, high] = spread.quantiles.map(shown);
        let title = title[..1].to_uppercase() + &title[1..];
        table.row([title, low, middle, high]);
    }
    page.table(table);
    let ruined = rows.iter().filter(|row| ruined(**row)).count();
    if ruined > 0 {
        page.text(format!("{ruined} of the paths are ruined and have no Sharpe ratio."));
    }
    page
}
