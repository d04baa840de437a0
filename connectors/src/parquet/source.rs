//! Source that combines files, merge, factors and assembly.

use std::sync::Arc;

use betaflow_engine::assembly::{Assembler, Outcome, Rules};
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::source::{DataFacts, Source, SourceError};
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::warning::Warning;

use super::benchmark::BenchmarkFault;
use super::cursor::{Counts, ReadContext};
use super::data_size::DataSize;
use super::factors::FactorJoin;
use super::merge::{Merge, name_of};
use super::settings::{Input, RefusedRow, Settings};
use crate::data_warnings::{LeftOut, data_warnings};
use crate::did_you_mean::nearest;
use crate::{DataError, Progress};

/// Source of frames from files of prices and optional files of factors; files of other formats are first made
/// Parquet tables in time order (`prepare.rs`).
pub struct ParquetSource {
    name: String,
    settings: Settings,
    merge: Merge,
    assembler: Assembler,
    factors: Option<FactorJoin>,
    progress: Arc<Progress>,
    counts: Counts,
    facts: DataFacts,
    /// First and last timestamp with a price, whether emitted or dropped.
    priced: Option<(TimestampNs, TimestampNs)>,
    empty: u64,
    ended: bool,
}

impl ParquetSource {
    /// Finds the files, reads their footers and recognises their columns.
    ///
    /// # Errors
    /// The files are missing or invalid, or the settings contradict each other.
    pub fn open(prices: &Input, factors: Option<&Input>, settings: Settings) -> Result<Self, DataError> {
        if factors.is_some() && !settings.factors.is_empty() {
            return Err(DataError::FactorsTwice);
        }
        let name = name_of(prices);
        let rules = Rules {
            values: settings.values,
            fields: Vec::new(),
            universe: settings.universe.clone(),
            factors: settings.factors.clone(),
            factor_gap: settings.factor_gap,
            benchmark: settings.benchmark.clone(),
            zone: settings.zone.clone(),
            renames: settings.renames.clone(),
        };
        let mut assembler = Assembler::new(rules).map_err(DataError::Rules)?;
        let progress = Arc::new(Progress::default());
        // Report contradictory settings before the search for files.
        assembler.set_fields(settings.wanted(|_| true)).map_err(DataError::Rules)?;
        let merge = Merge::new(prices, &settings, &assembler, &progress)?;
        assembler
            .set_fields(settings.wanted(|field| merge.fields.contains(&field)))
            .map_err(DataError::Rules)?;
        let factors = factors.map(|factors| FactorJoin::open(factors, &settings)).transpose()?;
        Ok(Self {
            name,
            settings,
            merge,
            assembler,
            factors,
            progress,
            counts: Counts::default(),
            facts: DataFacts::default(),
            priced: None,
            empty: 0,
            ended: false,
        })
    }

    /// Opens the data like [`ParquetSource::open`], for a feed whose clients join the factors: frames before
    /// the first factor row are emitted without factors, and [`ParquetSource::factor_rows`] returns the rows
    /// of each frame.
    pub(crate) fn open_neutral(
        prices: &Input,
        factors: Option<&Input>,
        settings: Settings,
    ) -> Result<Self, DataError> {
        let mut source = Self::open(prices, factors, settings)?;
        source.factors = source.factors.map(FactorJoin::neutral);
        Ok(source)
    }

    /// Returns the factor rows of the current frame, each with `rf` last. The source must be opened for a
    /// feed.
    pub(crate) fn factor_rows(&self) -> impl Iterator<Item = &[f64]> {
        self.factors.iter().flat_map(FactorJoin::taken)
    }

    /// Returns the size of the data, from the first factor row on, if the footers of the files have the times.
    #[must_use]
    pub fn size(&self) -> Option<DataSize> {
        let from = self.factors.as_ref().map_or(i64::MIN, |factors| factors.first_row().0);
        self.merge.size.map(|size| size.within(from, i64::MAX))
    }

    /// Returns the progress counts, readable from any thread.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Returns the rows skipped since the last call, with `on_bad_row = Report`.
    pub fn take_refused(&mut self) -> Vec<RefusedRow> {
        std::mem::take(&mut self.counts.refused)
    }

