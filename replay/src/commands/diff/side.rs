//! One of the two runs: its data and its records, frame by frame.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::record::{EquityRow, RunRecord, select};
use betaflow_connectors::store::StateView;
use betaflow_engine::execution::{Action, ExecutionSettings, FillAt, Holdings, Market, Unfilled, is_ruined};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source;

use super::recorded::{RecordedFrame, RecordedFrames};
use crate::commands::state::located;
use crate::config::{Config, InputArgs, Request, error_text, source_error};
use crate::run;
use crate::run::REPLAY;
use crate::run::session;

/// The data of a run at a frame.
pub(crate) struct Data {
    source: Box<dyn Source>,
    pub(crate) frame: Frame,
    /// Names of the instruments in engine order.
    pub(crate) names: Vec<String>,
    /// Splits and dividends.
    market: Market,
}

impl Data {
    fn new(source: Box<dyn Source>) -> Self {
        let market = Market::new(&ExecutionSettings::default());
        Self { source, frame: Frame::default(), names: Vec::new(), market }
    }

    fn advance(&mut self) -> Result<bool> {
        if !self.source.next_frame(&mut self.frame).map_err(source_error)? {
            return Ok(false);
        }
        self.names.extend(self.frame.listed.iter().map(|name| (**name).to_owned()));
        for renamed in &self.frame.renamed {
            renamed.name.as_ref().clone_into(&mut self.names[renamed.instrument as usize]);
        }
        self.market.begin(&self.frame);
        self.market.end(&self.frame);
        Ok(true)
    }

    /// Returns the splits and dividends of the frame.
    pub(crate) fn actions(&self) -> &[Action] {
        self.market.actions()
    }

    /// Returns the names of the factors.
    pub(crate) fn factors(&self) -> &[String] {
        self.source.factor_names()
    }
}

/// One of the compared runs.
pub(crate) struct Side {
    pub(crate) path: PathBuf,
    /// The data, or the reason why it is missing.
    data: Result<Data, String>,
    /// Positions with which the account opens on its first recorded frame (`execution.holdings`).
    pub(crate) holdings: Option<Arc<Holdings>>,
    record: RecordedFrames,
    next_row: Option<RecordedFrame>,
    /// Number and time of the current frame.
    pub(crate) seq: u64,
    pub(crate) time: i64,
    /// Record of the current frame.
    pub(crate) row: Option<RecordedFrame>,
    /// True if there is a current frame.
    pub(crate) there: bool,
    /// True if the account was ruined on this frame or before; its record ends there.
    pub(crate) ruined: bool,
    /// Maximum frames between the decision of an order and its record.
    pub(crate) look_back: u64,
    /// Digest of the whole run.
    pub(crate) digest: Option<String>,
}

/// Returns the settings of a run folder (`input` names its `run.toml`) or of the state folder `state`.
fn resolve(input: &InputArgs, state: Option<&Path>) -> Result<Config> {
    let request = Request::new(input, REPLAY.record).described().with_session();
    match state {
        Some(folder) => session::with_its_settings(folder, request)?.resolve(),
        None => request.resolve(),
    }
}

