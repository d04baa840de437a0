//! The source that makes frames of messages.

use betaflow_engine::assembly::{
    Assembler, AssemblyError, Bar, Fault, Field, Iso, Outcome, Rules, Slot, Values,
};
use betaflow_engine::frame::{Frame, TimestampNs};
use betaflow_engine::source::{DataFacts, Source, SourceError};

use super::error::LiveError;
use super::feed_factors::FeedFactors;
use super::inputs::{Input, InputLog, Inputs};
use super::nullable;
use super::protocol::{Bars, Hello, Stated};
use crate::error::nearest;
use crate::parquet::{BadRow, Settings};

/// Frames from the messages of a feed: bit for bit those that [`ParquetSource`](crate::parquet::ParquetSource) makes
/// of the file that the feed serves, with the same settings.
///
/// Each input is given to the log before the frame that it is part of is handed on.
pub struct FeedSource {
    feed: String,
    settings: Settings,
    assembler: Assembler,
    /// The feed's own factors, where the settings make none.
    factors: Option<FeedFactors>,
    inputs: Box<dyn Inputs>,
    log: Box<dyn InputLog>,
    /// Number of the next input.
    input: u64,
    /// Inputs before this are in the log already.
    logged: u64,
    /// Symbols with their slots in the order in which messages mostly have them.
    slots: Vec<(String, Slot)>,
    last: Option<TimestampNs>,
    facts: DataFacts,
    empty: u64,
    ended: bool,
}

impl FeedSource {
    /// Frames of what `inputs` brings. Of `settings` it takes what a frame is made of; how files are read is no affair
    /// of a feed. Factor expressions stand for the feed's own factors.
    ///
    /// # Errors
    /// Settings that contradict each other, or that need what the feed does not have.
    pub fn open(
        hello: &Hello,
        inputs: Box<dyn Inputs>,
        log: Box<dyn InputLog>,
        settings: Settings,
    ) -> Result<Self, LiveError> {
        let rules = Rules {
            values: settings.values,
            fields: Vec::new(),
            universe: settings.universe.clone(),
            factors: settings.factors.clone(),
            factor_gap: settings.factor_gap,
        };
        let refused = |error: AssemblyError| said(hello, error.to_string(), "other settings");
        let mut assembler = Assembler::new(rules).map_err(refused)?;
        check(hello, &settings)?;
        let has = |field: Field| hello.columns.iter().any(|name| nullable::field(name) == Some(field));
        assembler.set_fields(settings.wanted(has)).map_err(refused)?;
        let own = settings.factors.is_empty() && (!hello.factors.is_empty() || hello.has_rf);
        Ok(Self {
            feed: hello.name.clone(),
            factors: own.then(|| FeedFactors::new(hello, settings.values, settings.factor_gap)),
            settings,
            assembler,
            inputs,
            log,
            input: 0,
            logged: 0,
            slots: Vec::new(),
            last: None,
            facts: DataFacts::default(),
            empty: 0,
            ended: false,
        })
    }

    /// Leaves the feed's factors and its risk-free return aside.
    #[must_use]
    pub fn without_factors(mut self) -> Self {
        self.factors = None;
        self
    }

    /// The first `count` inputs come from the log and are not written to it again.
    #[must_use]
    pub fn logged(mut self, count: u64) -> Self {
        self.logged = count;
        self
    }

    /// Whether frames have a risk-free return.
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
            let number = self.input;
            self.input += 1;
            let (kind, timestamp, body) = match &input {
                Input::Bars { bars, text } => ("bars", bars.timestamp, text),
                Input::Control(control) => ("control", control.timestamp, &control.body),
            };
            if number >= self.logged {
                self.log.log(number, kind, timestamp, body)?;
            }
            if let Input::Bars { bars, .. } = input
                && self.take(&bars, frame)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the bars of one timestamp, and says whether they are a frame that is handed on.
    fn take(&mut self, bars: &Bars, frame: &mut Frame) -> Result<bool, SourceError> {
        let t = TimestampNs(bars.timestamp);
        if let Some(last) = self.last.filter(|last| *last >= t) {
            let found = format!("{} after {}", Iso(t), Iso(last));
            return Err(self.refused(bars, found, "a later time: a feed is sorted").into());
        }
        self.last = Some(t);
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
        self.facts.rows += bars.symbols.len() as u64;
        let mut at = 0;
        for (i, symbol) in bars.symbols.iter().enumerate() {
            let slot = self.slot(&mut at, symbol);
            let mut bar = Bar::of_close(f64::NAN);
            for (field, numbers) in &bars.columns {
                bar[*field] = numbers[i];
            }
            if let Err(fault) = self.assembler.put(frame, slot, &bar) {
                self.fault(bars, symbol, fault)?;
            }
        }
        Ok(())
    }

