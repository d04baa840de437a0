//! `betaflow score`: the one command that reads the hold-out.
//!
//! The strategy runs through all data as in a replay, in one causal run. Only the returns of the hold-out are scored; the first
//! starts from the last value before the hold-out.
//!
//! The command first checks data, settings, strategy and output folder, and reads the data once to its end. Then, before it
//! computes any return of the hold-out, it records the opening in a log beside the data (`holdout_log.rs`). Every later score
//! reports it.
//!
//! An opening has two lines: `opened`, and `scored` with the end of the period, or `failed` if the run ended in an error
//! without figures. A failed opening does not count. An opening without a second line was killed, and counts.
//!
//! An earlier opening counts if it has read a frame that is scored now, even if the bytes of the data differ: the log belongs
//! to the data beside it.

mod args;
mod figures;
mod holdout_log;
mod period;
mod profile;
mod text;
mod trials;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use betaflow_connectors::parquet::{Input, content_digest};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::hex;
use betaflow_engine::source::Source as _;
use betaflow_engine::time::TimestampNs;
use jiff::Timestamp;

use crate::config::{Config, error_text, source_error};
use crate::host::Host;
use crate::run::data::{DataCache, Opened as OpenedSource};
use crate::run::json_lines;
use crate::run::{self, Prepared, Reported};
use crate::summary::{
    BenchmarkSummary, EarlierOpening, FailedOpening, HoldoutSummary, PeriodMetrics, ScoreSummary, Section,
    time_text,
};
pub(super) use args::{Profile, SCORE, ScoreArgs};
use figures::{Part, Parts};
pub(crate) use holdout_log::Entry;
use holdout_log::{Event, HoldoutLog, Overlap};
use trials::TrialsOverlap;

/// Scores the hold-out.
pub(crate) fn score(args: &ScoreArgs, host: &Host) -> Result<()> {
    let config = run::resolve(&args.run, &run::SCORE, host)?;
    let Some(start) = config.holdout.start(config.zone())? else {
        bail!(
            "score: found no hold-out, expected its first date: set `from` in the table [holdout] of the configuration, or \
             --set holdout.from=2020-01-01"
        );
    };
    if let Some(to) = config.data.to()?.filter(|to| *to < start) {
        let [start, to] = [start, to].map(|time| time_text(Some(time)).unwrap_or_default());
        bail!(
            "`data.to`: found {to}, expected a date after {start}, where the hold-out begins: choose a later date"
        );
    }
    if config.world.needs_memory() {
        bail!(
            "score: found {}, expected an environment with the dates of the data: a resampled or extended path mixes the \
             hold-out with data before it; leave out world.bootstrap_seed and world.worst_windows",
            config.world_note(true).unwrap_or_default()
        );
    }
    let config = profile::apply(args.profile, config)?;
    let scoring = Scoring {
        start,
        profile: args.profile,
        log: HoldoutLog::new(json_lines::beside(&config, "holdout.jsonl")?),
    };
    let (source, times) = scoring.source(&config)?;
    let prepared = Prepared::new(&config, &args.run, &run::SCORE, source, None)?;
    // A warning after the opening would come too late.
    if let Some(trials) = TrialsOverlap::of(&config, &times)? {
        host.tell(&format!("warning: {}", trials.warning()));
    }
    // An error before this line leaves the hold-out unopened: no frame has been processed.
    let opened = scoring.record_opening(&config)?;
    let entry = opened.entry().clone();
    let scored = || -> Result<_> {
        let finished = prepared.execute()?;
        let score = scoring.finish(opened, finished.folder(), &finished.facts().digest, &config)?;
        Ok((finished, score))
    };
    let (finished, score) = scored().map_err(|error| match scoring.record_failure(&entry, &error) {
        Ok(()) => error,
        // The cause of the failure comes first, then the error of the log.
        Err(log) => error.context(format!("{log:#}")),
    })?;
    let plot: Option<&[String]> = (!args.no_report).then_some(&[]);
    finished.conclude(Reported { score: Some(score.section()), plot, ..Reported::default() })
}

/// Settings of a score, before the hold-out is opened.
pub(crate) struct Scoring {
    start: TimestampNs,
    profile: Profile,
    log: HoldoutLog,
}

impl Scoring {
    /// Opens all the data, including the hold-out; no other command does. A first reading to the end computes nothing: rows
    /// out of order and invalid prices end the command before it records an opening. Also returns the times of the frames of
    /// the hold-out.
    pub(crate) fn source(&self, config: &Config) -> Result<(OpenedSource, Vec<TimestampNs>)> {
        let open = || {
            let mut settings = config.source().clone();
            settings.sealed_from = None;
            DataCache::default().open(config, settings)
        };
        let (mut whole, mut frame, mut times) = (open()?.source, Frame::default(), Vec::new());
        while whole.next_frame(&mut frame).map_err(source_error)? {
            times.extend(Some(frame.timestamp).filter(|time| *time >= self.start));
        }
        Ok((open()?, times))
    }

    /// Records the opening. The hold-out must not be scored before this has succeeded.
    pub(crate) fn record_opening(&self, config: &Config) -> Result<Opening> {
        let (prices, factors) = (config.prices(), config.factor_file());
        let inputs: Vec<&Input> = [Some(&prices), factors.as_ref()].into_iter().flatten().collect();
        let entry = Entry {
            event: Event::Opened,
            opening: 0,
            time: Timestamp::now().to_string(),
            data_digest: hex(&content_digest(inputs)?),
            configuration_digest: hex(&config.digest()?),
            from: time_text(Some(self.start)).unwrap_or_default(),
            to: time_text(config.data.to()?),
            frames: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: self.profile.name().to_owned(),
            digest: None,
            net_sharpe: None,
            error: None,
        };
        let (entry, history) = self.log.open(entry)?;
        Ok(Opening { entry, history })
    }

