//! Table of the figures of a strategy beside its benchmark, for the terminal.

use betaflow_engine::metrics::Figures;

use super::BenchmarkSummary;
use crate::terminal::{Table, decimals, percent, points, signed};

/// Unit of a figure.
#[derive(Clone, Copy)]
enum Unit {
    Ratio,
    /// A share, shown in percent.
    Share,
}

/// Figures of the table: name in [`Figures::all`], label, unit.
const FIGURES: [(&str, &str, Unit); 13] = [
    ("annual_return", "Annual return", Unit::Share),
    ("annual_volatility", "Annual volatility", Unit::Share),
    ("sharpe", "Sharpe ratio", Unit::Ratio),
    ("sharpe_standard_error", "Standard error", Unit::Ratio),
    ("probabilistic_sharpe", "P(SR > 0)", Unit::Ratio),
    ("sortino", "Sortino ratio", Unit::Ratio),
    ("calmar", "Calmar ratio", Unit::Ratio),
    ("max_drawdown", "Maximum drawdown", Unit::Share),
    ("omega", "Omega ratio", Unit::Ratio),
    ("tail_ratio", "Tail ratio", Unit::Ratio),
    ("value_at_risk", "Value at risk, 5 %", Unit::Share),
    ("conditional_value_at_risk", "Conditional VaR, 5 %", Unit::Share),
    ("total_return", "Total return", Unit::Share),
];

/// Returns the value of a figure by its name; NaN for an unknown name.
pub(crate) fn figure(figures: &Figures, name: &str) -> f64 {
    figures.all().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, value)| value)
}

/// Returns the names of the figures of the table, each with its label.
pub(crate) fn labels() -> impl Iterator<Item = (&'static str, &'static str)> {
    FIGURES.into_iter().map(|(name, label, _)| (name, label))
}

/// Returns a figure as text: a share in percent, a ratio plain.
pub(crate) fn figure_text(name: &str, value: f64) -> String {
    match FIGURES.iter().find(|(known, ..)| *known == name) {
        Some((.., Unit::Ratio)) => decimals(value, 2),
        _ => percent(value),
    }
}

/// Returns the table of net, gross and the benchmark `against`, with the difference net less benchmark. `more`: further
/// ratios of the three series, below the Sharpe ratio.
pub(crate) fn metrics_table(
    [net, gross, benchmark]: [&Figures; 3],
    against: &BenchmarkSummary,
    more: &[(&str, [f64; 3])],
) -> Table {
    let name = if against.is_equal_weight() { "Equal weight" } else { &against.name };
    let mut table = Table::new(["", "Net", "Gross", name, "Difference"]).optional([2]);
    for (name, label, unit) in FIGURES {
        let [net, gross, benchmark] = [net, gross, benchmark].map(|of| figure(of, name));
        // Two standard errors or probabilities have no meaningful difference.
        let difference = match (name, unit) {
            ("sharpe_standard_error" | "probabilistic_sharpe", _) => String::new(),
            (_, Unit::Share) => points(net - benchmark),
            (_, Unit::Ratio) => signed(net - benchmark, 2),
        };
        let [a, b, c] = [net, gross, benchmark].map(|value| figure_text(name, value));
        table.row([label.to_owned(), a, b, c, difference]);
        if name == "probabilistic_sharpe" {
            for (label, [net, gross, benchmark]) in more {
                let [a, b, c] = [net, gross, benchmark].map(|value| decimals(*value, 2));
                table.row([(*label).to_owned(), a, b, c, signed(net - benchmark, 2)]);
            }
        }
    }
    table
}
