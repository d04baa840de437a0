//! Reversal of a factor: its returns change sign.

use super::error::WorldError;
use crate::frame::Field;
use crate::frame::Frame;
use crate::model::{Dlm, Estimates, Estimator as _, EstimatorSettings};
use crate::settings::Calendar;
use crate::source::{DataFacts, Source, SourceError};
use crate::time::Date;
use crate::warning::WorldNote;

/// Smallest share of its value that an instrument keeps in a frame: prices stay positive.
const KEPT_MIN: f64 = 0.01;
/// Columns that scale with the price; volume scales by the inverse, so that the traded value stays the same.
const PRICES: [Field; 8] = [
    Field::Close,
    Field::ReturnPrice,
    Field::Open,
    Field::High,
    Field::Low,
    Field::Bid,
    Field::Ask,
    Field::Dividend,
];

/// Source in which a factor's return f becomes −f, and each instrument's return r becomes r − 2 β f. β is the
/// estimate of an online filter of the unstressed data ([`Dlm`] with its defaults, West & Harrison) as of the
/// preceding close. Prices, quotes and dividends are scaled to that path, volumes by the inverse.
///
/// For an instrument with missing frames, f is the factor's return since the instrument's last price. Before
/// its first return, β is the filter's prior.
pub struct Reversed<S> {
    inner: S,
    /// The factor and its number.
    name: String,
    factor: usize,
    from: Option<Date>,
    prior_beta: f64,
    filter: Dlm,
    estimates: Estimates,
    /// Growth of one unit in the factor, original and reversed; `before`: both before the current frame.
    index: [f64; 2],
    before: [f64; 2],
    instruments: Vec<Track>,
    returns: Vec<f64>,
    floored: u64,
}

/// State of one instrument.
#[derive(Clone, Copy, Debug)]
struct Track {
    /// Scale of prices.
    scale: f64,
    /// Last price, split-adjusted to the current frame, and dividends since.
    last: f64,
    paid: f64,
    /// Factor indices at that price.
    index: [f64; 2],
    /// Last adjusted price.
    return_price: f64,
    /// True if the preceding frame has a price: the filter uses returns over one frame only.
    traded: bool,
}

impl<S: Source> Reversed<S> {
    /// Returns the source with a factor reversed, from a date on if given.
    ///
    /// # Errors
    /// Fails if the source has no such factor.
    pub fn new(inner: S, factor: &str, from: Option<Date>, calendar: &Calendar) -> Result<Self, WorldError> {
        let factors = inner.factor_names();
        let number = factors.iter().position(|name| name == factor);
        let unknown = || WorldError::UnknownFactor { found: factor.to_owned(), factors: factors.to_vec() };
        let number = number.ok_or_else(unknown)?;
        let settings = EstimatorSettings::default();
        Ok(Self {
            name: factor.to_owned(),
            factor: number,
            from,
            // Prior of the filter: the first factor is the market.
            prior_beta: if number == 0 { settings.initial_market_beta } else { 0.0 },
            filter: Dlm::new(&settings, calendar, factors.len()),
            estimates: Estimates::default(),
            index: [1.0; 2],
            before: [1.0; 2],
            instruments: Vec::new(),
            returns: Vec::new(),
            floored: 0,
            inner,
        })
    }

    /// Beta of the instrument as of the preceding frame.
    fn beta(&self, instrument: usize) -> f64 {
        let n = self.estimates.instruments();
        let known =
            if instrument < n { self.estimates.betas[self.factor * n + instrument] } else { f64::NAN };
        if known.is_nan() { self.prior_beta } else { known }
    }

