//! Source that assembles frames from the messages of a feed.

use std::sync::Arc;
use std::time::Instant;

use betaflow_engine::assembly::{Assembler, Fault, Outcome, Slot};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::{DataFacts, Source, SourceError};
use betaflow_engine::state::{Checkpoint, Part, StateError, restore, save};
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::warning::Warning;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bar_rules;
use super::error::{LiveError, Refusal};
use super::feed_factors::FeedFactors;
use super::inputs::{Input, InputLog, Inputs};
use super::latency::{Latencies, monotonic_ns};
use super::protocol::{Bars, Hello, shown};
use super::seam::{Join, Seam};
use super::supervision::{ControlBody, FeedLimits, Supervisor};
use super::user_files::{UserFiles, UserFilesState};
use crate::DataError;
use crate::clock::now;
use crate::data_warnings::{LeftOut, data_warnings};
use crate::parquet::{BadRow, Settings};
use crate::sections::Sections;

/// Source of frames from the messages of a feed. With the same settings, the frames equal those of a
/// `ParquetSource` on the served file, bit for bit.
///
/// Each input is logged before its frame is emitted.
pub struct FeedSource {
    feed: String,
    settings: Settings,
    assembler: Assembler,
    /// Factors of the feed, unless the settings define factors.
    factors: Option<FeedFactors>,
    inputs: Box<dyn Inputs>,
    log: Box<dyn InputLog>,
    /// Number of the next input.
    input: u64,
    /// Inputs before this number are already in the log.
    logged: u64,
    /// Symbols with their slots, in the order in which messages usually list them.
    slots: Vec<(String, Slot)>,
    counted: Counted,
    files: UserFiles,
    limits: FeedLimits,
    /// Frames between checkpoints; 0: none.
    checkpoint_every: u64,
    latencies: Option<Arc<Latencies>>,
    /// Whether the feed plays back a file, so that its times may lie in the future.
    recorded: bool,
    /// Messages refused since this start.
    refused: u64,
    /// End of history, until the feed has passed it.
    seam: Option<Seam>,
    ended: bool,
}

/// State between messages, apart from that of the assembler and the factors.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Counted {
    last: Option<TimestampNs>,
    /// End of history: the feed's messages up to it are skipped.
    history: Option<TimestampNs>,
    supervisor: Supervisor,
    facts: DataFacts,
    /// Timestamps without any price of the universe.
    empty: u64,
    /// Messages of the feed that history already contains.
    passed: u64,
    /// Recorded inputs that this version refuses.
    unusable: u64,
}

/// Name used in error messages.
const STATE: &str = "feed source";

/// Saved state: number of the next input, assembler, factors, counts, files of the user.
type Saved = (u64, Part, Part, Counted, UserFilesState);

/// Returns the number of inputs that a checkpoint includes, from its part `source`; the run continues with
/// the input of that number.
///
/// # Errors
/// The bytes are not the source state of a feed's checkpoint.
pub fn inputs_before(source: &Part) -> Result<u64, StateError> {
    let (input, ..): Saved = restore(STATE, source)?;
    Ok(input)
}

impl FeedSource {
    /// Creates a source of frames from `inputs`. Ignores settings of files. Factor expressions replace the
    /// feed's own factors.
    ///
    /// # Errors
    /// The settings contradict each other or need columns that the feed does not have.
    pub fn open(
        hello: &Hello,
        inputs: Box<dyn Inputs>,
        log: Box<dyn InputLog>,
        settings: Settings,
    ) -> Result<Self, LiveError> {
        let assembler = bar_rules::assembler(hello, &settings)?;
        bar_rules::check_needs(hello, &settings)?;
        Ok(Self {
            feed: shown(&hello.name),
            factors: bar_rules::own_factors(hello, &settings),
            settings,
            assembler,
            inputs,
            log,
            input: 0,
            logged: 0,
            slots: Vec::new(),
            counted: Counted::default(),
            files: UserFiles::default(),
            limits: FeedLimits::default(),
            checkpoint_every: 0,
            latencies: None,
            recorded: hello.recorded,
            refused: 0,
            seam: None,
            ended: false,
        })
    }

    /// Ignores the feed's factors and its risk-free return.
    #[must_use]
    pub fn without_factors(mut self) -> Self {
        self.factors = None;
        self
    }

    /// Adds the rows of the user's files among the inputs to the frames that know them.
    #[must_use]
    pub fn with_files(mut self, sections: Vec<Sections>) -> Self {
        self.files = UserFiles::new(sections);
        self
    }