    /// Returns whether frames have this field besides the close.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.merge.fields.contains(&field)
    }

    /// Returns whether the factor file has a risk-free return.
    #[must_use]
    pub fn has_rf(&self) -> bool {
        self.factors.as_ref().is_some_and(FactorJoin::has_rf)
    }

    /// Returns the next frame like [`Source::next_frame`], with a typed error.
    pub(crate) fn next(&mut self, frame: &mut Frame) -> Result<bool, DataError> {
        while !self.ended {
            let mut context = ReadContext {
                settings: &self.settings,
                progress: &self.progress,
                assembler: &mut self.assembler,
                counts: &mut self.counts,
            };
            let Some(time) = self.merge.next_time(&mut context)? else {
                frame.clear();
                self.ended = true;
                self.merge.check_outside(&self.settings)?;
                self.check_end()?;
                break;
            };
            let t = TimestampNs(time);
            context.assembler.begin(t, frame);
            self.merge.drain(time, &mut context, frame)?;
            if self.finish(t, frame)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Completes the rows of one timestamp; returns whether a frame is emitted.
    fn finish(&mut self, t: TimestampNs, frame: &mut Frame) -> Result<bool, DataError> {
        let Self { name, assembler, factors, facts, .. } = self;
        let outcome = assembler.finish_joined(
            frame,
            facts,
            |frame| factors.as_mut().map_or(Ok(true), |factors| factors.advance(t, frame)),
            |source| DataError::Assembly { file: name.clone(), source },
        )?;
        match outcome {
            Outcome::Empty => self.empty += 1,
            _ => self.priced = Some((self.priced.map_or(t, |(first, _)| first), t)),
        }
        Ok(outcome == Outcome::Emitted)
    }

    /// Checks that the data gave at least one frame, and adds the warnings at the end of the data.
    fn check_end(&mut self) -> Result<(), DataError> {
        let Some(priced) = self.priced else { return Err(self.nothing_in_range()) };
        if let Some(factors) = &mut self.factors
            && (self.facts.frames == 0 || !factors.has_joined())
        {
            return Err(factors.no_overlap(priced));
        }
        if let Some(factors) = &mut self.factors {
            factors.check_rest()?;
        }
        if let Some(symbol) = self.assembler.unpriced_benchmark() {
            let nearest = nearest(symbol, self.assembler.symbols().filter(|other| *other != symbol));
            let (file, symbol) = (self.name.clone(), symbol.to_owned());
            return Err(BenchmarkFault::NotInData { file, symbol, nearest }.into());
        }
        let end = self.assembler.check_end();
        end.map_err(|source| DataError::Assembly { file: self.name.clone(), source })?;
        self.warn();
        Ok(())
    }

    fn nothing_in_range(&self) -> DataError {
        if let (Some(seal), None, None) = (self.settings.sealed_from, self.settings.from, self.settings.to) {
            return DataError::NothingBeforeSeal { file: self.name.clone(), seal };
        }
        let end = |time: Option<TimestampNs>| time.map_or("the end".to_owned(), |time| Iso(time).to_string());
        let (from, to) = (self.settings.from, self.settings.to);
        // The end of the sealed period must not be disclosed.
        let known = |last: i64| self.settings.sealed_from.map_or(last, |seal| last.min(seal.0));
        let iso = |time: i64| Iso(TimestampNs(time));
        DataError::NothingInRange {
            file: self.name.clone(),
            from: from.map_or("the beginning".to_owned(), |from| Iso(from).to_string()),
            to: end(to),
            found: match self.merge.all_times {
                Some((first, last)) => format!("{} to {}", iso(first), iso(known(last))),
                None => "other times, or no instrument of the universe".to_owned(),
            },
        }
    }

    /// Returns how the files that are not Parquet files in time order were understood.
    fn imported(&self) -> Vec<Warning> {
        let note = |file: String, facts: String| Warning::Imported { file, facts };
        let prices = match self.merge.interpretations.as_slice() {
            [] => None,
            [one] => Some(note(one.file.clone(), one.line())),
            [first, ..] => {
                let count = self.merge.interpretations.len();
                Some(note(
                    self.name.clone(),
                    format!("{count} files, the first ({}): {}", first.file, first.line()),
                ))
            }
        };
        let factors = self.factors.as_ref().and_then(|factors| factors.interpretation.as_ref());
        prices.into_iter().chain(factors.map(|one| note(one.file.clone(), one.line()))).collect()
    }

    fn warn(&mut self) {
        self.facts.warnings.extend(self.imported());
        let without = if self.factors.is_some() { self.facts.left_out } else { 0 };
        let left_out = LeftOut {
            empty: self.empty,
            skipped: self.counts.skipped,
            without_factors: without,
            after_last: true,
        };
        self.facts.warnings.extend(data_warnings(&self.assembler, self.facts.first, &left_out));
        self.facts.warnings.extend(self.factors.as_ref().and_then(FactorJoin::warning));
    }
}

impl Source for ParquetSource {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        Ok(self.next(frame)?)
    }

    fn factor_names(&self) -> &[String] {
        match &self.factors {
            Some(factors) => factors.names(),
            None => self.assembler.factor_names(),
        }
    }

    fn facts(&self) -> DataFacts {
        DataFacts {
            rows: self.counts.rows,
            skipped: self.counts.skipped,
            instruments: self.assembler.instruments() as u64,
            symbol_changes: self.assembler.symbol_changes(),
            ..self.facts.clone()
        }
    }
}
