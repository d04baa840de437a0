//! `betaflow size`: one rebalance in full.

mod args;

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use anyhow::{Result, bail};
use betaflow_engine::execution::is_ruined;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::pipeline::{RunOptions, trading};
use betaflow_engine::portfolio::{CapMethod, FrontierPoint, LimitCosts, Outcome, Rebalance};
use betaflow_engine::source::Source as _;
use betaflow_engine::time::{DAY_NS, TimestampNs};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::config::{Config, Request, date};
use crate::run::data::Opened;
use crate::run::open;
use crate::summary::{Rendered, WarningList, time_text};
use crate::terminal::say;
pub(super) use args::{SIZE, SizeArgs};

/// Points of the frontier.
const POINTS: usize = 21;
/// Trades shown on the terminal.
const TRADES: usize = 20;

/// One decision of the date.
#[derive(Clone)]
struct Shown {
    timestamp: TimestampNs,
    names: InstrumentNames,
    nav: f64,
    rebalance: Arc<Rebalance>,
}

/// The last decision that is to be shown, and the dates of those around it.
#[derive(Default)]
struct Found {
    shown: Option<Shown>,
    first_decided: Option<TimestampNs>,
    decided: Option<TimestampNs>,
    ruined: Option<TimestampNs>,
}

impl Found {
    /// Why there is no decision to show.
    fn why(&self, config: &Config, dates: Option<RangeInclusive<i64>>) -> String {
        let text = |time: TimestampNs| time_text(Some(time)).unwrap_or_default();
        if let Some(time) = self.ruined {
            return format!(
                "the account was ruined at {}: its value fell to 0 or below, all positions were closed, and nothing is decided \
                 any more",
                text(time)
            );
        }
        match (self.first_decided, self.decided) {
            (Some(_), Some(last)) if dates.is_some_and(|dates| dates.contains(&last.date())) => {
                "it was decided not to trade, because the strategy wants nothing or has not drifted as far as \
                 sizing.rebalance_drift"
                    .to_owned()
            }
            (Some(first), Some(last)) => format!(
                "no bar of that date decides; the first that does is of {}, the last before it of {} \
                 (sizing.rebalance_every, sizing.rebalance_at)",
                text(first),
                text(last)
            ),
            _ => format!(
                "the warm-up of {} days of returns (estimator.warmup) is not over by then{}",
                config.estimator.warmup,
                config.sizing.rebalance_at.as_ref().map_or_else(String::new, |at| {
                    format!(", or no bar closes at {at} UTC or later (sizing.rebalance_at)")
                })
            ),
        }
    }
}

#[derive(Clone, Default)]
struct Finder(Arc<Mutex<Found>>);

impl Recorder for Finder {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let mut found = self.0.lock().map_err(|_| "a stage has died")?;
        if frame.decided {
            found.first_decided = found.first_decided.or(Some(frame.timestamp));
            found.decided = Some(frame.timestamp);
        }
        if is_ruined(frame.nav) {
            found.ruined = Some(frame.timestamp);
        }
        if let Some(rebalance) = &frame.shown {
            let (names, rebalance) = (frame.names.clone(), Arc::clone(rebalance));
            found.shown = Some(Shown { timestamp: frame.timestamp, names, nav: frame.nav, rebalance });
        }
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Trades up to the date, and shows what is decided on it.
pub(crate) fn size(args: &SizeArgs) -> Result<()> {
    let nothing = RecordSettings { betas: Frames::None, weights: Frames::None };
    let at = date("--at", &args.at)?;
    // Nothing after the date is read: nothing of it could matter.
    let config = Request::new(&args.input, nothing).until("--at", Some(&args.at)).resolve()?;
    if let Some(from) = config.holdout.start()?.filter(|from| at >= *from) {
        let from = time_text(Some(from)).unwrap_or_default();
        bail!(
            "--at: found {}, expected a date before {from}: the hold-out begins there (holdout.from), and only `betaflow \
             score` reads it",
            args.at
        );
    }
    if config.world.bootstrap_seed.is_some() {
        bail!(
            "size: found world.bootstrap_seed, expected none: what a resampled path draws depends on all of its data, and \
             this command reads none after {}; a replay with record.weights = \"all\" has every decision of the path",
            args.at
        );
    }
    let mut settings = config.run().clone();
    settings.record = nothing;
    let day = at.0.div_euclid(DAY_NS);
    settings.shown_dates = Some(day..=day);
    let Opened { source, .. } = open(&config)?;
    let factors = source.factor_names().to_vec();
    let finder = Finder::default();
    let recorder = Box::new(finder.clone());
    let graph = trading(source, config.strategy()?, &settings, vec![recorder])?;
    let ended = graph.run(&RunOptions::default()).map_err(|error| config.located(error))?;
    let warnings = ended.facts.data.warnings.iter().map(Rendered::from).collect();
    let found = std::mem::take(&mut *finder.0.lock().map_err(|_| anyhow::anyhow!("a stage has died"))?);
    let Some(shown) = found.shown else {
        bail!("--at: found no decision to show on {}: {}", args.at, found.why(&config, settings.shown_dates));
    };
    let report = Report::new(&config, shown, factors, warnings);
    say(&if args.json { serde_json::to_string_pretty(&report.json())? + "\n" } else { report.text() });
    Ok(())
}

struct Report<'a> {
    config: &'a Config,
    shown: Shown,
    factors: Vec<String>,
    frontier: Vec<FrontierPoint>,
    given_up: LimitCosts,
    warnings: Vec<Rendered>,
}

