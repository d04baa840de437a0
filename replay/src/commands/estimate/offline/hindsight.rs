//! `--smooth` and `--em`: the engine's results, written to `smoothed.parquet` and `parameters.parquet`.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{ParametersRow, RowOf, RunNames, SmoothedRow, TableWriter};
use betaflow_engine::model::{Em, Hindsight, HindsightSettings, Panel, SmoothedHistory};

use super::findings::{Findings, FittedFacts, SmoothedBy};
use crate::config::Config;
use crate::run::progress;

/// Fits with at most `em` steps and smooths, instrument by instrument.
pub(crate) fn look_back(
    smooth: bool,
    em: Option<u32>,
    config: &Config,
    panel: &Panel,
    folder: &Path,
    findings: &mut Findings,
) -> Result<()> {
    let steps = em.map(usize::try_from).transpose()?;
    let em_settings = steps.map(|steps| Em { steps, ..Em::default() });
    let settings = HindsightSettings { smooth, em: em_settings };
    let hindsight = Hindsight::new(panel, &config.estimator, &config.run().calendar, settings)?;
    let names = RunNames::of_factors(panel.factor_names());
    let mut parameters = em.map(|_| TableWriter::create(folder, &names, None)).transpose()?;
    let mut smoothed = smooth.then(|| TableWriter::create(folder, &names, None)).transpose()?;
    let mut row = ParametersRow::default();
    let mut facts = FittedFacts::new(em.unwrap_or_default());
    let bar = progress::steps(panel.names().len(), "instruments");
    for (i, symbol) in panel.names().iter().enumerate() {
        let found = hindsight.instrument(i)?;
        if let Some(table) = &mut parameters {
            row.take(symbol, found.fitted.as_ref());
            table.push(&row)?;
            facts.add(found.fitted.as_ref());
        }
        if let (Some(table), Some((first, history))) = (&mut smoothed, &found.smoothed) {
            write(table, panel, symbol, *first, history)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(table) = parameters {
        table.close()?;
        findings.fitted = Some(facts);
    }
    if let Some(table) = smoothed {
        table.close()?;
        findings.smoothed = Some(SmoothedBy::of(em.is_some(), config));
    }
    Ok(())
}

fn write(
    table: &mut TableWriter<SmoothedRow>,
    panel: &Panel,
    symbol: &str,
    first: usize,
    history: &SmoothedHistory,
) -> Result<()> {
    let mut row = SmoothedRow::default();
    for t in 0..history.frames() {
        let (timestamp, seq) = panel.frame(first + t);
        let sd = (0..panel.coefficients()).map(|j| history.sd(t, j));
        row.take(RowOf { timestamp, seq, symbol }, history.mean(t), sd);
        table.push(&row)?;
    }
    Ok(())
}
