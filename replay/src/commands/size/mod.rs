//! `betaflow size`: one rebalance in full.
//!
//! The run ends at the date. `summary.rs` holds the JSON output, `text.rs` the terminal page.

mod args;
mod summary;
mod text;

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use anyhow::{Result, bail};
use betaflow_engine::execution::is_ruined;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::pipeline::{RunOptions, trading};
use betaflow_engine::portfolio::{FrontierPoint, LimitCosts, Rebalance};
use betaflow_engine::source::Source as _;
use betaflow_engine::time::{TimestampNs, Zone};

use crate::config::{Config, Request, date};
use crate::host::Host;
use crate::run::data::Opened;
use crate::run::open;
use crate::summary::{Rendered, data_warnings, time_text, to_json};
pub(super) use args::{SIZE, SizeArgs};

/// Points of the frontier.
const POINTS: usize = 21;

/// A rebalance of the date.
#[derive(Clone)]
struct Shown {
    timestamp: TimestampNs,
    names: InstrumentNames,
    nav: f64,
    rebalance: Arc<Rebalance>,
}

/// Last rebalance of the date, and times that explain why the date has none.
#[derive(Default)]
struct Rebalances {
    shown: Option<Shown>,
    first_decided: Option<TimestampNs>,
    decided: Option<TimestampNs>,
    ruined: Option<TimestampNs>,
}

impl Rebalances {
    /// Returns the reason why there is no rebalance to show.
    fn reason(&self, config: &Config, dates: Option<RangeInclusive<i64>>) -> String {
        let text = |time: TimestampNs| time_text(Some(time)).unwrap_or_default();
        if let Some(time) = self.ruined {
            return format!(
                "the account was ruined at {}: its value fell to 0 or below, all positions were closed, and trading ended",
                text(time)
            );
        }
        match (self.first_decided, self.decided) {
            (Some(_), Some(last)) if dates.is_some_and(|dates| dates.contains(&config.zone().date(last))) => {
                "the rebalance decided not to trade, because the strategy keeps its weights or their drift is below \
                 sizing.rebalance_drift"
                    .to_owned()
            }
            (Some(first), Some(last)) => format!(
                "no frame of that date rebalances; the first rebalance is at {}, the last one before the date at {} \
                 (sizing.rebalance_every, sizing.rebalance_at)",
                text(first),
                text(last)
            ),
            _ => format!(
                "the warm-up of {} days of returns (estimator.warmup) ends later{}{}",
                config.estimator.warmup,
                config.run().trade_from.map_or_else(String::new, |from| {
                    format!(", or trading begins later, at {} (data.trade_from)", text(from))
                }),
                config.sizing.rebalance_at.as_ref().map_or_else(String::new, |at| {
                    format!(", or no frame closes at {at} or later (sizing.rebalance_at)")
                })
            ),
        }
    }
}

/// Recorder that keeps the rebalance of the date.
#[derive(Clone, Default)]
struct Finder(Arc<Mutex<Rebalances>>);

impl Recorder for Finder {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let mut found = self.0.lock().map_err(|_| "a stage of the pipeline has failed")?;
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

/// Trades up to the date, and shows the last rebalance on it.
pub(crate) fn size(args: &SizeArgs, host: &Host) -> Result<()> {
    let nothing = RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
    date("--at", &args.at, &Zone::UTC)?;
    // Later data cannot change the rebalance and is not read.
    let config =
        Request::new(&args.input, nothing).with_host(host).until("--at", Some(&args.at)).resolve()?;
    let at = date("--at", &args.at, config.zone())?;
    if let Some(from) = config.holdout.start(config.zone())?.filter(|from| at >= *from) {
        let from = time_text(Some(from)).unwrap_or_default();
        bail!(
            "--at: found {}, expected a date before {from}, where the hold-out begins (holdout.from): only `betaflow score` \
             reads it",
            args.at
        );
    }
    if config.world.bootstrap_seed.is_some() {
        bail!(
            "size: found world.bootstrap_seed, expected none: a resampled path depends on all of its data, and this command \
             reads none after {}; a replay with record.weights = \"all\" records each rebalance of the path",
            args.at
        );
    }
    let mut settings = config.run().clone();
    settings.record = nothing;
    let day = config.zone().date(at);
    settings.shown_dates = Some(day..=day);
    let Opened { source, .. } = open(&config)?;
    let factors = source.factor_names().to_vec();
    let finder = Finder::default();
    let recorder = Box::new(finder.clone());
    let graph = trading(source, config.strategy()?, &settings, vec![recorder])?;
    let ended = graph.run(&RunOptions::default()).map_err(|error| config.located(error))?;
    let warnings = data_warnings(&ended.facts.data);
    let found = std::mem::take(
        &mut *finder.0.lock().map_err(|_| anyhow::anyhow!("a stage of the pipeline has failed"))?,
    );
    let Some(shown) = found.shown else {
        bail!(
            "--at: found no rebalance to show on {}: {}",
            args.at,
            found.reason(&config, settings.shown_dates)
        );
    };
    let report = Report::new(&config, shown, factors, warnings);
    host.conclude(args.json, &to_json(&report.summary())?, || report.page(), None);
    Ok(())
}

/// A rebalance with its frontier and the growth that each limit costs.
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

    /// Returns the turnover of the rebalance, a share of NAV.
    fn turnover(&self) -> f64 {
        let Rebalance { weights, held, .. } = &*self.shown.rebalance;
        weights.iter().zip(held).map(|(w, held)| (w - held).abs()).sum()
    }
}
