//! Bid-ask spreads of a panel: estimated from the prices of bars, and the median quoted spread.

use std::sync::Arc;

use hdrhistogram::Histogram;

use crate::execution::{AbdiRanaldo, CorwinSchultz, Edge};
use crate::frame::Frame;

/// Pairs of bars in the trailing window of an estimator: a month of daily bars.
const WINDOW: usize = 21;
/// Share of the usual volume below which an intraday bar counts as thin or outside the regular hours.
const VOLUME_MIN: f64 = 0.25;
/// Share of the instruments trading below which an intraday frame is outside the regular hours.
const TRADING_MIN: f64 = 0.9;
/// Memory of the usual volume in bars, about a week of minutes: the weight of a new bar is at least
/// 1/`MEMORY`.
const MEMORY: f64 = 2_000.0;
/// Bars after which a volume is winsorised before it enters the usual volume.
const SETTLED: f64 = 10.0;
/// Multiple of the usual volume at which a volume is winsorised.
const VOLUME_MAX: f64 = 5.0;

/// Spreads of one instrument, as fractions of the price.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadEstimates {
    /// Name of the instrument.
    pub symbol: Arc<str>,
    /// Mean of the trailing estimates of Corwin & Schultz (2012); `None` before the first full window.
    pub corwin_schultz: Option<f64>,
    /// Mean of the trailing estimates of Abdi & Ranaldo (2017); `None` before the first full window.
    pub abdi_ranaldo: Option<f64>,
    /// Mean of the trailing estimates of EDGE (Ardia, Guidotti & Kroencke 2024); `None` before the first full window, or
    /// without opens.
    pub edge: Option<f64>,
    /// Median quoted spread, (ask − bid) / mid, to half a percent; `None` without quotes.
    pub quoted: Option<f64>,
}

/// Mean relative error |estimate − quoted|/quoted of each estimator over the instruments that have the estimate and a
/// quoted spread above 0; `None` if there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpreadErrors {
    /// Error of Corwin & Schultz (2012).
    pub corwin_schultz: Option<f64>,
    /// Error of Abdi & Ranaldo (2017).
    pub abdi_ranaldo: Option<f64>,
    /// Error of EDGE (Ardia, Guidotti & Kroencke 2024).
    pub edge: Option<f64>,
}

impl SpreadErrors {
    /// Errors of the estimates of all instruments.
    #[must_use]
    pub fn of(all: &[SpreadEstimates]) -> Self {
        let error = |estimate: fn(&SpreadEstimates) -> Option<f64>| {
            let mut mean = Mean::default();
            for one in all {
                let pair = estimate(one).zip(one.quoted.filter(|quoted| *quoted > 0.0));
                mean.add(pair.map(|(estimate, quoted)| (estimate - quoted).abs() / quoted));
            }
            mean.value()
        };
        Self {
            corwin_schultz: error(|one| one.corwin_schultz),
            abdi_ranaldo: error(|one| one.abdi_ranaldo),
            edge: error(|one| one.edge),
        }
    }
}

/// Collects the spreads of all instruments in bounded memory per instrument.
///
/// Each bar contributes the trailing estimate as of that bar; the result is the mean of those. In intraday
/// data (two frames on one date) thin bars are skipped: bars with less than a quarter of the instrument's
/// usual volume, and frames in which fewer than nine tenths of the instruments trade. The first bar of a day
/// does not continue the last of the previous day.
///
/// ```
/// use betaflow_engine::frame::Frame;
/// use betaflow_engine::quality::SpreadInspector;
/// use betaflow_engine::time::{DAY_NS, TimestampNs};
///
/// let mut spreads = SpreadInspector::default();
/// for day in 0..30 {
///     spreads.observe(&Frame {
///         timestamp: TimestampNs(day * DAY_NS),
///         listed: if day == 0 { vec!["A".into()] } else { Vec::new() },
///         close: vec![100.0],
///         high: vec![100.1],
///         low: vec![99.9],
///         bid: vec![99.9],
///         ask: vec![100.1],
///         ..Frame::default()
///     });
/// }
/// let [estimates] = &spreads.estimates()[..] else { panic!("one instrument") };
/// assert!(estimates.quoted.is_some_and(|spread| (spread / 0.002 - 1.0).abs() < 0.005));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SpreadInspector {
    instruments: Vec<Instrument>,
    /// Date of the last frame.
    last: Option<i64>,
    intraday: bool,
}

#[derive(Clone, Debug)]
struct Instrument {
    symbol: Arc<str>,
    corwin_schultz: CorwinSchultz,
    abdi_ranaldo: AbdiRanaldo,
    edge: Edge,
    /// Means of the estimates of Corwin & Schultz, of Abdi & Ranaldo and of EDGE.
    means: [Mean; 3],
    usual_volume: UsualVolume,
    /// Date of the last bar.
    last: Option<i64>,
    quotes: QuotedSpreads,
}

