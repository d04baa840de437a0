//! A path: recorded frames in another order.

use std::sync::Arc;

use super::listing::Listing;
use super::plan::Plan;
use super::recorded::Recording;
use crate::frame::Field;
use crate::frame::Frame;
use crate::source::{DataFacts, Source, SourceError};
use crate::time::{DAY_NS, TimestampNs};

/// Source whose dates are drawn from those of a recording.
///
/// The path draws returns: a price moves by the return of the drawn bar on the preceding price in the data.
/// Within a run of consecutive dates one factor scales all prices of an instrument; it changes with a new
/// run. A path equal to the data is therefore bit-identical to it. Open, high, low, quotes and dividends are
/// scaled like the close, volumes by the inverse, which keeps the traded value. Factors and `rf` are those of
/// the drawn date. An instrument without a price on the drawn date has none on the path, and enters the
/// engine order of the path with its first price there.
pub struct Path {
    recording: Arc<Recording>,
    plan: Plan,
    /// Next step, and the next frame within its date.
    step: usize,
    of_step: usize,
    /// Last frame emitted, and first frame of its run.
    previous: Option<usize>,
    run: usize,
    moves: Vec<Scaled>,
    listing: Listing,
    facts: DataFacts,
}

/// Price levels of the instruments, in the order of the data.
#[derive(Clone, Copy, Debug)]
struct Scaled {
    /// Last price on the path and last adjusted price, both split-adjusted to the current frame.
    last: f64,
    last_return_price: f64,
    /// Price on the path over that of the data, within the current run; NaN until first used.
    scale: f64,
    return_scale: f64,
}

const UNSEEN: Scaled =
    Scaled { last: f64::NAN, last_return_price: f64::NAN, scale: f64::NAN, return_scale: f64::NAN };

impl Path {
    pub(super) fn new(recording: Arc<Recording>, plan: Plan) -> Self {
        let mut listing = Listing::default();
        recording.frames.iter().for_each(|frame| listing.append(frame));
        let mut facts = recording.facts.clone();
        (facts.rows, facts.frames, facts.instruments) = (0, 0, 0);
        (facts.first, facts.last) = (None, None);
        facts.world.extend_from_slice(&plan.notes);
        Self {
            recording,
            plan,
            step: 0,
            of_step: 0,
            previous: None,
            run: 0,
            moves: Vec::new(),
            listing,
            facts,
        }
    }

    /// Returns the recorded number and the path time of the next frame.
    fn draw(&mut self) -> Option<(usize, TimestampNs)> {
        let step = *self.plan.steps.get(self.step)?;
        let day = self.recording.days[step.drawn];
        let at = day.first + self.of_step;
        self.of_step += 1;
        if at + 1 == day.end {
            (self.step, self.of_step) = (self.step + 1, 0);
        }
        let of_day = self.recording.frames[at].timestamp.since(TimestampNs(day.date.saturating_mul(DAY_NS)));
        // The clock shows the same time of day: the offset from UTC is that of the drawn date.
        Some((at, TimestampNs(step.date.saturating_mul(DAY_NS).saturating_add(of_day))))
    }

    fn write(&mut self, at: usize, frame: &mut Frame) {
        let drawn = &self.recording.frames[at];
        for field in Field::ALL {
            let column = frame.column_mut(field);
            column.clear();
            column.extend_from_slice(drawn.column(field));
        }
        frame.returns.clone_from(&drawn.returns);
        frame.factors.clone_from(&drawn.factors);
        frame.rf = drawn.rf;
        frame.given.clone_from(&drawn.given);
        frame.benchmark = drawn.benchmark;
        self.moves.resize(self.moves.len().max(drawn.instruments()), UNSEEN);
        if self.previous.replace(at).is_none_or(|previous| previous + 1 != at) {
            self.run = at;
            // The sections in force at the start of the run, which the draw may have cut off.
            let start = self.recording.given_before(at);
            frame.given.replace_by(&start);
            frame.given.replace_by(&drawn.given);
            for own in &mut self.moves {
                (own.scale, own.return_scale) = (f64::NAN, f64::NAN);
            }
        }
        // Returns without trading are used as drawn.
        if super::has_prices(frame) {
            for i in 0..frame.instruments() {
                self.place(i, frame);
            }
        }
    }

    /// Scales an instrument's bar to its price on the path.
    fn place(&mut self, i: usize, frame: &mut Frame) {
        let (close, split) = (frame.close[i], frame.split_of(i));
        let acts = split != 1.0 || frame.dividend_of(i) != 0.0;
        let quoted =
            [&frame.bid, &frame.ask].iter().any(|side| side.get(i).is_some_and(|price| !price.is_nan()));
        if close.is_nan() && !acts && !quoted {
            return;
        }
        let own = self.moves[i];
        if own.scale.is_nan() {
            self.moves[i].scale = self.scale(i, Field::Close, own.last, close);
        }
        let adjusted = frame.return_price.get(i).copied().unwrap_or(f64::NAN);
        if own.return_scale.is_nan() && !adjusted.is_nan() {
            self.moves[i].return_scale = self.scale(i, Field::ReturnPrice, own.last_return_price, adjusted);
        }
        let own = &mut self.moves[i];
        // Without an earlier price the scale is 1.
        let scale = if own.scale.is_nan() { 1.0 } else { own.scale };
        for field in
            [Field::Close, Field::Open, Field::High, Field::Low, Field::Bid, Field::Ask, Field::Dividend]
        {
            if let Some(value) = frame.column_mut(field).get_mut(i) {
                *value *= scale;
            }
        }
        if let Some(volume) = frame.volume.get_mut(i) {
            *volume /= scale;
        }
        own.last /= split;
        if !close.is_nan() {
            own.last = frame.close[i];
        }
        if let Some(price) = frame.return_price.get_mut(i).filter(|price| !price.is_nan()) {
            *price *= own.return_scale;
            own.last_return_price = *price;
        }
    }

    /// Price on the path over that of the data, within the current run: the ratio of their last prices at its start.
    fn scale(&self, i: usize, field: Field, last: f64, drawn: f64) -> f64 {
        if last.is_nan() {
            // The first price on the path is that of the data.
            return if drawn.is_nan() { f64::NAN } else { 1.0 };
        }
        let scale = last / self.before_run(i, field);
        // Without a price before the run, the first price is not a move.
        if scale.is_nan() { last / drawn } else { scale }
    }

    /// Last price of the data before the run, split-adjusted to its beginning; NaN without one.
    fn before_run(&self, i: usize, field: Field) -> f64 {
        let mut units = 1.0;
        for frame in self.recording.frames[..self.run].iter().rev() {
            match frame.column(field).get(i) {
                None => break,
                Some(price) if !price.is_nan() => return price / units,
                Some(_) if field == Field::Close => units *= frame.split_of(i),
                Some(_) => {}
            }
        }
        f64::NAN
    }
}

impl Source for Path {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let Some((at, timestamp)) = self.draw() else { return Ok(false) };
        self.write(at, frame);
        self.listing.arrange(frame);
        frame.seq = self.facts.frames;
        frame.timestamp = timestamp;
        let facts = &mut self.facts;
        facts.rows += frame.close.iter().filter(|close| !close.is_nan()).count() as u64;
        facts.frames += 1;
        facts.instruments = self.listing.instruments();
        facts.first.get_or_insert(timestamp);
        facts.last = Some(timestamp);
        Ok(true)
    }

    fn factor_names(&self) -> &[String] {
        &self.recording.factor_names
    }

    fn facts(&self) -> DataFacts {
        self.facts.clone()
    }
}
