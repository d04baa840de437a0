//! Terminal page of `size`.

use betaflow_engine::portfolio::{CapMethod, Outcome};

use super::Report;
use crate::summary::time_text;
use crate::terminal::{Page, Table, decimals, percent, signed};

/// Maximum trades of the table; `--json` has all.
const TRADES: usize = 20;
const OUT_OF_REACH: &str = "out of reach";

impl Report<'_> {
    /// Returns the page.
    pub(super) fn page(&self) -> Page {
        let of = &*self.shown.rebalance;
        let year = self.config.run().calendar.frames_per_year();
        let mut page = Page::default();
        for note in self.config.notes(true) {
            page.alert(note);
        }
        page.section(format!(
            "Rebalance of {} at {}",
            self.config.strategy_kind(),
            time_text(Some(self.shown.timestamp)).unwrap_or_default()
        ));
        page.field("Outcome", of.outcome.name().replace('_', " "));
        page.field(
            "Turnover",
            format!("{}; the cap of the day leaves {}", percent(self.turnover()), percent(of.turnover)),
        );
        page.field("Gross exposure", percent(of.weights.iter().map(|w| w.abs()).sum()));
        page.field("Net exposure", percent(of.weights.iter().sum()));
        if of.sized {
            let growth = percent(of.objective(&of.weights) * year);
            page.field("Expected growth", format!("{growth} a year, after the costs of these trades"));
            let volatility = percent((of.variance(&of.weights) * year).sqrt());
            page.field("Volatility", format!("{volatility} a year"));
            if !of.benchmark.is_empty() {
                let tracking = percent((of.active_variance(&of.weights) * year).sqrt());
                page.field(
                    "Tracking error",
                    format!("{tracking} a year against {}", self.config.benchmark.name()),
                );
            }
        }
        if !of.sized && of.outcome == Outcome::Capped {
            page.text("The strategy sets weights: these are the nearest ones under the cap.");
        }
        if of.sized {
            page.section("Limits: marginal value and growth given up").table(self.limits(year));
        }
        if self.config.sizing.cap_method == CapMethod::Scale {
            page.text(
                "sizing.cap_method is \"scale\": marginal values and the frontier are those of \"exact\".",
            );
        }
        self.add_groups(&mut page, year);
        self.add_trades(&mut page);
        if !self.frontier.is_empty() {
            page.section("Frontier: growth by turnover").table(self.frontier_table(year));
        }
        let warnings = self.warnings.iter().map(|warning| (warning.code, warning.text.as_str()));
        page.notices("Warnings", warnings);
        page
    }

    fn limits(&self, year: f64) -> Table {
        let of = &*self.shown.rebalance;
        let mut table = Table::new(["", "Marginal value, bps a year", "Growth given up, % a year"]);
        let given = &self.given_up;
        let price = |price: f64| match of.outcome.within_limits() {
            true => decimals(1e4 * price * year * 0.01, 2),
            // The multiplier would measure the approach to the limit.
            false => OUT_OF_REACH.to_owned(),
        };
        let growth = |growth: f64| decimals(100.0 * growth * year, 3);
        let mut rows = vec![
            ("Turnover cap", price(of.multipliers.turnover), growth(given.turnover_cap)),
            ("Bounds of a weight", String::new(), growth(given.bounds)),
        ];
        if of.gross.is_finite() {
            rows.push(("Gross limit", price(of.multipliers.gross), growth(given.gross)));
        }
        if of.net.is_some() {
            rows.push(("Net target", price(of.multipliers.net), growth(given.net)));
        }
        if !of.exposure_bounds.is_empty() {
            rows.push(("Exposure bounds", String::new(), growth(given.exposures)));
        }
        if !of.group_limits.is_empty() {
            rows.push(("Bounds by group", String::new(), growth(given.groups)));
        }
        rows.push(("Costs", String::new(), growth(given.costs)));
        if !of.borrow.is_empty() {
            rows.push(("Fees on shorts", String::new(), growth(given.borrow)));
        }
        for (name, price, growth) in rows {
            table.row([name.to_owned(), price, growth]);
        }
        table
    }

    /// Adds a table of weights, bounds and multipliers by group, if there are groups.
    fn add_groups(&self, page: &mut Page, year: f64) {
        let of = &*self.shown.rebalance;
        let bounds: Vec<_> = of.group_limits.iter().flat_map(|limits| &limits.bounds).collect();
        let factors = self.factor_names();
        let exposures = of.exposures_of(&of.weights);
        for column in &of.groups {
            let [mut net, mut gross] = [vec![0.0; column.names.len()], vec![0.0; column.names.len()]];
            for (i, weight) in of.weights.iter().enumerate() {
                if let Some(group) = column.group_of(i) {
                    net[group] += weight;
                    gross[group] += weight.abs();
                }
            }
            let header =
                ["", "Net, %", "Bounds, %", "Gross, %", "Limit, %", "Exposure", "Marginal value, bps a year"];
            let mut table = Table::new(header);
            for (at, name) in column.names.iter().enumerate() {
                let full = format!("{}:{name}", column.factor);
                let bounded = of.bounded_groups.iter().position(|group| *group == full);
                let bound = bounded.map(|at| bounds[at]);
                let price = bounded.and_then(|at| of.multipliers.groups.get(at)).copied().unwrap_or_default();
                let limit =
                    |value: f64| if value.is_finite() { decimals(100.0 * value, 2) } else { String::new() };
                let factor = factors.iter().position(|factor| *factor == full);
                let exposure = factor.and_then(|at| exposures.get(at)).map(|value| decimals(*value, 4));
                let both = |(lower, upper): (f64, f64)| format!("{} to {}", limit(lower), limit(upper));
                let net_bounds = bound.filter(|bound| bound.lower.is_finite() || bound.upper.is_finite());
                table.row([
                    name.to_string(),
                    decimals(100.0 * net[at], 2),
                    net_bounds.map_or_else(String::new, |bound| both((bound.lower, bound.upper))),
                    decimals(100.0 * gross[at], 2),
                    bound.map_or_else(String::new, |bound| limit(bound.gross)),
                    exposure.unwrap_or_default(),
                    match (bounded, of.outcome.within_limits()) {
                        (None, _) => String::new(),
                        (Some(_), true) => decimals(1e4 * (price.net.abs() + price.gross) * year * 0.01, 2),
                        (Some(_), false) => OUT_OF_REACH.to_owned(),
                    },
                ]);
            }
            page.section(format!("Groups: {}", column.factor)).table(table);
        }
    }

    fn add_trades(&self, page: &mut Page) {
        let (of, names) = (&*self.shown.rebalance, &self.shown.names);
        let mut order: Vec<usize> = (0..of.weights.len()).filter(|&i| of.weights[i] != of.held[i]).collect();
        let trade = |i: usize| of.weights[i] - of.held[i];
        order.sort_by(|&a, &b| trade(b).abs().total_cmp(&trade(a).abs()));
        page.section(format!("Trades: {}", order.len()));
        let forecast = if of.sized { "Forecast, bps" } else { "Wanted, %" };
        let mut table = Table::new(["", "Held, %", "Target, %", "Trade, %", forecast]);
        for &i in order.iter().take(TRADES) {
            table.row([
                names[i].to_string(),
                decimals(100.0 * of.held[i], 3),
                decimals(100.0 * of.weights[i], 3),
                signed(100.0 * trade(i), 3),
                decimals(if of.sized { 1e4 } else { 100.0 } * of.expected[i], 2),
            ]);
        }
        page.table(table);
        if order.len() > TRADES {
            page.text(format!("… {} more trades with --json", order.len() - TRADES));
        }
    }

    fn frontier_table(&self, year: f64) -> Table {
        let mut table =
            Table::new(["Turnover, %", "Growth, % a year", "One more % adds, bps a year"]).numbers();
        for point in &self.frontier {
            table.row([
                decimals(100.0 * point.turnover, 2),
                decimals(100.0 * point.growth * year, 3),
                match point.within_limits {
                    true => decimals(1e4 * point.multiplier * year * 0.01, 2),
                    false => OUT_OF_REACH.to_owned(),
                },
            ]);
        }
        table
    }
}
