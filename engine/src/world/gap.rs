//! Gap in the feed: missing frames.

use super::error::WorldError;
use super::listing::Listing;
use crate::frame::{Frame, UserData};
use crate::source::{DataFacts, Source, SourceError};
use crate::time::Date;
use crate::time::TimestampNs;
use crate::warning::WorldNote;

/// Source with missing frames. The next frame carries their changes: compounded returns of factors, of cash
/// and of stated returns, and accumulated splits and dividends. Dividends within the gap earn no interest
/// until its end.
pub struct Gap<S> {
    inner: S,
    from: Date,
    frames: u64,
    missed: u64,
    /// First and last missing frame.
    lost: Option<(TimestampNs, TimestampNs)>,
    /// First and last frame emitted.
    seen: Option<(TimestampNs, TimestampNs)>,
    handed_on: u64,
    missing: Missing,
    listing: Listing,
}

impl<S: Source> Gap<S> {
    /// Drops the first `frames` frames on or after a date.
    #[must_use]
    pub fn new(inner: S, from: Date, frames: u64) -> Self {
        Self {
            inner,
            from,
            frames,
            missed: 0,
            lost: None,
            seen: None,
            handed_on: 0,
            missing: Missing::default(),
            listing: Listing::default(),
        }
    }

    fn note(&self) -> WorldNote {
        match self.lost {
            Some((first, last)) => {
                WorldNote::Gap { frames: self.missed, first: Date::of(first), last: Date::of(last) }
            }
            None => WorldNote::GapAfterData { from: self.from },
        }
    }
}

impl<S: Source> Source for Gap<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        while self.inner.next_frame(frame)? {
            self.listing.append(frame);
            if self.missed < self.frames && Date::of(frame.local_time()) >= self.from {
                self.missed += 1;
                self.lost = Some((self.lost.map_or(frame.timestamp, |lost| lost.0), frame.timestamp));
                self.missing.given.replace_by(&frame.given);
                // Before the first emitted frame there are no positions and no returns.
                if self.handed_on > 0 {
                    self.missing.add(frame);
                }
                continue;
            }
            self.missing.carry_into(frame);
            self.listing.arrange(frame);
            frame.seq = self.handed_on;
            self.handed_on += 1;
            self.seen = Some((self.seen.map_or(frame.timestamp, |seen| seen.0), frame.timestamp));
            return Ok(true);
        }
        match self.handed_on {
            0 if self.missed > 0 => {
                Err(WorldError::NothingSeen { found: self.frames, frames: self.missed }.into())
            }
            _ => Ok(false),
        }
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        let mut facts = self.inner.facts();
        facts.frames = self.handed_on;
        facts.instruments = self.listing.instruments();
        (facts.first, facts.last) = self.seen.map_or((None, None), |(first, last)| (Some(first), Some(last)));
        facts.world.push(self.note());
        facts
    }
}

/// Changes over the missing frames, in the order of the data.
#[derive(Clone, Debug, Default)]
struct Missing {
    /// True if at least one frame is missing.
    any: bool,
    factors: Vec<f64>,
    rf: f64,
    /// Return of the benchmark's instrument; NaN without a price.
    benchmark: f64,
    split: Vec<f64>,
    dividend: Vec<f64>,
    /// Stated returns since the instrument's last emitted return, kept until its next one.
    returns: Vec<f64>,
    /// Latest sections of the user's files.
    given: UserData,
}

impl Missing {
    fn add(&mut self, frame: &Frame) {
        if !std::mem::replace(&mut self.any, true) {
            self.factors.clone_from(&frame.factors);
            self.rf = frame.rf;
            self.benchmark = frame.benchmark;
        } else {
            self.factors.iter_mut().zip(&frame.factors).for_each(|(sum, next)| *sum = compound(*sum, *next));
            self.rf = compound(self.rf, frame.rf);
            self.benchmark = compound_known(self.benchmark, frame.benchmark);
        }
        let n = frame.instruments();
        self.split.resize(n, 1.0);
        self.dividend.resize(n, 0.0);
        for i in 0..n {
            let split = frame.split_of(i);
            self.split[i] *= split;
            self.dividend[i] = self.dividend[i] / split + frame.dividend_of(i);
        }
        self.returns.resize(frame.returns.len(), 0.0);
        for (sum, next) in self.returns.iter_mut().zip(&frame.returns).filter(|(_, next)| !next.is_nan()) {
            *sum = compound(*sum, *next);
        }
    }

    fn carry_into(&mut self, frame: &mut Frame) {
        if !self.given.is_empty() {
            self.given.replace_by(&frame.given);
            std::mem::swap(&mut self.given, &mut frame.given);
            self.given.clear();
            let n = frame.instruments();
            frame.given.by_instrument().into_iter().for_each(|section| section.rearrange(0..n));
        }
        if std::mem::take(&mut self.any) {
            // A missing factor return makes the whole interval NaN.
            let factors = self.factors.iter().zip(&mut frame.factors);
            factors.for_each(|(before, own)| *own = compound(*before, *own));
            frame.rf = compound(self.rf, frame.rf);
            frame.benchmark = compound_known(self.benchmark, frame.benchmark);
            self.act_on(frame);
        }
        if self.returns.is_empty() {
            return;
        }
        let prices = super::has_prices(frame);
        for (i, before) in self.returns.iter_mut().enumerate() {
            if !frame.returns[i].is_nan() {
                frame.returns[i] = compound(std::mem::take(before), frame.returns[i]);
                if !prices {
                    frame.close[i] = frame.returns[i];
                }
            }
        }
        if self.returns.iter().all(|sum| *sum == 0.0) {
            self.returns.clear();
        }
    }

    /// Applies the missing splits and dividends, per unit held before the gap.
    fn act_on(&mut self, frame: &mut Frame) {
        let n = frame.instruments();
        for i in 0..self.split.len() {
            let split = frame.split_of(i);
            let dividend = self.dividend[i] / split + frame.dividend_of(i);
            if self.split[i] != 1.0 {
                frame.split.resize(n, f64::NAN);
                frame.split[i] = self.split[i] * split;
            }
            if self.dividend[i] != 0.0 {
                frame.dividend.resize(n, f64::NAN);
                frame.dividend[i] = dividend;
            }
        }
        self.split.clear();
        self.dividend.clear();
    }
}

/// Compounds returns; NaN means a frame without a price, and the next return spans it.
fn compound_known(before: f64, next: f64) -> f64 {
    match (before.is_nan(), next.is_nan()) {
        (true, _) => next,
        (_, true) => before,
        _ => compound(before, next),
    }
}

fn compound(before: f64, next: f64) -> f64 {
    (1.0 + before) * (1.0 + next) - 1.0
}
