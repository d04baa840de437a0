//! Spreads that the bars suggest, and spreads that were quoted.

use std::sync::Arc;

use betaflow_engine::execution::{AbdiRanaldo, CorwinSchultz};
use betaflow_engine::frame::Frame;
use betaflow_engine::time::TimestampNs;

/// Two-bar estimates that a mean is taken of: a month of daily bars.
const WINDOW: usize = 21;
/// Inside a day, a bar with less than this share of the instrument's usual volume is outside the regular hours, or
/// as thin.
const VOLUME_MIN: f64 = 0.25;
/// Inside a day, so is a bar in which fewer than this share of the instruments trade.
const TRADING_MIN: f64 = 0.9;
/// Bars over which the usual volume is forgotten: a week of minutes.
const MEMORY: f64 = 2_000.0;
/// Quoted spreads are counted in classes this far apart, of the logarithm.
const STEP: f64 = 0.01;
/// Classes from 0.001 bps to 10,000 bps.
const CLASSES: usize = 1_612;
const SMALLEST: f64 = 1e-7;

/// The spreads of one instrument, as fractions of the price.
#[derive(Clone, Debug)]
pub(crate) struct Estimates {
    pub(crate) symbol: Arc<str>,
    pub(crate) corwin_schultz: Option<f64>,
    pub(crate) abdi_ranaldo: Option<f64>,
    pub(crate) quoted: Option<f64>,
}

#[derive(Clone, Debug)]
struct Instrument {
    symbol: Arc<str>,
    corwin_schultz: CorwinSchultz,
    abdi_ranaldo: AbdiRanaldo,
    means: [Mean; 2],
    volume: f64,
    bars: f64,
    last: Option<TimestampNs>,
    quotes: Quotes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1.0;
        }
    }

    fn value(self) -> Option<f64> {
        (self.count > 0.0).then_some(self.sum / self.count)
    }
}

/// Quoted spreads, counted by size: their median to half a percent in bounded memory.
#[derive(Clone, Debug, Default)]
struct Quotes {
    classes: Vec<u64>,
    count: u64,
}

impl Quotes {
    fn add(&mut self, spread: f64) {
        if !(0.0..=1.0).contains(&spread) {
            return;
        }
        self.classes.resize(CLASSES, 0);
        // Between 0 and the number of classes.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let class = ((spread.max(SMALLEST) / SMALLEST).ln() / STEP) as usize;
        self.classes[class.min(CLASSES - 1)] += 1;
        self.count += 1;
    }

    fn median(&self) -> Option<f64> {
        let mut below = 0;
        let class = self.classes.iter().position(|count| {
            below += count;
            2 * below >= self.count
        });
        let class = class.filter(|_| self.count > 0)?;
        Some(if class == 0 { 0.0 } else { SMALLEST * ((class as f64 + 0.5) * STEP).exp() })
    }
}

/// The spreads of all instruments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spreads {
    instruments: Vec<Instrument>,
    last: Option<TimestampNs>,
    intraday: bool,
}

impl Spreads {
    /// Takes the next frame.
    pub(crate) fn observe(&mut self, frame: &Frame) {
        self.instruments.extend(frame.listed.iter().map(|symbol| Instrument {
            symbol: Arc::clone(symbol),
            corwin_schultz: CorwinSchultz::new(WINDOW),
            abdi_ranaldo: AbdiRanaldo::new(WINDOW),
            means: [Mean::default(); 2],
            volume: 0.0,
            bars: 0.0,
            last: None,
            quotes: Quotes::default(),
        }));
        self.intraday |= self.last.is_some_and(|last| last.date() == frame.timestamp.date());
        self.last = Some(frame.timestamp);
        if frame.high.is_empty() || frame.low.is_empty() {
            return;
        }
        let trading = frame.close.iter().filter(|close| !close.is_nan()).count();
        let thin = self.intraday && (trading as f64) < TRADING_MIN * frame.close.len() as f64;
        let quoted = !frame.bid.is_empty() && !frame.ask.is_empty();
        for (i, instrument) in self.instruments.iter_mut().enumerate() {
            let volume = frame.volume.get(i).copied().unwrap_or(f64::NAN);
            let own_thin = instrument.is_thin(volume) && self.intraday;
            if frame.close[i].is_nan() || thin || own_thin {
                continue;
            }
            if quoted {
                instrument.quotes.add(2.0 * (frame.ask[i] - frame.bid[i]) / (frame.ask[i] + frame.bid[i]));
            }
            let follows =
                instrument.last.is_some_and(|last| !self.intraday || last.date() == frame.timestamp.date());
            instrument.push(follows, [frame.high[i], frame.low[i], frame.close[i]]);
            instrument.last = Some(frame.timestamp);
        }
    }

    /// By symbol, those with an estimate.
    pub(crate) fn estimates(&self) -> Vec<Estimates> {
        let of = |instrument: &Instrument| Estimates {
            symbol: Arc::clone(&instrument.symbol),
            corwin_schultz: instrument.means[0].value(),
            abdi_ranaldo: instrument.means[1].value(),
            quoted: instrument.quotes.median(),
        };
        let mut all: Vec<Estimates> = self.instruments.iter().map(of).collect();
        all.retain(|estimates| estimates.corwin_schultz.is_some());
        all.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        all
    }

    /// Whether there are several bars a day.
    pub(crate) fn is_intraday(&self) -> bool {
        self.intraday
    }
}

impl Instrument {
    /// Whether too little was traded in the bar for its range to mean anything.
    fn is_thin(&mut self, volume: f64) -> bool {
        if volume.is_nan() {
            return false;
        }
        self.bars = (self.bars + 1.0).min(MEMORY);
        let most = if self.bars < 10.0 { volume } else { 5.0 * self.volume };
        self.volume += (volume.min(most) - self.volume) / self.bars;
        volume < VOLUME_MIN * self.volume
    }

    fn push(&mut self, follows: bool, [high, low, close]: [f64; 3]) {
        if !follows {
            self.corwin_schultz.interrupt();
            self.abdi_ranaldo.interrupt();
        }
        self.corwin_schultz.push(high, low, close);
        self.abdi_ranaldo.push(high, low, close);
        self.means[0].add(self.corwin_schultz.half_spread().map(|half| 2.0 * half));
        self.means[1].add(self.abdi_ranaldo.half_spread().map(|half| 2.0 * half));
    }
}
