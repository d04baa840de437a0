//! `betaflow signal`: predictive power of forecasts, beside a replay that trades them.
//!
//! ```text
//! source ─▶ Analysed ─▶ stages of a replay ─▶ Sharpe ratio after costs ┐
//!              └─▶ FrameAnalysis ─▶ signal.parquet, figures ───────────┴─▶ summary, text, report
//! ```
//!
//! The analysis reads the frames on their way from the source to the stages, so the data is read once.

mod analysed;
mod args;
mod text;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::record::{RunNames, TableWriter};
use betaflow_engine::model::estimator;
use betaflow_engine::signal::analysis::{
    AnalysisSettings, FrameAnalysis, HORIZONS, Horizons, MissingPrice, SectionFacts, SignalFigures, cost_rate,
};
use betaflow_engine::source::Source as _;

use crate::config::Config;
use crate::host::Host;
use crate::run::{Kind, Opened, Prepared, SIGNAL as TRADED, SIGNAL_ALONE, open};
use crate::summary::{ExposureSummary, FolderKind, SignalKeys, SignalSummary, time_text};
use analysed::{Analysed, AnalysisState};
pub(super) use args::{SIGNAL, SignalArgs};

/// Analyses forecasts, and replays them.
///
/// # Errors
/// Settings or data are invalid, the forecasts name no instrument of the data, or a file cannot be written.
pub(super) fn signal(args: &SignalArgs, host: &Host) -> Result<()> {
    let kind: &Kind = if args.no_replay { &SIGNAL_ALONE } else { &TRADED };
    let run = args.replay();
    let config = TRADED.request(&run, host).without_factors().resolve()?;
    let Some(forecasts) = config.signal_path().filter(|_| config.strategy_kind() == "forecasts") else {
        bail!(
            "signal: found no file of forecasts, expected FORECASTS, or strategy.path with strategy.kind = \"forecasts\" in the \
             configuration"
        );
    };
    let forecasts = config.host().table_name(forecasts).unwrap_or(forecasts);
    let settings = settings_of(args, &config)?;
    let Opened { source, progress, size } = open(&config)?;
    let factors = source.factor_names().to_vec();
    let calendar = config.run().calendar;
    let estimator = match factors.len() {
        0 => None,
        count => Some(estimator(&config.estimator, &calendar, count)?),
    };
    let analysis = FrameAnalysis::new(settings.clone(), estimator, config.data.excess);
    let shared = AnalysisState::default();
    let source = Box::new(Analysed::new(source, analysis, shared.clone()));
    let prepared = Prepared::new(&config, &run, kind, Opened { source, progress, size }, None)?;
    shared.set_table(TableWriter::create(prepared.folder(), &RunNames::default(), None)?);
    let finished = prepared.execute()?;
    let (figures, facts) = shared.result().context("the replay ended before the data")?;
    if figures.cross_sections == 0 {
        bail!(
            "{forecasts}: found no cross-section that becomes known within the data, expected forecasts of its instruments \
             between {} and {}",
            time_text(finished.facts().data.first).unwrap_or_default(),
            time_text(finished.facts().data.last).unwrap_or_default()
        );
    }
    let keys = keys(forecasts, &settings, &config, &factors, &figures, facts);
    let extend = |run| SignalSummary { run, kind: FolderKind::Signal, signal: keys };
    finished.conclude_as(&args.command(), !args.no_report, extend, text::page)
}

/// Horizon of the forecasts in bars.
fn horizon_of(config: &Config) -> usize {
    let days = config.strategy.get("horizon").and_then(toml::Value::as_float).unwrap_or(1.0);
    (days * f64::from(config.data.frames_per_day)).round().max(1.0) as usize
}

/// Settings of the analysis. The horizon of the forecasts is always among the horizons.
fn settings_of(args: &SignalArgs, config: &Config) -> Result<AnalysisSettings> {
    let mut bars = if args.horizons.is_empty() { HORIZONS.to_vec() } else { args.horizons.clone() };
    Horizons::new(bars.clone()).context("--horizons")?;
    bars.push(horizon_of(config));
    bars.sort_unstable();
    bars.dedup();
    let calendar = config.run().calendar;
    Ok(AnalysisSettings {
        horizons: Horizons::new(bars).context("`strategy.horizon`")?,
        missing_price: if args.carry_prices { MissingPrice::Carry } else { MissingPrice::LeaveOut },
        bars_per_year: calendar.frames_per_year(),
        cost_rate: cost_rate(&config.run().execution, config.world.multipliers()),
        zone: config.zone().clone(),
    })
}

fn keys(
    forecasts: &str,
    settings: &AnalysisSettings,
    config: &Config,
    factors: &[String],
    figures: &SignalFigures,
    facts: SectionFacts,
) -> SignalKeys {
    let (first, last) = figures.first_and_last.unzip();
    let name = Path::new(forecasts).file_name().map(|name| name.to_string_lossy().into_owned());
    let exposures = factors.iter().zip(&figures.exposures);
    SignalKeys {
        forecasts: name,
        cross_sections: figures.cross_sections as u64,
        cross_sections_per_year: figures.cross_sections_per_year.into(),
        first: time_text(first),
        last: time_text(last),
        coverage: figures.coverage.into(),
        names: figures.names.into(),
        without_price: figures.without_price,
        extended: facts.extended,
        before_first: facts.before_first,
        missing_price: match settings.missing_price {
            MissingPrice::LeaveOut => "left out".to_owned(),
            MissingPrice::Carry => "carried".to_owned(),
        },
        cost_bps: (settings.cost_rate * 1e4).into(),
        horizon: horizon_of(config) as u64,
        horizons: figures.horizons.iter().map(Into::into).collect(),
        exposures: exposures.map(|(name, of)| ExposureSummary::new(name, of)).collect(),
    }
}
