//! The summary as text for the terminal.

use betaflow_engine::ledger::{RunFacts, hex};
use betaflow_engine::metrics::{Figures, InExcess};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Code, Summary, Trading, time_text};

/// Rows of the table of metrics; `summary.json` has more.
pub(crate) const METRICS: usize = 11;

impl Summary<'_> {
    /// As text for the terminal.
    pub(crate) fn text(&self) -> String {
        let RunFacts { data, estimator, performance, .. } = self.facts;
        let range =
            [time_text(data.first), time_text(data.last)].map(|time| time.unwrap_or_else(|| "-".into()));
        let look_ahead = self.config.look_ahead();
        let world = self.config.world_note(self.trading.is_some());
        let mut text = self.ruin().map_or_else(String::new, |ruin| format!("{ruin}\n\n"));
        if let Some(score) = &self.score {
            // Before the figures that it makes worthless.
            text += &look_ahead.map_or_else(String::new, |look_ahead| format!("{look_ahead}\n\n"));
            text += &world.as_ref().map_or_else(String::new, |world| format!("{world}\n\n"));
            text += &score.text();
        }
        text += &format!(
            "{} instruments, {} frames from {} to {}; {} rows in {:.2} s\n",
            data.instruments, data.frames, range[0], range[1], data.rows, self.seconds
        );
        let share = |value: Option<f64>| value.map_or_else(|| "-".into(), |v| format!("{v:.4}"));
        text += &format!(
            "betas explain {} of the variance of returns out of sample (hedged R²); {} group(s) of instruments\n",
            share(estimator.total.hedged_r2),
            estimator.groups
        );
        if let (Some(from), None) = (&self.config.holdout.from, &self.score) {
            text += &format!(
                "hold-out in force: nothing from {from} on was read; only `betaflow score` reads it\n"
            );
        }
        if let (Some(trading), Some(_)) = (&self.trading, performance.nav) {
            if let (Some(look_ahead), None) = (look_ahead, &self.score) {
                text += &format!("\n{look_ahead}\n");
            }
            if let (Some(world), None) = (&world, &self.score) {
                text += &format!("\n{world}\n");
            }
            if self.score.is_none() {
                text += &format!("\n{}\n\n", self.metrics_table(trading));
            }
            text += &self.trading_text(trading);
        }
        text += &self.findings.text();
        for warning in self.warnings().iter().filter(|warning| !warning.is(Code::Ruined)) {
            text += &format!("note: {warning}\n");
        }
        text
    }

    fn metrics_table(&self, trading: &Trading) -> Table {
        let kind = self.config.strategy_kind();
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header([
            "".to_owned(),
            format!("{kind}, net"),
            format!("{kind}, gross"),
            "equal weight, net".into(),
        ]);
        let comparison = &trading.comparison;
        let columns = [&comparison.net, &comparison.gross, &comparison.benchmark].map(Figures::items);
        for row in 0..METRICS {
            let name = columns[0][row].0;
            let [net, gross, benchmark] = columns.map(|items| figure_text(name, items[row].1));
            table.add_row([name.replace('_', " "), net, gross, benchmark]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn trading_text(&self, trading: &Trading) -> String {
        let RunFacts { performance, sizing, .. } = self.facts;
        let (first, last) = performance.nav.unwrap_or_default();
        let turnover = &performance.turnover;
        let costs: Vec<_> = performance
            .costs
            .items()
            .into_iter()
            .filter(|(_, value)| *value > 0.0)
            .map(|(name, value)| format!("{name} {value:.0}"))
            .collect();
        let InExcess { net: excess, gross: gross_excess, benchmark: benchmark_excess } =
            performance.in_excess;
        let interest = match performance.interest {
            0.0 => String::new(),
            interest => format!(
                "interest on cash {:.0}; Sharpe in excess of the risk-free return: net {}, gross {}, benchmark {}\n",
                interest,
                decimals(excess.sharpe, 2),
                decimals(gross_excess.sharpe, 2),
                decimals(benchmark_excess.sharpe, 2)
            ),
        };
        let dividends = match performance.dividends {
            0.0 => String::new(),
            paid => format!("dividends {paid:.0}\n"),
        };
        let in_lieu = match self.facts.execution.cash_in_lieu {
            0.0 => String::new(),
            paid => format!("cash in lieu of fractions of lots {paid:.0}\n"),
        };
        let (net, costs_of) = (&trading.comparison.net, &trading.cost_analysis);
        let volatility = format!(
            "volatility {} % a year, {} % as predicted\n",
            decimals(100.0 * net.annual_volatility, 2),
            decimals(100.0 * trading.predicted_volatility, 2)
        );
        let sure = match net.uncertainty.standard_error.is_finite() {
            true => format!(
                "sharpe give or take {}; above 0 with a chance of {}; {}\n",
                decimals(net.uncertainty.standard_error, 2),
                decimals(net.uncertainty.probabilistic_sharpe, 2),
                match costs_of.break_even_bps {
                    bps if bps < 0.0 => "it lost before costs".to_owned(),
                    bps => format!("costs of {} bps would take all", decimals(bps, 0)),
                }
            ),
            false => String::new(),
        };
        let shortfall = match performance.shortfall.in_bps() {
            [.., (_, total)] if !total.is_finite() => String::new(),
            parts => {
                let parts = parts.map(|(name, bps)| format!("{} {name}", decimals(bps, 1)));
                format!(
                    "shortfall against the price of the decision, bps of what was traded: {}\n",
                    parts.join(", ")
                )
            }
        };
        let capacity = match trading.capacity.is_finite() {
            true => format!(
                "with the same trades, impact would halve the sharpe ratio at a value of {:.3e}\n",
                trading.capacity
            ),
            false => String::new(),
        };
        let halted = match sizing.halted {
            0 => String::new(),
            count => format!("{count} decisions made no trade because [limits] had stopped trading\n"),
        };
        let costs = if costs.is_empty() { "none".to_owned() } else { costs.join(", ") };
        format!(
            "value {first:.0} → {last:.0}; costs: {costs}\n\
             {interest}{dividends}{in_lieu}turnover {:.2} % a day as decided, at most {:.2} % (cap {:.2} %); filled {:.2} %\n\
             {} decisions: {} stopped by the cap, {} held back by the gross limit\n\
             {halted}{volatility}{sure}{shortfall}{capacity}digest {}\n",
            100.0 * turnover.mean,
            100.0 * turnover.max,
            100.0 * self.config.sizing.turnover_cap,
            100.0 * turnover.filled,
            sizing.decisions,
            sizing.capped,
            sizing.at_gross,
            hex(&self.facts.digest),
        )
    }
}

/// A number, or a dash where it is not one.
fn decimals(value: f64, places: usize) -> String {
    if value.is_finite() { format!("{value:.places$}") } else { "-".to_owned() }
}

/// Shares in percent, ratios plain.
pub(crate) fn figure_text(name: &str, value: f64) -> String {
    match name {
        _ if !value.is_finite() => "-".to_owned(),
        "sharpe" | "sortino" | "calmar" | "omega" | "tail_ratio" => decimals(value, 2),
        _ => format!("{} %", decimals(100.0 * value, 2)),
    }
}