impl SpreadInspector {
    /// Adds the next frame. Frames without high and low only decide whether the data is intraday.
    pub fn observe(&mut self, frame: &Frame) {
        self.instruments.extend(frame.listed.iter().map(|symbol| Instrument::new(Arc::clone(symbol))));
        for renamed in &frame.renamed {
            self.instruments[renamed.instrument as usize].symbol = Arc::clone(&renamed.name);
        }
        self.intraday |= self.last.is_some_and(|last| last == frame.date());
        self.last = Some(frame.date());
        if frame.high.is_empty() || frame.low.is_empty() {
            return;
        }
        let trading = frame.close.iter().filter(|close| !close.is_nan()).count();
        let frame_is_thin = self.intraday && (trading as f64) < TRADING_MIN * frame.close.len() as f64;
        let quoted = !frame.bid.is_empty() && !frame.ask.is_empty();
        for (i, instrument) in self.instruments.iter_mut().enumerate() {
            let volume = frame.volume.get(i).copied().unwrap_or(f64::NAN);
            let bar_is_thin = instrument.usual_volume.is_thin(volume) && self.intraday;
            if frame.close[i].is_nan() || frame_is_thin || bar_is_thin {
                continue;
            }
            if quoted {
                let (bid, ask) = (frame.bid[i], frame.ask[i]);
                instrument.quotes.record(2.0 * (ask - bid) / (ask + bid));
            }
            let follows = instrument.last.is_some_and(|last| !self.intraday || last == frame.date());
            let open = frame.open.get(i).copied().unwrap_or(f64::NAN);
            instrument.push(follows, [open, frame.high[i], frame.low[i], frame.close[i]]);
            instrument.last = Some(frame.date());
        }
    }

    /// Returns the instruments with an estimate, sorted by symbol.
    #[must_use]
    pub fn estimates(&self) -> Vec<SpreadEstimates> {
        let of = |instrument: &Instrument| SpreadEstimates {
            symbol: Arc::clone(&instrument.symbol),
            corwin_schultz: instrument.means[0].value(),
            abdi_ranaldo: instrument.means[1].value(),
            edge: instrument.means[2].value(),
            quoted: instrument.quotes.median(),
        };
        let mut all: Vec<SpreadEstimates> = self.instruments.iter().map(of).collect();
        all.retain(|estimates| estimates.corwin_schultz.is_some());
        all.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        all
    }

    /// True once two frames share a UTC date.
    #[must_use]
    pub fn is_intraday(&self) -> bool {
        self.intraday
    }
}

impl Instrument {
    fn new(symbol: Arc<str>) -> Self {
        Self {
            symbol,
            corwin_schultz: CorwinSchultz::new(WINDOW),
            abdi_ranaldo: AbdiRanaldo::new(WINDOW),
            edge: Edge::new(WINDOW),
            means: [Mean::default(); 3],
            usual_volume: UsualVolume::default(),
            last: None,
            quotes: QuotedSpreads::default(),
        }
    }

    fn push(&mut self, follows: bool, [open, high, low, close]: [f64; 4]) {
        if !follows {
            self.corwin_schultz.interrupt();
            self.abdi_ranaldo.interrupt();
            self.edge.interrupt();
        }
        self.corwin_schultz.push(high, low, close);
        self.abdi_ranaldo.push(high, low, close);
        self.edge.push(open, high, low, close);
        self.means[0].add(self.corwin_schultz.half_spread().map(|half| 2.0 * half));
        self.means[1].add(self.abdi_ranaldo.half_spread().map(|half| 2.0 * half));
        self.means[2].add(self.edge.half_spread().map(|half| 2.0 * half));
    }
}

/// Usual volume of an instrument: the mean of its first [`MEMORY`] bars, then an exponential mean.
#[derive(Clone, Copy, Debug, Default)]
struct UsualVolume {
    mean: f64,
    /// Bars in the mean, at most [`MEMORY`].
    bars: f64,
}

impl UsualVolume {
    /// Adds the volume of a bar; returns true if the bar is too thin for its range to be informative. A
    /// missing volume (NaN) is skipped.
    fn is_thin(&mut self, volume: f64) -> bool {
        if volume.is_nan() {
            return false;
        }
        self.bars = (self.bars + 1.0).min(MEMORY);
        let most = if self.bars < SETTLED { volume } else { VOLUME_MAX * self.mean };
        self.mean += (volume.min(most) - self.mean) / self.bars;
        volume < VOLUME_MIN * self.mean
    }
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

/// Histogram of quoted spreads: buckets of at most 1 % width, 12 kB per instrument. Counts are integers, so
/// the median is the same on every machine.
#[derive(Clone, Debug, Default)]
struct QuotedSpreads(Option<Histogram<u32>>);

impl QuotedSpreads {
    /// Unit of the counts, as a fraction of the price: 0.00001 bps.
    const UNIT: f64 = 1e-9;
    /// A spread of the whole price.
    const UNITS_MAX: u64 = 1_000_000_000;
    const DIGITS: u8 = 2;