    fn reverse(&mut self, frame: &mut Frame) {
        let reverses = self.from.is_none_or(|from| Date::of(frame.local_time()) >= from);
        let sign = if reverses { -1.0 } else { 1.0 };
        let has_factors = frame.has_factors();
        self.before = self.index;
        // The filter learns from the unstressed data.
        let factors = has_factors.then(|| frame.factors.clone());
        if has_factors {
            let f = frame.factors[self.factor];
            self.index[0] *= 1.0 + f;
            // If the factor doubles, the reversed index would fall to 0.
            self.index[1] *= (1.0 + sign * f).max(KEPT_MIN);
            frame.factors[self.factor] = sign * f;
        }
        let n = frame.instruments();
        let unseen = Track {
            scale: 1.0,
            last: f64::NAN,
            paid: 0.0,
            index: [1.0; 2],
            return_price: f64::NAN,
            traded: false,
        };
        self.instruments.resize(n, unseen);
        self.returns.clear();
        let prices = super::has_prices(frame);
        for i in 0..n {
            let beta = self.beta(i);
            let own = if prices { self.price(i, beta, frame) } else { self.stated(i, beta, frame) };
            self.returns.push(own - frame.rf);
        }
        if let Some(factors) = factors {
            self.filter.step(&factors, &self.returns, false);
            self.estimates.factors = factors;
            self.filter.write(&mut self.estimates);
        }
    }

    /// Scales an instrument's prices, and returns its unstressed return over the frame; NaN without one.
    fn price(&mut self, i: usize, beta: f64, frame: &mut Frame) -> f64 {
        let Self { instruments, index, before, floored, .. } = self;
        let track = &mut instruments[i];
        let (split, dividend) = (frame.split_of(i), frame.dividend_of(i));
        track.last /= split;
        track.paid = track.paid / split + dividend;
        let close = frame.close[i];
        let traded = std::mem::replace(&mut track.traded, !close.is_nan());
        if close.is_nan() {
            // Quotes without a trade are scaled like the last price.
            rescale(frame, i, track.scale);
            return f64::NAN;
        }
        let adjusted = frame.return_price.get(i).copied();
        let total = match (frame.returns.get(i), adjusted) {
            (Some(stated), _) => 1.0 + stated,
            (None, Some(price)) => price / track.return_price,
            (None, None) => (close + track.paid) / track.last,
        };
        // A stated return covers one frame, even after missing frames.
        let since = if frame.returns.is_empty() { track.index } else { *before };
        let moved = [0, 1].map(|world: usize| index[world] / since[world] - 1.0);
        // Over one frame, `moved` is (f, −f) and `wanted` is r − 2 β f.
        let wanted = total + beta * (moved[1] - moved[0]);
        if moved[0] != moved[1] && !total.is_nan() {
            let reversed = wanted.max(KEPT_MIN.min(total));
            *floored += u64::from(reversed != wanted);
            track.scale *= reversed / total;
            if let Some(stated) = frame.returns.get_mut(i) {
                *stated = reversed - 1.0;
            }
        }
        rescale(frame, i, track.scale);
        (track.last, track.paid, track.index) = (close, 0.0, *index);
        track.return_price = adjusted.unwrap_or(f64::NAN);
        let over_a_frame = traded || !frame.returns.is_empty();
        if over_a_frame { total - 1.0 } else { f64::NAN }
    }

    /// Reverses stated returns without trading, in any unit: they have no floor.
    fn stated(&mut self, i: usize, beta: f64, frame: &mut Frame) -> f64 {
        let own = frame.returns[i];
        let f = frame.factors[self.factor];
        let reverses = self.from.is_none_or(|from| Date::of(frame.local_time()) >= from);
        if reverses && !f.is_nan() {
            // `frame.factors` holds −f already.
            frame.returns[i] = own + 2.0 * beta * f;
            frame.close[i] = frame.returns[i];
        }
        own
    }
}

fn rescale(frame: &mut Frame, i: usize, scale: f64) {
    for field in PRICES {
        if let Some(value) = frame.column_mut(field).get_mut(i) {
            *value *= scale;
        }
    }
    if let Some(volume) = frame.volume.get_mut(i) {
        *volume /= scale;
    }
}

impl<S: Source> Source for Reversed<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let more = self.inner.next_frame(frame)?;
        if more {
            self.reverse(frame);
        }
        Ok(more)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        let mut facts = self.inner.facts();
        facts.world.push(WorldNote::FactorReversed {
            factor: self.name.clone(),
            from: self.from,
            floored: self.floored,
        });
        facts
    }
}