impl<'a> Report<'a> {
    fn new(config: &'a Config, shown: Shown, factors: Vec<String>, warnings: Vec<Rendered>) -> Self {
        let rebalance = &shown.rebalance;
        let (frontier, given_up) = match rebalance.sized {
            true => (rebalance.frontier(POINTS), rebalance.limit_costs()),
            false => Default::default(),
        };
        Self { config, shown, factors, frontier, given_up, warnings }
    }

    fn turnover(&self) -> f64 {
        let Rebalance { weights, held, .. } = &*self.shown.rebalance;
        weights.iter().zip(held).map(|(w, held)| (w - held).abs()).sum()
    }

    fn json(&self) -> Value {
        let shown = &self.shown;
        let of = &*shown.rebalance;
        let k = of.factors();
        // An exposure that is not known counts as none; a variance that is not known is null.
        let column = |values: &[f64]| -> Value { values.iter().map(|value| json!(value)).collect() };
        let exposures: serde_json::Map<String, Value> =
            (0..k).map(|j| (self.factors[j].clone(), column(of.exposures.column(j).as_slice()))).collect();
        let rows = of.factor_covariance.row_iter();
        let covariance: Vec<Vec<f64>> = rows.map(|row| row.iter().copied().collect()).collect();
        let bounds: Vec<Value> = of
            .exposure_bounds
            .iter()
            .map(|bound| json!({"factor": self.factors[bound.factor], "lower": bound.lower, "upper": bound.upper}))
            .collect();
        let symbols: Vec<&str> = shown.names.iter().map(|name| &**name).collect();
        let sizing = &self.config.sizing;
        let mut all = json!({
            "timestamp": time_text(Some(shown.timestamp)),
            "look_ahead": self.config.look_ahead(),
            "world": self.config.world_note(true),
            "strategy": self.config.strategy_kind(),
            "nav": shown.nav,
            "symbols": symbols,
            "problem": {
                "objective": if of.sized && !of.impact.is_empty() {
                    "maximise forecast'w - w'Sw/(2 kelly_fraction) - cost'|w - held| - impact'|w - held|^1.5, \
                     S = exposures' factor_covariance exposures + diag(idiosyncratic_variance)"
                } else if of.sized {
                    "maximise forecast'w - w'Sw/(2 kelly_fraction) - cost'|w - held|, \
                     S = exposures' factor_covariance exposures + diag(idiosyncratic_variance)"
                } else {
                    "minimise |w - forecast|^2/2; forecast: the weights that the strategy wants"
                },
                "forecast": of.expected,
                "exposures": exposures,
                "factors": self.factors[..k],
                "factor_covariance": covariance,
                "idiosyncratic_variance": column(&of.idiosyncratic),
                "kelly_fraction": of.kelly_fraction,
                "held": of.held,
                "lower": of.lower,
                "upper": of.upper,
                "cost": of.cost,
                "impact": of.impact,
                "cost_horizon_days": sizing.cost_horizon,
                "turnover_left": of.turnover,
                "turnover_cap": sizing.turnover_cap,
                "gross_max": of.gross,
                "net_target": of.net,
                "exposure_bounds": bounds,
                "cap_method": sizing.cap_method,
            },
            "solution": {
                "outcome": of.outcome.name(),
                "weights": of.weights,
                "turnover": self.turnover(),
                "growth": of.sized.then(|| of.objective(&of.weights)),
                "variance": of.sized.then(|| of.variance(&of.weights)),
                "multipliers": {
                    "turnover_cap": of.multipliers.turnover,
                    "gross": of.multipliers.gross,
                    "net": of.multipliers.net,
                    "exposures": of.multipliers.exposures,
                    "bounds": of.bound_multipliers(),
                },
                "within_limits": of.outcome.within_limits(),
                "at_lower": self.at(|of, i| of.weights[i] <= of.lower[i] && of.lower[i] < of.upper[i]),
                "at_upper": self.at(|of, i| of.weights[i] >= of.upper[i] && of.lower[i] < of.upper[i]),
                "not_tradable": self.at(|of, i| of.lower[i] == of.upper[i]),
                "steps": of.status.steps,
                "converged": of.status.converged,
            },
            "growth_given_up": of.sized.then(|| json!({
                "turnover_cap": self.given_up.turnover_cap,
                "bounds": self.given_up.bounds,
                "gross": self.given_up.gross,
                "net": self.given_up.net,
                "exposures": self.given_up.exposures,
                "costs": self.given_up.costs,
            })),
            "frontier": self.frontier.iter().map(|point| json!({
                "cap": point.cap, "turnover": point.turnover, "growth": point.growth, "multiplier": point.multiplier,
                "within_limits": point.within_limits,
            })).collect::<Vec<_>>(),
        });
        if let (Value::Object(all), Ok(Value::Object(warnings))) =
            (&mut all, serde_json::to_value(WarningList::new(&self.warnings)))
        {
            all.extend(warnings);
        }
        all
    }