    /// Counts a spread; skips it if it is missing, negative (crossed quote) or above 1.
    fn record(&mut self, spread: f64) {
        if !(0.0..=1.0).contains(&spread) {
            return;
        }
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(1, Self::UNITS_MAX, Self::DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            // Range: 0 to `UNITS_MAX`.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            histogram.saturating_record((spread / Self::UNIT).round() as u64);
        }
    }

    /// Returns the middle of the bucket that holds the median.
    fn median(&self) -> Option<f64> {
        let histogram = self.0.as_ref()?;
        Some(histogram.median_equivalent(histogram.value_at_quantile(0.5)) as f64 * Self::UNIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::time::{DAY_NS, TimestampNs};

    const MINUTE_NS: i64 = 60_000_000_000;

    fn bar(timestamp: i64, first: bool, [high, low, close]: [f64; 3], volume: f64) -> Frame {
        Frame {
            timestamp: TimestampNs(timestamp),
            listed: if first { vec!["A".into()] } else { Vec::new() },
            close: vec![close],
            high: vec![high],
            low: vec![low],
            volume: vec![volume],
            ..Frame::default()
        }
    }

    #[test]
    fn median_of_quoted_spreads_is_within_half_a_percent() {
        let mut random = Random::new(3);
        let mut spreads: Vec<f64> = (0..1_001).map(|_| libm::exp(-9.0 + 4.0 * random.uniform())).collect();
        let mut quotes = QuotedSpreads::default();
        spreads.iter().for_each(|spread| quotes.record(*spread));
        [f64::NAN, -1e-4, 1.5].into_iter().for_each(|refused| quotes.record(refused));
        spreads.sort_by(f64::total_cmp);
        let median = quotes.median().unwrap();
        assert!((median / spreads[500] - 1.0).abs() < 0.005, "{median} {}", spreads[500]);
    }

    #[test]
    fn median_of_locked_quotes_is_zero_and_of_no_quotes_is_none() {
        let mut quotes = QuotedSpreads::default();
        assert_eq!(quotes.median(), None);
        [0.0, 0.0, 0.01].into_iter().for_each(|spread| quotes.record(spread));
        assert_eq!(quotes.median(), Some(0.0));
    }

    #[test]
    fn usual_volume_is_a_mean_with_exponential_memory() {
        let mut usual = UsualVolume::default();
        for volume in [100.0, 300.0, f64::NAN, 200.0] {
            usual.is_thin(volume);
        }
        assert!((usual.mean - 200.0).abs() < 1e-12);
        assert!(usual.is_thin(30.0) && !usual.is_thin(100.0));
        // One bar with a thousand times the usual volume counts as five times the usual volume.
        (0..5_000).for_each(|_| _ = usual.is_thin(200.0));
        usual.is_thin(200_000.0);
        assert!((usual.mean / (200.0 + 800.0 / MEMORY) - 1.0).abs() < 1e-3, "{}", usual.mean);
    }

    #[test]
    fn estimates_are_means_of_the_trailing_estimates() {
        let mut random = Random::new(8);
        let mut spreads = SpreadInspector::default();
        let (mut corwin_schultz, mut sum, mut count) = (CorwinSchultz::new(WINDOW), 0.0, 0.0);
        for day in 0..60 {
            let close = 100.0 + random.uniform();
            let (high, low) = (close + random.uniform(), close - random.uniform());
            spreads.observe(&bar(day * DAY_NS, day == 0, [high, low, close], 1.0));
            corwin_schultz.push(high, low, close);
            if let Some(half) = corwin_schultz.half_spread() {
                (sum, count) = (sum + 2.0 * half, count + 1.0);
            }
        }
        let estimates = spreads.estimates();
        assert!(!spreads.is_intraday() && estimates.len() == 1 && count == 39.0);
        assert!((estimates[0].corwin_schultz.unwrap() - sum / count).abs() < 1e-15);
        assert_eq!(estimates[0].quoted, None);
    }

    #[test]
    fn thin_intraday_bars_are_left_out() {
        let prices = |i: i64| [100.2 + 0.01 * (i % 5) as f64, 99.9, 100.0 + 0.02 * (i % 3) as f64];
        let run = |with_thin: bool| {
            let mut spreads = SpreadInspector::default();
            for i in 0..100 {
                spreads.observe(&bar(2 * i * MINUTE_NS, i == 0, prices(i), 1_000.0));
                if with_thin && i > 2 {
                    spreads.observe(&bar((2 * i + 1) * MINUTE_NS, false, [150.0, 50.0, 100.0], 10.0));
                }
            }
            spreads.estimates()
        };
        assert_eq!(run(true), run(false));
    }
}