    /// Records that the run ended in an error and showed no figures. An opening that has a result keeps it.
    ///
    /// # Errors
    /// The log cannot be written.
    pub(crate) fn record_failure(&self, entry: &Entry, error: &anyhow::Error) -> Result<()> {
        let time = Timestamp::now().to_string();
        let error = Some(error_text(error));
        self.log.append(&Entry { event: Event::Failed, time, error, ..entry.clone() })
    }

    /// Scores the run in the folder, and records the result.
    pub(crate) fn finish(
        &self,
        opened: Opening,
        folder: &Path,
        digest: &[u8; 32],
        config: &Config,
    ) -> Result<Score> {
        let parts = figures::measure(folder, self.start, config)?;
        if let (0, Some(time)) = (parts.inside.frames, time_text(parts.before.ruined)) {
            bail!(
                "score: the account was ruined at {time}, before the hold-out begins at {}, so there is no return to score; \
                 expected settings that survive until then: lower sizing.gross_max or sizing.kelly_fraction",
                opened.entry.from
            );
        }
        if parts.inside.frames == 0 {
            bail!(
                "score: found no rebalance at or after {}, where the hold-out begins; expected data after that date, and a \
                 warm-up (estimator.warmup) that ends before the data ends",
                opened.entry.from
            );
        }
        let sharpe = parts.inside.net().sharpe;
        let result = Entry {
            event: Event::Scored,
            time: Timestamp::now().to_string(),
            to: time_text(parts.times.last().copied()),
            frames: Some(parts.inside.frames),
            digest: Some(hex(digest)),
            net_sharpe: Some(sharpe).filter(|sharpe| sharpe.is_finite()),
            ..opened.entry.clone()
        };
        self.log.append(&result)?;
        let earlier = opened.history.seen(&opened.entry, &parts.times);
        let trials = TrialsOverlap::of(config, &parts.times)?;
        Ok(Score {
            trials,
            profile: self.profile,
            log: self.log.path().to_owned(),
            parts,
            earlier,
            to: result.to.unwrap_or_default(),
            opened,
            embedded: config.is_tutorial(),
            benchmark: (&config.benchmark).into(),
        })
    }
}

/// A recorded opening.
pub(crate) struct Opening {
    entry: Entry,
    history: holdout_log::History,
}

impl Opening {
    /// Returns the line of the opening in the log.
    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// Result of a scored hold-out.
pub(crate) struct Score {
    profile: Profile,
    log: PathBuf,
    parts: Parts,
    opened: Opening,
    /// Earlier openings that have read some of its frames.
    earlier: Vec<Overlap>,
    /// Recorded runs whose trials were measured in the hold-out.
    trials: Option<TrialsOverlap>,
    /// Time of the last frame of the hold-out.
    to: String,
    /// True if the data is embedded: its log is in the current folder.
    embedded: bool,
    benchmark: BenchmarkSummary,
}

impl Score {
    /// Returns the number of frames that an earlier opening has read.
    fn seen_frames(&self) -> usize {
        let times = self.parts.times.iter();
        times.filter(|time| self.earlier.iter().any(|seen| seen.period.part_of(&[**time]).len() == 1)).count()
    }

    /// Returns the number of earlier openings that read no frame of the hold-out.
    fn others(&self) -> usize {
        self.opened.history.len() - self.earlier.len()
    }

    /// Returns keys, terminal sections and warnings of the hold-out.
    pub(crate) fn section(&self) -> Section<HoldoutSummary> {
        let warnings = self.trials.iter().map(TrialsOverlap::warning).chain(self.log_warnings()).collect();
        let from = self.opened.entry.from.clone();
        let keys = HoldoutSummary { from, opened: true, score: Some(self.summary()) };
        Section { keys, page: self.page(), warnings }
    }

    fn summary(&self) -> ScoreSummary {
        let entry = &self.opened.entry;
        let metrics =
            |part: &Part| PeriodMetrics { frames: part.frames as u64, metrics: part.figures.into() };
        ScoreSummary {
            to: Some(self.to.clone()),
            inside: metrics(&self.parts.inside),
            before: metrics(&self.parts.before),
            openings: self.earlier.len() as u64 + 1,
            seen_frames: self.seen_frames() as u64,
            earlier_openings: self.earlier.iter().map(earlier_opening).collect(),
            other_openings: self.others() as u64,
            failed_openings: self.opened.history.failed.iter().map(failed_opening).collect(),
            trials: self.trials.as_ref().map(TrialsOverlap::summary),
            profile: entry.profile.clone(),
            data_digest: entry.data_digest.clone(),
            configuration_digest: entry.configuration_digest.clone(),
            ledger: self.log.display().to_string(),
        }
    }
}

fn failed_opening(entry: &Entry) -> FailedOpening {
    FailedOpening {
        time: entry.time.clone(),
        profile: entry.profile.clone(),
        configuration_digest: entry.configuration_digest.clone(),
        error: entry.error.clone(),
    }
}

fn earlier_opening(seen: &Overlap) -> EarlierOpening {
    let Overlap { entry, same, period, frames } = seen;
    EarlierOpening {
        time: entry.time.clone(),
        profile: entry.profile.clone(),
        data_digest: entry.data_digest.clone(),
        configuration_digest: entry.configuration_digest.clone(),
        digest: entry.digest.clone(),
        net_sharpe: entry.net_sharpe.into(),
        from: entry.from.clone(),
        to: entry.to.clone(),
        frames: entry.frames.map(|frames| frames as u64),
        same_data_and_start: *same,
        seen_from: time_text(Some(period.from)),
        seen_to: time_text(Some(period.to)),
        seen_frames: *frames as u64,
    }
}