    /// Marks the first `count` inputs as already logged.
    #[must_use]
    pub fn logged(mut self, count: u64) -> Self {
        self.logged = count;
        self
    }

    /// Sets the limits beyond which frames are not traded.
    #[must_use]
    pub fn limited(mut self, limits: FeedLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Requests a checkpoint after every `every` frames.
    #[must_use]
    pub fn checkpoints(mut self, every: u64) -> Self {
        self.checkpoint_every = every;
        self
    }

    /// Measures latencies.
    #[must_use]
    pub fn timed(mut self, latencies: Arc<Latencies>) -> Self {
        self.latencies = Some(latencies);
        self
    }

    /// Resumes from a checkpoint: `inputs` must begin with the input that [`inputs_before`] returns.
    ///
    /// # Errors
    /// The checkpoint belongs to other settings or another feed.
    pub fn resuming(mut self, from: &Checkpoint) -> Result<Self, StateError> {
        let (input, assembler, factors, counted, files): Saved = restore(STATE, &from.source)?;
        self.assembler.load(&assembler)?;
        if let Some(own) = &mut self.factors {
            own.load(&factors)?;
        }
        if !self.files.resume(files) {
            return Err(StateError::OtherSettings { of: STATE });
        }
        (self.input, self.counted) = (input, counted);
        Ok(self)
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        let factors = self.factors.as_ref().map(FeedFactors::save).transpose()?;
        let parts = (Part::from(self.assembler.save()?), Part::from(factors.unwrap_or_default()));
        save(STATE, &(self.input, parts.0, parts.1, &self.counted, self.files.state()))
    }

    /// Returns whether frames have a risk-free return.
    #[must_use]
    pub fn has_rf(&self) -> bool {
        self.factors.as_ref().is_some_and(FeedFactors::has_rf)
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        while !self.ended {
            let Some(input) = self.inputs.next_input()? else {
                self.end(frame);
                break;
            };
            let taken_ns = self.clock();
            let (bars, received) = match input {
                Input::History(bars) => {
                    self.counted.history = Some(TimestampNs(bars.timestamp));
                    self.seam.get_or_insert_default().remember(&bars);
                    if self.take(&bars, frame)? {
                        self.framed(None, (taken_ns, taken_ns));
                        return Ok(true);
                    }
                    continue;
                }
                Input::Control(control) => {
                    self.log("control", control.timestamp, &control.body)?;
                    // Other controls do not change the supervision.
                    let Ok(body) = serde_json::from_str::<ControlBody>(&control.body) else { continue };
                    self.counted.supervisor.hear(&body, &self.limits);
                    if let Err(text) = self.files.take_recorded(&body.kind, &control.body) {
                        self.skipped(self.input - 1, &text);
                    }
                    continue;
                }
                Input::File(file) => {
                    // It acts on a later frame, so that it is on record before.
                    if let Some(body) = self.files.take_new(file, self.counted.last) {
                        self.log("control", now().0, &body)?;
                    }
                    continue;
                }
                Input::Unusable { text } => {
                    self.unusable(&text);
                    continue;
                }
                Input::Bars { bars, text, received } => {
                    if let Err(refusal) = self.check(&bars, received.is_some()) {
                        self.refuse(&bars, refusal)?;
                        continue;
                    }
                    self.log("bars", bars.timestamp, &text)?;
                    (bars, received)
                }
            };
            let logged_ns = self.clock();
            if self.is_of_history(&bars) {
                self.counted.passed += 1;
                if let Some(seam) = &mut self.seam {
                    seam.overlap(&bars);
                }
                continue;
            }
            if let Some(finding) = self.seam.take().and_then(|seam| seam.close(&bars)) {
                self.joined(finding, &bars, received.is_some())?;
            }
            if self.take(&bars, frame)? {
                self.framed(received, (taken_ns, logged_ns));
                frame.supervision = self.counted.supervisor.of_frame(frame.date(), &self.limits);
                if self.checkpoint_every > 0
                    && self.counted.facts.frames.is_multiple_of(self.checkpoint_every)
                {
                    frame.checkpoint = Some(Part::from(self.save()?));
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether history already contains these bars.
    fn is_of_history(&self, bars: &Bars) -> bool {
        self.counted.history.is_some_and(|end| bars.timestamp <= end.0)
    }

    /// Checks bars before they are recorded. `live`: the bars come from the feed, so they are compared with
    /// the local clock. Recorded bars are not: their frame must equal the recorded digest.
    fn check(&self, bars: &Bars, live: bool) -> Result<(), Refusal> {
        if !self.is_of_history(bars) {
            bar_rules::check_order(bars, self.counted.last).map_err(|(found, expected)| {
                match live && !self.recorded && bar_rules::is_ahead(self.counted.last) {
                    true => (found, bar_rules::RECORD_AHEAD),
                    false => (found, expected),
                }
            })?;
        }
        if live && !self.recorded {
            bar_rules::check_clock(bars)?;
        }
        bar_rules::check_numbers(&self.assembler, &self.settings, bars)?;
        self.factors.as_ref().map_or(Ok(()), |factors| factors.check(bars))
    }

    /// Refuses bars that are invalid in a frame; refused bars of the feed are not recorded.
    fn refuse(&mut self, bars: &Bars, (found, expected): Refusal) -> Result<(), SourceError> {
        let text = self.refused(bars, found, expected).to_string();
        if self.input < self.logged {
            self.unusable(&text);
            return Ok(());
        }
        self.refused += 1;
        self.log.refused();
        if bar_rules::is_reported(self.refused) {
            let text = match self.refused {
                1 => text,
                count => format!("{text}; {count} messages refused so far"),
            };
            let body = json!({ "kind": "bars_refused", "seq": bars.seq, "text": text });
            self.log("control", bars.timestamp, &body.to_string())?;
        }
        Ok(())
    }

    /// Counts a recorded input that cannot be used.
    fn unusable(&mut self, text: &str) {
        self.input += 1;
        self.skipped(self.input - 1, text);
    }

    /// Reports recorded input `number` as skipped.
    fn skipped(&mut self, number: u64, text: &str) {
        self.counted.unusable += 1;
        if bar_rules::is_reported(self.counted.unusable) {
            self.log.skipped(number, text);
        }
        if self.counted.unusable == 1 {
            self.counted.facts.warnings.push(Warning::InputSkipped { number, reason: text.to_owned() });
        }
    }

    /// Records the comparison of the end of history with the feed.
    fn joined(&mut self, finding: Join, bars: &Bars, live: bool) -> Result<(), SourceError> {
        if live && self.input >= self.logged {
            let body = json!({ "kind": finding.kind(), "text": finding.to_string() });
            self.log("control", bars.timestamp, &body.to_string())?;
        }
        self.counted.facts.warnings.extend(finding.into_warning());
        Ok(())
    }

    /// Records an input and counts it.
    fn log(&mut self, kind: &str, timestamp: i64, body: &str) -> Result<(), SourceError> {
        let number = self.input;
        self.input += 1;
        if number >= self.logged {
            self.log.log(number, kind, timestamp, body)?;
        }
        Ok(())
    }

    fn clock(&self) -> u64 {
        if self.latencies.is_some() { monotonic_ns() } else { 0 }
    }

    fn framed(&self, received: Option<Instant>, (taken_ns, logged_ns): (u64, u64)) {
        if let Some(latencies) = &self.latencies {
            latencies.framed(received, taken_ns, logged_ns, monotonic_ns());
        }
    }

    /// Adds the bars of one timestamp; returns whether a frame is emitted.
    fn take(&mut self, bars: &Bars, frame: &mut Frame) -> Result<bool, SourceError> {
        let t = TimestampNs(bars.timestamp);
        if let Err((found, expected)) = bar_rules::check_order(bars, self.counted.last) {
            return Err(self.refused(bars, found, expected).into());
        }
        self.counted.last = Some(t);
        let end =
            [self.settings.to.map(|to| to.0.saturating_add(1)), self.settings.sealed_from.map(|seal| seal.0)];
        if end.into_iter().flatten().any(|end| t.0 >= end) {
            self.end(frame);
            return Ok(false);
        }
        if let Some(factors) = &mut self.factors {
            factors.take(bars).map_err(|(found, expected)| refused(&self.feed, bars, found, expected))?;
        }
        if self.settings.from.is_some_and(|from| t < from) {
            return Ok(false);
        }
        self.assembler.begin(t, frame);
        self.put(bars, frame)?;
        self.finish(bars, frame)
    }

    fn put(&mut self, bars: &Bars, frame: &mut Frame) -> Result<(), LiveError> {
        self.counted.facts.rows += bars.symbols.len() as u64;
        let mut at = 0;
        for (i, symbol) in bars.symbols.iter().enumerate() {
            let slot = self.slot(&mut at, symbol);
            let bar = bar_rules::bar(bars, i);
            if let Err(fault) = self.assembler.put(frame, slot, &bar) {
                self.fault(bars, symbol, fault)?;
            }
        }
        Ok(())
    }

    /// Returns the slot of a symbol. `at`: position searched first, usually the one after the preceding
    /// symbol.
    fn slot(&mut self, at: &mut usize, symbol: &str) -> Slot {
        const NEAR: usize = 8;
        const KEPT: usize = 1 << 16;
        let near = self.slots[*at..].iter().take(NEAR).position(|(known, _)| known == symbol);
        if let Some(ahead) = near {
            *at += ahead + 1;
            return self.slots[*at - 1].1;
        }
        let slot = self.assembler.slot(symbol);
        if *at == self.slots.len() && *at < KEPT {
            self.slots.push((symbol.to_owned(), slot));
            *at += 1;
        }
        slot
    }

    #[cold]
    fn fault(&mut self, bars: &Bars, symbol: &str, fault: Fault) -> Result<(), LiveError> {
        if self.settings.on_bad_row != BadRow::Error {
            self.counted.facts.skipped += 1;
            return Ok(());
        }
        let (found, expected) = bar_rules::describe_fault(fault, symbol, self.settings.values);
        Err(self.refused(bars, found, expected))
    }

    /// Completes the bars of one timestamp; returns whether a frame is emitted.
    fn finish(&mut self, bars: &Bars, frame: &mut Frame) -> Result<bool, SourceError> {
        let Self { feed, assembler, factors, counted, files, .. } = self;
        let outcome = assembler.finish_joined(
            frame,
            &mut counted.facts,
            |frame| {
                let joined = factors.as_mut().map_or(Ok(true), |factors| factors.join(frame));
                joined.map_err(|(found, expected)| refused(feed, bars, found, expected))
            },
            |error| LiveError::Assembly { feed: feed.clone(), place: place(bars), error: Box::new(error) },
        )?;
        counted.empty += u64::from(outcome == Outcome::Empty);
        if outcome == Outcome::Emitted {
            files.attach(frame).map_err(DataError::from)?;
        }
        Ok(outcome == Outcome::Emitted)
    }

    fn refused(&self, bars: &Bars, found: String, expected: &'static str) -> LiveError {
        refused(&self.feed, bars, found, expected)
    }

    /// Adds the warnings at the end of the feed. A feed that ends before a factor has a value gives a
    /// warning, not an error.
    fn end(&mut self, frame: &mut Frame) {
        frame.clear();
        self.ended = true;
        let warnings = &mut self.counted.facts.warnings;
        if let Err(error) = self.assembler.check_end() {
            warnings.push(Warning::FeedEndedEarly { reason: error.to_string() });
        }
        let without = if self.factors.is_some() { self.counted.facts.left_out } else { 0 };
        let left_out = LeftOut {
            empty: self.counted.empty,
            skipped: self.counted.facts.skipped,
            without_factors: without,
            after_last: false,
        };
        warnings.extend(data_warnings(&self.assembler, self.counted.facts.first, &left_out));
        warnings.extend(self.factors.as_ref().and_then(|factors| factors.warning(&self.feed)));
        if self.counted.passed > 0 {
            warnings.push(Warning::MessagesBeforeHistoryEnd { count: self.counted.passed });
        }
    }
}

impl Source for FeedSource {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        self.next(frame)
    }

    fn factor_names(&self) -> &[String] {
        match &self.factors {
            Some(factors) => factors.names(),
            None => self.assembler.factor_names(),
        }
    }

    fn facts(&self) -> DataFacts {
        let (instruments, given) = (self.assembler.instruments() as u64, self.files.facts());
        let symbol_changes = self.assembler.symbol_changes();
        DataFacts { instruments, given, symbol_changes, ..self.counted.facts.clone() }
    }
}

fn refused(feed: &str, bars: &Bars, found: String, expected: &'static str) -> LiveError {
    LiveError::Input { feed: feed.to_owned(), place: place(bars), found, expected: expected.to_owned() }
}

/// Number and time of a message, for errors.
fn place(bars: &Bars) -> String {
    format!("bars {} at {}", bars.seq, Iso(TimestampNs(bars.timestamp)))
}