impl Side {
    /// Opens a run folder or a state folder, before its first frame.
    ///
    /// # Errors
    /// The folder is neither, or cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let is_state = path.join("state.db").exists();
        let is_run = path.join("equity.parquet").exists();
        let mut input = InputArgs::default();
        let digest = match (is_run, is_state) {
            (true, _) => {
                let run = path.join("run.toml");
                input.config = run.exists().then_some(run);
                digest_of_run(path)?
            }
            (false, true) => digest_of_state(path)?,
            (false, false) => bail!(
                "{}: found neither equity.parquet nor state.db in it, expected a run folder or a state folder",
                path.display()
            ),
        };
        let is_state = !is_run;
        let config = match input.config.is_some() || is_state {
            true => resolve(&input, is_state.then_some(path)).map_err(|error| error_text(&error)),
            false => Err("found no run.toml".to_owned()),
        };
        let (delay, works) = config.as_ref().map_or((1, 0), frames_of_orders);
        let holdings = config.as_ref().ok().and_then(|config| config.run().execution.opening.clone());
        let record = match is_state {
            true => StateView::open(path)?.into_record()?,
            false => RunRecord::of_run(path),
        };
        let record = RecordedFrames::new(&record, works)?;
        // Opened after the record, so that all recorded frames have their inputs.
        let data = config.and_then(|config| {
            let opened = run::open(&config).map_err(|error| error_text(&error))?;
            Ok(Data::new(opened.source))
        });
        let mut side = Self {
            path: path.to_owned(),
            data,
            holdings,
            record,
            next_row: None,
            seq: 0,
            time: 0,
            row: None,
            there: false,
            ruined: false,
            look_back: delay + works,
            digest,
        };
        side.next_row = side.record.next()?;
        side.advance()?;
        Ok(side)
    }

    /// Returns the data of the current frame.
    pub(crate) fn data(&self) -> Option<&Data> {
        self.data.as_ref().ok()
    }

    /// Returns the reason why there is no data.
    pub(crate) fn no_data(&self) -> Option<&str> {
        self.data.as_ref().err().map(String::as_str)
    }

    /// Stops using the data, which is not that of the run or cannot be read.
    pub(crate) fn drop_data(&mut self, reason: String) {
        if self.data.is_ok() {
            self.data = Err(reason);
        }
    }

    /// Moves to the next frame.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn advance(&mut self) -> Result<()> {
        self.next_frame()?;
        self.ruined |= self.row.as_ref().is_some_and(|row| is_ruined(row.equity.nav));
        Ok(())
    }

    fn next_frame(&mut self) -> Result<()> {
        self.row = None;
        self.there = false;
        if let Ok(data) = &mut self.data {
            match data.advance() {
                Ok(true) => {
                    (self.seq, self.time, self.there) = (data.frame.seq, data.frame.timestamp.0, true);
                    let row = self.next_row.as_ref().map(|row| (row.seq(), row.time()));
                    match row {
                        Some(row) if row == (self.seq, self.time) => {
                            self.row = std::mem::replace(&mut self.next_row, self.record.next()?);
                            return Ok(());
                        }
                        Some((seq, time)) if seq <= self.seq || time <= self.time => {
                            self.drop_data(format!("frame {seq} of the run is missing from it"));
                        }
                        _ => return Ok(()),
                    }
                }
                Ok(false) if self.next_row.is_none() => return Ok(()),
                Ok(false) => self.drop_data(format!("it ends after frame {}", self.seq)),
                Err(error) => self.drop_data(error_text(&error)),
            }
        }
        self.row = std::mem::replace(&mut self.next_row, self.record.next()?);
        if let Some(row) = &self.row {
            (self.seq, self.time, self.there) = (row.seq(), row.time(), true);
        }
        Ok(())
    }
}

/// Returns the frames from a decision to the first frame of its orders, and the maximum frames on which these may work.
fn frames_of_orders(config: &Config) -> (u64, u64) {
    let execution = &config.execution;
    let delay = if execution.fill_at == FillAt::SameClose { 0 } else { execution.delay_bars };
    let between = match &config.sizing.rebalance_at {
        None => config.sizing.rebalance_every,
        Some(_) => config.sizing.rebalance_every * (1 + u64::from(config.data.frames_per_day)),
    };
    (delay, if execution.unfilled == Unfilled::Carry { between } else { 0 })
}

fn digest_of_run(path: &Path) -> Result<Option<String>> {
    let summary = path.join("summary.json");
    if !summary.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&summary).with_context(|| format!("{}", summary.display()))?;
    let summary: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{}: not valid JSON", summary.display()))?;
    Ok(summary["digest"].as_str().map(str::to_owned))
}

fn digest_of_state(path: &Path) -> Result<Option<String>> {
    let view = StateView::open(path)?;
    let last = select::<EquityRow>(view.connection(), "ORDER BY seq DESC LIMIT 1", [])
        .map_err(|error| located(error.into(), path))?;
    Ok(last.into_iter().next().and_then(|row| row.digest.0).map(|digest| digest.to_string()))
}
