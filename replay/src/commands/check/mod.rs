//! `betaflow check`: quality of price data, and contents of a venue's capture.

mod args;
mod capture;
mod report;
mod summary;

use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use betaflow_connectors::parquet::{BadRow, ParquetSource, Refusal, RefusedRow};
use betaflow_connectors::record::write_findings;
use betaflow_engine::assembly::FrameColumn;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{Frames, RecordSettings};
use betaflow_engine::quality::{
    Depth, FactorInspector, Finding, Inspector, Problem, SpreadInspector, Tally, is_change_of_unit,
};
use betaflow_engine::source::{DataFacts, Source as _};
use betaflow_engine::time::TimestampNs;

use crate::config::{Config, Request};
use crate::host::Host;
use crate::summary::to_json;
pub(super) use args::{CHECK, CheckArgs};
use report::Checked;

/// Maximum findings in the list; further ones are only counted, so that memory is bounded.
const LISTED_MAX: usize = 1_000_000;

/// Checks price data, shows the findings and writes them to `--out`.
pub(crate) fn check(args: &CheckArgs, host: &Host) -> Result<()> {
    if capture::is_capture(args) {
        return capture::check(args);
    }
    if args.bars.is_some() {
        bail!("--bars: found price data, expected a capture of a venue: a file of JSON lines, with --venue");
    }
    let started = Instant::now();
    let record = RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
    let config = Request::new(&args.input(), record)
        .with_host(host)
        .without_factors()
        .until("--to", args.to.as_deref())
        .resolve()?;
    let mut found = Findings::default();
    let (facts, spreads) = inspect(&config, &mut found)?;
    let alignment = inspect_factors(&config, &mut found)?;
    found
        .listed
        .sort_by(|a, b| (a.timestamp, &a.symbol, a.problem).cmp(&(b.timestamp, &b.symbol, b.problem)));
    if let Some(path) = &args.out {
        write_findings(path, &found.listed)?;
    }
    let checked = Checked {
        config: &config,
        facts: &facts,
        tally: &found.tally,
        spreads: &spreads,
        alignment,
        seconds: started.elapsed().as_secs_f64(),
    };
    let page = || {
        let mut page = checked.page();
        if let Some(path) = &args.out {
            page.section("Files").field("Findings", path.display());
            if found.listed.len() as u64 != found.tally.total() {
                page.text(format!("It holds only the first {LISTED_MAX} findings."));
            }
        }
        page
    };
    host.conclude(args.json, &to_json(&checked.summary())?, page, args.out.as_deref());
    Ok(())
}

/// Findings: counts, and a list of bounded length.
#[derive(Default)]
struct Findings {
    tally: Tally,
    listed: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        self.tally.add(&finding);
        if self.listed.len() < LISTED_MAX {
            self.listed.push(finding);
        }
    }
}

/// Reads all prices once and collects findings and spreads.
fn inspect(config: &Config, found: &mut Findings) -> Result<(DataFacts, SpreadInspector)> {
    let mut settings = config.source().clone();
    (settings.required, settings.factors) = (Vec::new(), Vec::new());
    settings.optional = columns(config.bars_belong_to_price());
    settings.on_bad_row = BadRow::Report;
    let mut source = ParquetSource::open(&config.prices(), None, settings)?;
    let (mut inspector, mut spreads) = (Inspector::new(Depth::Full), SpreadInspector::default());
    let (mut frame, mut findings) = (Frame::default(), Vec::new());
    while source.next_frame(&mut frame).map_err(|error| anyhow!(error))? {
        inspector.observe(&frame, &mut findings);
        spreads.observe(&frame);
        findings.drain(..).for_each(|finding| found.add(finding));
        source.take_refused().into_iter().for_each(|row| found.add(refused(row, frame.timestamp)));
    }
    inspector.finish(&mut findings);
    findings.into_iter().for_each(|finding| found.add(finding));
    source.take_refused().into_iter().for_each(|row| found.add(refused(row, frame.timestamp)));
    Ok((source.facts(), spreads))
}

/// Returns the columns that are inspected beside the price, if the data has them. `whole`: true if the bars have the
/// scale of the price. A row whose dividend or split is not valid is refused, as in a replay.
fn columns(whole: bool) -> Vec<FrameColumn> {
    use Field::{Ask, Bid, Dividend, High, Low, Open, ReturnPrice, Split, Volume};
    let bars = [ReturnPrice, Open, High, Low, Volume, Bid, Ask].map(|field| (field, false));
    let due = [Dividend, Split].map(|field| (field, true));
    let all = due.into_iter().chain(bars.into_iter().filter(|_| whole));
    all.map(|(field, checked)| FrameColumn { field, checked }).collect()
}

/// Returns a rejected row as a finding. `latest`: time of the current frame.
fn refused(row: RefusedRow, latest: TimestampNs) -> Finding {
    let problem = match row.refusal {
        Refusal::Unsorted if is_change_of_unit(row.time, latest) => Problem::MixedTimeUnits,
        Refusal::Duplicate => Problem::Duplicate,
        Refusal::Unsorted => Problem::Unsorted,
        Refusal::Value => Problem::BrokenBar,
    };
    // Above the severity of contradictory bars, because a replay stops at this row.
    Finding { timestamp: row.time, symbol: row.symbol.into(), problem, detail: row.detail, severity: 2.0 }
}

/// Reads closes and factors, if there are factors. Returns the factor with the highest correlation with the panel, and its
/// correlations.
fn inspect_factors(config: &Config, found: &mut Findings) -> Result<Option<(String, [f64; 3])>> {
    let file = config.factor_file();
    if file.is_none() && config.source().factors.is_empty() {
        return Ok(None);
    }
    let mut settings = config.source().clone();
    (settings.required, settings.optional) = (Vec::new(), Vec::new());
    settings.on_bad_row = BadRow::Skip;
    settings.factor_gap = betaflow_engine::assembly::FactorGap::Carry;
    let mut source = ParquetSource::open(&config.prices(), file.as_ref(), settings)?;
    let names = source.factor_names().to_vec();
    if names.is_empty() {
        bail!("the factors: found no column of returns, expected at least one");
    }
    let (mut inspector, mut frame) = (FactorInspector::default(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| anyhow!(error))? {
        inspector.observe(&frame);
    }
    inspector.findings(&names).into_iter().for_each(|finding| found.add(finding));
    Ok(inspector.correlations().map(|(factor, correlations)| (names[factor].clone(), correlations)))
}