    /// Symbols for which it holds.
    fn at(&self, holds: impl Fn(&Rebalance, usize) -> bool) -> Vec<&str> {
        let (of, names) = (&*self.shown.rebalance, &self.shown.names);
        (0..of.weights.len()).filter(|&i| holds(of, i)).map(|i| &*names[i]).collect()
    }

    fn text(&self) -> String {
        let of = &*self.shown.rebalance;
        let year = self.config.data.calendar().frames_per_year();
        let percent = |value: f64| format!("{:.2} %", 100.0 * value);
        let date = time_text(Some(self.shown.timestamp)).unwrap_or_default();
        let mut text = format!(
            "{date}, {}: {}\n{} traded of {} that is left of the day's cap; gross {}, net {}\n",
            self.config.strategy_kind(),
            of.outcome.name().replace('_', " "),
            percent(self.turnover()),
            percent(of.turnover),
            percent(of.weights.iter().map(|w| w.abs()).sum()),
            percent(of.weights.iter().sum()),
        );
        for note in self.config.notes(true) {
            text += &format!("{note}\n");
        }
        for warning in &self.warnings {
            text += &format!("note: {warning}\n");
        }
        if of.sized {
            text += &format!(
                "expected growth {} a year after the costs of getting there, volatility {} a year\n\n{}\n",
                percent(of.objective(&of.weights) * year),
                percent((of.variance(&of.weights) * year).sqrt()),
                self.limits(year)
            );
        }
        if !of.sized && of.outcome == Outcome::Capped {
            text += "the strategy asks for weights: the nearest ones under the cap are taken\n";
        }
        if self.config.sizing.cap_method == CapMethod::Scale {
            text += "cap_method is \"scale\": what limits cost, and the frontier, are those of \"exact\"\n";
        }
        text += &format!("\n{}\n", self.trades());
        if !self.frontier.is_empty() {
            text += &format!("\n{}\n", self.frontier_table(year));
        }
        text
    }

    fn limits(&self, year: f64) -> Table {
        let of = &*self.shown.rebalance;
        let mut table = table(["limit", "marginal value, bps a year", "growth given up, % a year"]);
        let given = &self.given_up;
        let price = |price: f64| match of.outcome.within_limits() {
            true => format!("{:.2}", 1e4 * price * year * 0.01),
            // The price would be that of approaching it.
            false => "out of reach".to_owned(),
        };
        let growth = |growth: f64| format!("{:.3}", 100.0 * growth * year);
        let mut rows = vec![
            ("turnover cap", price(of.multipliers.turnover), growth(given.turnover_cap)),
            ("bounds of a weight", String::new(), growth(given.bounds)),
        ];
        if of.gross.is_finite() {
            rows.push(("gross limit", price(of.multipliers.gross), growth(given.gross)));
        }
        if of.net.is_some() {
            rows.push(("net target", price(of.multipliers.net), growth(given.net)));
        }
        if !of.exposure_bounds.is_empty() {
            rows.push(("exposure bounds", String::new(), growth(given.exposures)));
        }
        rows.push(("costs", String::new(), growth(given.costs)));
        for (name, price, growth) in rows {
            table.add_row([name.to_owned(), price, growth]);
        }
        align(table)
    }

    fn trades(&self) -> Table {
        let (of, names) = (&*self.shown.rebalance, &self.shown.names);
        let mut order: Vec<usize> = (0..of.weights.len()).filter(|&i| of.weights[i] != of.held[i]).collect();
        let trade = |i: usize| of.weights[i] - of.held[i];
        order.sort_by(|&a, &b| trade(b).abs().total_cmp(&trade(a).abs()));
        let forecast = if of.sized { "forecast, bps" } else { "wanted, %" };
        let mut table = table(["largest trades", "held, %", "target, %", "trade, %", forecast]);
        for &i in order.iter().take(TRADES) {
            table.add_row([
                names[i].to_string(),
                format!("{:.3}", 100.0 * of.held[i]),
                format!("{:.3}", 100.0 * of.weights[i]),
                format!("{:+.3}", 100.0 * trade(i)),
                format!("{:.2}", if of.sized { 1e4 } else { 100.0 } * of.expected[i]),
            ]);
        }
        if order.len() > TRADES {
            table.add_row([format!("and {} more", order.len() - TRADES)]);
        }
        align(table)
    }

    fn frontier_table(&self, year: f64) -> Table {
        let mut table = table(["turnover, %", "growth, % a year", "one more % adds, bps a year"]);
        for point in &self.frontier {
            table.add_row([
                format!("{:.2}", 100.0 * point.turnover),
                format!("{:.3}", 100.0 * point.growth * year),
                match point.within_limits {
                    true => format!("{:.2}", 1e4 * point.multiplier * year * 0.01),
                    false => "limits out of reach".to_owned(),
                },
            ]);
        }
        align(table)
    }
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header);
    table
}

fn align(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