    /// The slot of a symbol, which is mostly the one after the last symbol's; `at` is where to look first.
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
            self.facts.skipped += 1;
            return Ok(());
        }
        let (found, expected) = match fault {
            Fault::Duplicate => (format!("`{symbol}` twice"), "each symbol once a message"),
            Fault::Value { field, found } => {
                let expected = match (self.settings.values, field) {
                    (Values::ReturnsOfAnySize, Field::Close) => "a finite return, or null",
                    (Values::Returns, Field::Close) => "a return above -1 (decimal, not percent), or null",
                    (_, Field::Volume | Field::Dividend | Field::Split) => "a number of at least 0, or null",
                    _ => "a positive price, or null",
                };
                (format!("{found} in `{}` of `{symbol}`", field.names()[0]), expected)
            }
        };
        Err(self.refused(bars, found, expected))
    }

    /// Ends the bars of one timestamp, as `ParquetSource` does.
    fn finish(&mut self, bars: &Bars, frame: &mut Frame) -> Result<bool, SourceError> {
        if !self.assembler.has_prices() {
            self.empty += 1;
            return Ok(false);
        }
        let has_row = match &mut self.factors {
            Some(factors) => {
                let joined = factors.join(frame);
                joined.map_err(|(found, expected)| refused(&self.feed, bars, found, expected))?
            }
            None => true,
        };
        let outcome = match has_row {
            true => self.assembler.finish(frame),
            false => self.assembler.leave_out(frame).map(|()| Outcome::LeftOut),
        };
        match outcome
            .map_err(|error| self.refused(bars, error.to_string(), "bars that can become a frame"))?
        {
            Outcome::Emitted => {
                self.facts.frames += 1;
                self.facts.first.get_or_insert(frame.timestamp);
                self.facts.last = Some(frame.timestamp);
                Ok(true)
            }
            Outcome::LeftOut => {
                self.facts.left_out += 1;
                Ok(false)
            }
            Outcome::Empty => Ok(false),
        }
    }

    fn refused(&self, bars: &Bars, found: String, expected: &'static str) -> LiveError {
        refused(&self.feed, bars, found, expected)
    }

    /// Notes what a reader should know. A feed may end before a factor ever had a value: that is no error.
    fn end(&mut self, frame: &mut Frame) {
        frame.clear();
        self.ended = true;
        let warnings = &mut self.facts.warnings;
        if let Err(error) = self.assembler.check_end() {
            warnings.push(error.to_string());
        }
        for unseen in self.assembler.unseen() {
            let near = nearest(&unseen.symbol, self.assembler.symbols());
            let hint = near.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            warnings.push(format!("{unseen}{hint}"));
        }
        if let Some((timestamp, instrument)) = self.assembler.withheld() {
            let at = Iso(timestamp);
            warnings.push(format!(
                "frames from {at} on are left out: `{instrument}`, which a factor needs, has no price any more"
            ));
        }
        if self.empty > 0 {
            let count = self.empty;
            warnings.push(format!("{count} timestamps without any price of the universe are no frames"));
        }
        if self.facts.skipped > 0 {
            let count = self.facts.skipped;
            warnings.push(format!("{count} bad rows were skipped, as data.on_bad_row asks"));
        }
        if self.factors.is_some() && self.facts.left_out > 0 {
            let count = self.facts.left_out;
            warnings.push(format!("{count} frames before the first factor row are left out"));
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
        DataFacts { instruments: self.assembler.instruments() as u64, ..self.facts.clone() }
    }
}

/// Checks that the feed has what the settings need.
fn check(hello: &Hello, settings: &Settings) -> Result<(), LiveError> {
    let (stated, wanted) = (hello.values == Stated::Returns, settings.values.are_returns());
    if stated != wanted {
        let word = |returns| if returns { "returns" } else { "prices" };
        let found = format!("a feed of {}", word(stated));
        return Err(said(hello, found, &format!("{}: see data.values", word(wanted))));
    }
    let second =
        settings.return_column().map(|_| (Field::ReturnPrice, "the price for returns (data.return_price)"));
    for (field, purpose) in settings.required.iter().copied().chain(second) {
        if !hello.columns.iter().any(|name| nullable::field(name) == Some(field)) {
            let found = format!("the columns {}", hello.columns.join(", "));
            let name = field.names()[0];
            let expected = format!(
                "`{name}` too, {purpose}: have the feed serve it, or leave out the setting that needs it"
            );
            return Err(said(hello, found, &expected));
        }
    }
    Ok(())
}

fn said(hello: &Hello, found: String, expected: &str) -> LiveError {
    let (feed, place) = (hello.name.clone(), "what the feed says of itself".to_owned());
    LiveError::Input { feed, place, found, expected: expected.to_owned() }
}

fn refused(feed: &str, bars: &Bars, found: String, expected: &'static str) -> LiveError {
    let place = format!("bars {} at {}", bars.seq, Iso(TimestampNs(bars.timestamp)));
    LiveError::Input { feed: feed.to_owned(), place, found, expected: expected.to_owned() }
}

/// What was found, and what was expected.
pub(super) type Refused = (String, &'static str);
