//! Terminal text of a run.

use betaflow_engine::ledger::{RunFacts, hex};
use betaflow_engine::metrics::{ExcessFigures, Figures};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Code, Summary, Trading, time_text};

/// Rows of the table of metrics, a part of `summary.json`.
pub(crate) const METRICS: usize = 11;

impl Summary<'_> {
    /// Returns the text for the terminal.
    pub(crate) fn text(&self) -> String {
        let RunFacts { data, estimator, performance, .. } = self.facts;
        let range =
            [time_text(data.first), time_text(data.last)].map(|time| time.unwrap_or_else(|| "-".into()));
        let look_ahead = self.config.look_ahead();
        let world = self.config.world_note(self.trading.is_some());
        let mut text = self.ruin().map_or_else(String::new, |ruin| format!("{ruin}\n\n"));
        if let Some(score) = &self.score {
            // Before the figures, which it invalidates.
            text += &look_ahead.map_or_else(String::new, |look_ahead| format!("{look_ahead}\n\n"));
            text += &world.as_ref().map_or_else(String::new, |world| format!("{world}\n\n"));
            text += &score.text;
        }
        text += &format!(
            "{} instruments, {} frames, {} to {}; {} rows in {:.2} s\n",
            grouped(data.instruments as f64),
            grouped(data.frames as f64),
            range[0],
            range[1],
            grouped(data.rows as f64),
            self.seconds
        );
        text += &format!(
            "hedged R² {} (out of sample)  covariance groups {}\n",
            decimals(estimator.total.hedged_r2.unwrap_or(f64::NAN), 4),
            estimator.groups
        );
        if let (Some(from), None) = (&self.config.holdout.from, &self.score) {
            text += &format!("{}\n", kept_holdout(from));
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
        text += &self.findings.text;
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
        let RunFacts { performance, execution, .. } = self.facts;
        let (first, last) = performance.nav.unwrap_or_default();
        let costs = performance.costs.items().into_iter().filter(|(_, sum)| *sum > 0.0);
        let costs: Vec<_> = costs.map(|(name, sum)| format!("{name} {}", grouped(sum))).collect();
        let costs = if costs.is_empty() { "none".to_owned() } else { costs.join(", ") };
        let mut text = format!("NAV {} → {}  costs: {costs}\n", grouped(first), grouped(last));
        if performance.interest != 0.0 {
            let ExcessFigures { net, gross, benchmark } = performance.in_excess;
            let [net, gross, benchmark] = [net, gross, benchmark].map(|ratios| decimals(ratios.sharpe, 2));
            text += &format!(
                "interest {}  Sharpe in excess of rf: net {net}, gross {gross}, benchmark {benchmark}\n",
                grouped(performance.interest)
            );
        }
        let booked =
            [("dividends", performance.dividends), ("cash in lieu of fractions", execution.cash_in_lieu)];
        for (name, sum) in booked.into_iter().filter(|(_, sum)| *sum != 0.0) {
            text += &format!("{name} {}\n", grouped(sum));
        }
        text + &self.risk_text(trading)
            + &self.limits_text()
            + &self.cost_text(trading)
            + &format!("digest {}\n", hex(&self.facts.digest))
    }

    /// Returns Sharpe ratio, break-even cost and volatility.
    fn risk_text(&self, trading: &Trading) -> String {
        let net = &trading.comparison.net;
        let mut text = String::new();
        if net.uncertainty.standard_error.is_finite() {
            text += &format!(
                "{}  {}\n",
                sharpe_text(net),
                match trading.cost_analysis.break_even_bps {
                    bps if bps < 0.0 => "loss before costs".to_owned(),
                    bps => format!("break-even cost {} bps", decimals(bps, 0)),
                }
            );
        }
        let [realised, predicted] = [net.annual_volatility, trading.predicted_volatility];
        let percent = |value: f64| decimals(100.0 * value, 2);
        text + &format!("annual volatility {} %  predicted {} %\n", percent(realised), percent(predicted))
    }

    /// Returns turnover, and the rebalances in which a limit bound.
    fn limits_text(&self) -> String {
        let RunFacts { performance, sizing, .. } = self.facts;
        let turnover = &performance.turnover;
        let percent = |value: f64| format!("{:.2} %", 100.0 * value);
        let halted = match sizing.halted {
            0 => String::new(),
            count => format!(", trading halted by [limits] in {}", grouped(count as f64)),
        };
        format!(
            "turnover a day {} decided, {} filled  max {}  cap {}\n\
             {} rebalances: turnover cap bound in {}, gross limit in {}{halted}\n",
            percent(turnover.mean),
            percent(turnover.filled),
            percent(turnover.max),
            percent(self.config.sizing.turnover_cap),
            grouped(sizing.decisions as f64),
            grouped(sizing.capped as f64),
            grouped(sizing.at_gross as f64),
        )
    }

    /// Returns implementation shortfall and capacity.
    fn cost_text(&self, trading: &Trading) -> String {
        let mut text = String::new();
        let [parts @ .., (_, total)] = self.facts.performance.shortfall.in_bps();
        if total.is_finite() {
            let parts = parts.map(|(name, bps)| format!("{name} {}", decimals(bps, 1)));
            text += &format!("implementation shortfall {} bps: {}\n", decimals(total, 1), parts.join(", "));
        }
        if trading.capacity.is_finite() {
            text += &format!(
                "capacity {:.3e}: NAV at which impact halves the Sharpe ratio of the same trades\n",
                trading.capacity
            );
        }
        text
    }
}

/// Returns Sharpe ratio, standard error and P(SR>0).
pub(crate) fn sharpe_text(figures: &Figures) -> String {
    let sure = &figures.uncertainty;
    format!(
        "Sharpe {} ± {} (s.e.)  P(SR>0) {}",
        decimals(figures.sharpe, 2),
        decimals(sure.standard_error, 2),
        decimals(sure.probabilistic_sharpe, 2)
    )
}

/// Line about a hold-out that the command did not read.
pub(crate) fn kept_holdout(from: &str) -> String {
    format!("hold-out in force: nothing from {from} on was read; only `betaflow score` reads it")
}

/// A number without decimals, in groups of thousands: `2,012`.
pub(crate) fn grouped(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 && digits != "0" { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number, or a dash where it is undefined.
fn decimals(value: f64, places: usize) -> String {
    if value.is_finite() { format!("{value:.places$}") } else { "-".to_owned() }
}

/// A figure of [`Figures::items`] as text: shares in percent, ratios plain.
pub(crate) fn figure_text(name: &str, value: f64) -> String {
    match name {
        _ if !value.is_finite() => "-".to_owned(),
        "sharpe" | "sortino" | "calmar" | "omega" | "tail_ratio" => decimals(value, 2),
        _ => format!("{} %", decimals(100.0 * value, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        let cases =
            [(0.0, "0"), (999.6, "1,000"), (-0.4, "0"), (-1_234_567.0, "-1,234,567"), (f64::NAN, "-")];
        for (value, text) in cases {
            assert_eq!(grouped(value), text);
        }
    }
}
