//! The summary of a run: computed once, shown on the terminal and written to `summary.json`.

use betaflow_engine::frame::TimestampNs;
use betaflow_engine::ledger::{RunFacts, hex};
use betaflow_engine::metrics::{Comparison, Figures};
use betaflow_engine::model::CalibrationFacts;
use betaflow_engine::pipeline::StageTiming;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::offline::Findings;

/// What is known of a finished run.
pub(crate) struct Summary<'a> {
    /// The settings.
    pub config: &'a Config,
    /// What the stages say.
    pub facts: &'a RunFacts,
    /// Metrics, where something traded.
    pub(crate) comparison: Option<Comparison>,
    /// What was seen from the end of the run.
    pub findings: &'a Findings,
    /// Where the time went.
    pub timing: &'a [StageTiming],
    /// Wall time in seconds.
    pub seconds: f64,
    /// Whether orders were traded, or betas estimated only.
    pub trades: bool,
}

/// The loss whose chance is stated.
const LOSS: f64 = 0.2;

/// A number, or null where it is not one.
fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// How well forecasts have held.
fn calibration_json(facts: &CalibrationFacts) -> Map<String, Value> {
    let value = |value: Option<f64>| value.map_or(Value::Null, number);
    let [inside50, inside90, inside95] = facts.coverage.map(value);
    let json = json!({
        "forecasts": facts.forecasts,
        "hedged_r2": value(facts.hedged_r2),
        "nis": value(facts.nis),
        "autocorrelation": value(facts.autocorrelation),
        "coverage_50": inside50,
        "coverage_90": inside90,
        "coverage_95": inside95,
        "log_predictive_density": value(facts.log_predictive_density),
        "baseline_log_predictive_density": value(facts.baseline_log_predictive_density),
        "share_in_alarm": value(facts.share_in_alarm),
        "alarm": facts.alarm.map(|alarm| alarm.name()),
        "log_likelihood": value(facts.log_likelihood),
    });
    match json {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn figures(figures: Option<Figures>) -> Map<String, Value> {
    let items = figures.map(|figures| figures.items().into_iter().chain(figures.uncertainty.items()));
    items.into_iter().flatten().map(|(name, value)| (name.to_owned(), number(value))).collect()
}

/// A timestamp as text: a date where it is a midnight.
pub(crate) fn time_text(timestamp: Option<TimestampNs>) -> Option<String> {
    let moment = Timestamp::from_nanosecond(i128::from(timestamp?.0)).ok()?;
    let text = moment.to_string();
    Some(match timestamp?.is_midnight() {
        true => text.split('T').next().unwrap_or(&text).to_owned(),
        false => text,
    })
}

impl Summary<'_> {
    /// As `summary.json`.
    pub(crate) fn json(&self) -> Value {
        let RunFacts { data, sizing, performance, .. } = self.facts;
        let mut summary = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data": {
                "rows": data.rows,
                "frames": data.frames,
                "instruments": data.instruments,
                "first": time_text(data.first),
                "last": time_text(data.last),
                "skipped": data.skipped,
                "left_out": data.left_out,
            },
            "estimator": self.estimator_json(),
            "warnings": self.warnings(),
            "timing": self.timing_json(),
        });
        if self.trades {
            let costs: Map<_, _> = performance
                .costs
                .items()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), number(value)))
                .chain([("total".to_owned(), number(performance.costs.total()))])
                .collect();
            let mut net = figures(self.comparison.map(|c| c.net));
            if let Some((sharpe, sortino)) = performance.net_in_excess {
                net.insert("sharpe_excess".into(), number(sharpe));
                net.insert("sortino_excess".into(), number(sortino));
            }
            // Nothing was decided: there is nothing that a digest could stand for.
            let decided = self.facts.performance.nav.is_some();
            summary["digest"] = if decided { hex(&self.facts.digest).into() } else { Value::Null };
            summary["strategy"] = self.config.strategy_kind().into();
            summary["nav"] =
                performance.nav.map_or(Value::Null, |(first, last)| json!({"first": first, "last": last}));
            summary["metrics"] = json!({
                "net": net,
                "gross": figures(self.comparison.map(|c| c.gross)),
                "benchmark": figures(self.comparison.map(|c| c.benchmark)),
            });
            summary["costs"] = costs.into();
            summary["interest"] = number(performance.interest);
            summary["turnover"] = json!({
                "mean": number(performance.turnover.mean),
                "max": number(performance.turnover.max),
                "cap": number(self.config.sizing.turnover_cap),
                "share_at_cap": number(performance.turnover.share_at_cap),
            });
            let decisions = sizing.decisions.max(1) as f64;
            let execution = self.facts.execution;
            summary["execution"] = json!({
                "orders": execution.orders,
                "filled": execution.filled,
                "cancelled": execution.cancelled,
                "delistings": execution.delistings,
            });
            summary["sizing"] = json!({
                "decisions": sizing.decisions,
                "capped": sizing.capped,
                "at_gross": sizing.at_gross,
                "no_trade": sizing.no_trade,
                "box_inherited": sizing.box_inherited,
                "gross_inherited": sizing.gross_inherited,
                "repairing": sizing.repairing,
                "gross_out_of_reach": sizing.gross_out_of_reach,
                "net_out_of_reach": sizing.net_out_of_reach,
                "mean_cap_multiplier": number(sizing.cap_multiplier / decisions),
                "mean_gross_multiplier": number(sizing.gross_multiplier / decisions),
                "mean_net_multiplier": number(sizing.net_multiplier / decisions),
            });
            let both =
                self.costs_against_returns().map_or([Value::Null, Value::Null], |both| both.map(number));
            let [drag, break_even] = both;
            summary["cost_analysis"] = json!({"annual_drag": drag, "break_even_bps": break_even});
            summary["kelly"] = self.kelly_json();
        }
        self.findings.add_to(&mut summary);
        summary
    }

    /// What the Kelly fraction implies, and how the risk that it was given has held.
    fn kelly_json(&self) -> Value {
        let sizing = &self.facts.sizing;
        let [predicted, realised] =
            self.volatilities().map_or([Value::Null, Value::Null], |both| both.map(number));
        // At a fraction of Kelly in continuous time, the chance of ever falling to a share x of any value that was
        // had is x^(2/fraction - 1) (Thorp 2006).
        let chance = |fraction: f64| number(libm::pow(1.0 - LOSS, 2.0 / fraction - 1.0));
        json!({
            "fraction": number(self.config.sizing.kelly_fraction),
            "chance_of_ever_losing_20_percent": {
                "at_this_fraction": chance(self.config.sizing.kelly_fraction),
                "full": chance(1.0),
                "half": chance(0.5),
                "quarter": chance(0.25),
            },
            "predicted_volatility": predicted,
            "realised_volatility": realised,
            "decisions": sizing.decisions,
        })
    }

    /// Annual return that costs took, and the cost of a unit of turnover, in bps, that would leave a mean return of
    /// nothing.
    fn costs_against_returns(&self) -> Option<[f64; 2]> {
        let Comparison { net, gross, .. } = self.comparison?;
        let turnover = self.facts.performance.turnover.mean * self.config.data.days_per_year;
        let mean = gross.sharpe * gross.annual_volatility;
        let break_even = if turnover > 0.0 { 1e4 * mean / turnover } else { f64::NAN };
        Some([gross.annual_return - net.annual_return, break_even])
    }

    /// Annual volatility of the book as sizing predicted it, averaged over the decisions, and as it came.
    fn volatilities(&self) -> Option<[f64; 2]> {
        let sizing = &self.facts.sizing;
        let year = self.config.data.calendar().frames_per_year();
        let predicted = (sizing.predicted_variance / sizing.decisions.max(1) as f64 * year).sqrt();
        let realised =
            self.comparison?.net.items().into_iter().find(|(name, _)| *name == "annual_volatility")?.1;
        Some([predicted, realised])
    }

    fn estimator_json(&self) -> Value {
        let facts = &self.facts.estimator;
        let mut estimator = calibration_json(&facts.total);
        estimator.insert("kind".into(), json!(self.config.estimator.kind));
        // The name that the density has had from the start, beside that of a single instrument's.
        let density = facts.total.log_predictive_density.map_or(Value::Null, number);
        estimator.insert("mean_log_predictive_density".into(), density);
        estimator.insert("groups".into(), facts.groups.into());
        estimator.insert("largest_group".into(), facts.largest_group.into());
        let mut alarms = Map::new();
        for alarm in facts.instruments.iter().filter_map(|instrument| instrument.alarm) {
            let count = alarms.entry(alarm.name()).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap_or_default() + 1);
        }
        estimator.insert("alarms".into(), alarms.into());
        let instruments = self.facts.names.iter().zip(&facts.instruments).map(|(name, facts)| {
            let mut instrument = calibration_json(facts);
            instrument.insert("symbol".into(), json!(**name));
            Value::Object(instrument)
        });
        estimator.insert("instruments".into(), instruments.collect());
        estimator.into()
    }

    fn timing_json(&self) -> Value {
        let stages: Vec<_> = self
            .timing
            .iter()
            .map(|stage| {
                json!({
                    "stage": stage.stage,
                    "messages": stage.messages,
                    "handling_seconds": stage.handling_ns as f64 * 1e-9,
                    "blocked_seconds": stage.blocked_ns as f64 * 1e-9,
                    "queue_mean": stage.depth_mean(),
                    "queue_max": stage.depth_max,
                })
            })
            .collect();
        json!({
            "seconds": self.seconds,
            "rows_per_second": self.facts.data.rows as f64 / self.seconds,
            "peak_memory_bytes": peak_memory_bytes(),
            "stages": stages,
        })
    }

    /// What a careful reader should know before believing the figures.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.facts.data.warnings.clone();
        if self.config.is_tutorial() {
            warnings.push(
                "the tutorial's 20 names were picked as survivors: its equal-weight benchmark profits from that, \
                 and no strategy here can"
                    .to_owned(),
            );
        }
        let execution = self.facts.execution;
        if execution.cancelled > 0 {
            warnings.push(format!(
                "{} of {} orders found no price on their frame and were cancelled; what they would have traded \
                 counts against the turnover cap",
                execution.cancelled, execution.orders
            ));
        }
        if execution.delistings > 0 {
            warnings.push(format!(
                "{} position(s) closed at the last price, after {} days without one (execution.delist_after)",
                execution.delistings, self.config.execution.delist_after
            ));
        }
        let sizing = &self.config.sizing;
        if sizing.weight_min < 0.0 && self.config.execution.borrow_bps_per_year == 0.0 {
            warnings.push("shorts are free: execution.borrow_bps_per_year is 0".to_owned());
        }
        let facts = &self.facts.sizing;
        let limits = [
            (facts.net_out_of_reach, "the net target, or a bound on an exposure,"),
            (facts.gross_out_of_reach, "the gross limit"),
            (facts.repairing, "the box of weights, after drift or a halt,"),
        ];
        for (count, limit) in limits.into_iter().filter(|(count, _)| *count > 0) {
            warnings.push(format!(
                "{limit} was out of reach under the turnover cap and the limits before it in {count} of {} decisions, \
                 and was approached as near as they allow",
                facts.decisions
            ));
        }
        if let (true, None, Some(at)) =
            (self.trades, self.facts.performance.nav, &self.config.sizing.rebalance_at)
        {
            warnings.push(format!(
                "no frame decided: none after the warm-up closes at {at} UTC or later (sizing.rebalance_at), or the \
                 data ends before the warm-up of {} days is over",
                self.config.estimator.warmup
            ));
        } else if self.trades && self.facts.performance.nav.is_none() {
            warnings.push(format!(
                "no frame decided: the data ends before the warm-up of {} days is over; give more data or a \
                 smaller estimator.warmup",
                self.config.estimator.warmup
            ));
        }
        warnings.extend(self.findings.notes());
        warnings
    }

    /// As text for the terminal.
    pub(crate) fn text(&self) -> String {
        let RunFacts { data, estimator, performance, .. } = self.facts;
        let range =
            [time_text(data.first), time_text(data.last)].map(|time| time.unwrap_or_else(|| "-".into()));
        let mut text = format!(
            "{} instruments, {} frames from {} to {}; {} rows in {:.2} s\n",
            data.instruments, data.frames, range[0], range[1], data.rows, self.seconds
        );
        let share = |value: Option<f64>| value.map_or_else(|| "-".into(), |v| format!("{v:.4}"));
        text += &format!(
            "betas explain {} of the variance of returns out of sample (hedged R²); {} group(s) of instruments\n",
            share(estimator.total.hedged_r2),
            estimator.groups
        );
        if self.trades && performance.nav.is_some() {
            text += &format!("\n{}\n\n{}", self.metrics_table(), self.trading_text());
        }
        text += &self.findings.text();
        for warning in self.warnings() {
            text += &format!("note: {warning}\n");
        }
        text
    }

    fn metrics_table(&self) -> Table {
        let kind = self.config.strategy_kind();
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header([
            "".to_owned(),
            format!("{kind}, net"),
            format!("{kind}, gross"),
            "equal weight, net".into(),
        ]);
        let comparison = self.comparison;
        let columns =
            [comparison.map(|c| c.net), comparison.map(|c| c.gross), comparison.map(|c| c.benchmark)]
                .map(|figures| figures.map(|figures| figures.items()));
        let rows = columns[0].iter().flatten().map(|(name, _)| *name).enumerate();
        for (row, name) in rows {
            let cell = |items: &Option<[(&str, f64); 11]>| {
                items.map_or_else(String::new, |items| figure_text(name, items[row].1))
            };
            table.add_row([name.replace('_', " "), cell(&columns[0]), cell(&columns[1]), cell(&columns[2])]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn trading_text(&self) -> String {
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
        let interest = match performance.net_in_excess {
            Some((sharpe, _)) if performance.interest != 0.0 => {
                format!("interest on cash {:.0}; sharpe in excess of it {sharpe:.2}\n", performance.interest)
            }
            _ => String::new(),
        };
        let volatility = self.volatilities().map_or_else(String::new, |[predicted, realised]| {
            format!("volatility {:.2} % a year, {:.2} % as predicted\n", 100.0 * realised, 100.0 * predicted)
        });
        let sure = self.comparison.zip(self.costs_against_returns()).map_or_else(String::new, |(both, [_, even])| {
            let uncertain = both.net.uncertainty;
            format!(
                "sharpe give or take {:.2}; above 0 with a chance of {:.2}; costs of {even:.0} bps would take all\n",
                uncertain.standard_error, uncertain.probabilistic_sharpe
            )
        });
        let costs = if costs.is_empty() { "none".to_owned() } else { costs.join(", ") };
        format!(
            "value {first:.0} → {last:.0}; costs: {costs}\n\
             {interest}turnover {:.2} % a day as decided, at most {:.2} % (cap {:.2} %)\n\
             {} decisions: {} stopped by the cap, {} held back by the gross limit\n\
             {volatility}{sure}digest {}\n",
            100.0 * turnover.mean,
            100.0 * turnover.max,
            100.0 * self.config.sizing.turnover_cap,
            sizing.decisions,
            sizing.capped,
            sizing.at_gross,
            hex(&self.facts.digest),
        )
    }

    /// Where the time went, as a table.
    pub(crate) fn timing_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["stage", "messages", "handling s", "waiting s", "queue mean", "queue max"]);
        for stage in self.timing {
            table.add_row([
                stage.stage.to_owned(),
                stage.messages.to_string(),
                format!("{:.3}", stage.handling_ns as f64 * 1e-9),
                format!("{:.3}", stage.blocked_ns as f64 * 1e-9),
                format!("{:.1}", stage.depth_mean()),
                stage.depth_max.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// Most memory that the process has had at a time, where the system says so.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Shares in percent, ratios plain.
fn figure_text(name: &str, value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    match name {
        "sharpe" | "sortino" | "calmar" | "omega" | "tail_ratio" => format!("{value:.2}"),
        _ => format!("{:.2} %", 100.0 * value),
    }
}
