//! Bars copied from another day of the same instrument.
//!
//! Two bars of one instrument rarely share open, high and low by chance: of 600,000 daily bars of large US
//! stocks, 60 have a twin within a year, and nearly all of those differ in close and volume. The rate of
//! chance matches rises with the tick size, so it is measured: by the bars of the window that share two of
//! the three prices.
//!
//! The gaps to the neighbouring bars identify the misplaced one. A bar in its own place opens near the
//! previous close, and the next bar opens near its close; the gaps of a misplaced bar span days. The
//! likelihoods of the gaps are compared (Student's t with 3 degrees of freedom on the instrument's own
//! scale). Instruments with bars from the same pair of days vote for each other, because a fault of a source
//! affects many instruments at once.
//!
//! If all bars of a date equal those of the previous date, either the date is a forward-filled holiday, or
//! the previous date holds the bars of the next one. In the second case its gaps span two days. Both gaps are
//! taken relative to the median of the panel, which removes market news. Their surprise is compared over all
//! instruments and all such dates so far, because a source that fills holidays does so on many dates.

use crate::time::{DAY_NS, TimestampNs};

use super::history::{Bar, History};

/// Log likelihood ratio of the gaps that a weak match needs.
const LIKELY: f64 = 4.0;
/// Log likelihood ratio needed if little more than open, high and low match.
const SURE: f64 = 7.0;
/// Log likelihood ratio needed for intraday bars.
const CERTAIN: f64 = 12.0;
/// Shortest time between daily bars.
const DAILY_MIN_NS: i64 = DAY_NS / 24 * 20;
/// Log likelihood ratio below which neither bar is more likely the copy: both are flagged.
const UNDECIDED: f64 = 1.0;
/// Largest vote of one instrument for another, and of all others together.
const VOTE: f64 = 4.0;
/// Relative difference up to which volumes count as equal: sources revise them.
const REVISION: f64 = 0.02;
/// Number of twins, or of bars sharing two prices, above which prices are too coarse for a match to be
/// evidence.
const COARSE: usize = 3;
/// Price levels in the range of a bar below which twins occur by chance, unless the volumes are equal too.
const LEVELS_MIN: f64 = 12.0;
/// Lots below which a volume is too round to identify a bar.
const LOTS_MIN: f64 = 1_000.0;
/// Quantile of the smallest price differences within bars that counts as one price level.
const LEVEL_SHARE: f64 = 0.05;
/// Bound on the mean log likelihood ratio of a repeated date: a constant, plus a term divided by the square
/// root of the number of bars.
const REPEATED: (f64, f64) = (0.55, 1.25);
/// Memory of the gap scale in bars.
const MEMORY: f64 = 60.0;

/// Scale of the gaps between the bars of one instrument.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GapScale {
    scale: f64,
    bars: f64,
}

impl GapScale {
    pub(super) fn observe(&mut self, before: &Bar, bar: &Bar) {
        let size = gap(before, bar).abs();
        if size.is_nan() {
            return;
        }
        self.bars = (self.bars + 1.0).min(MEMORY);
        let most = if self.bars < 10.0 { size } else { 5.0 * self.scale };
        self.scale += (size.min(most) - self.scale) / self.bars;
    }
}

/// Relative move from the close of a bar to the first price of the next bar.
fn gap(before: &Bar, bar: &Bar) -> f64 {
    let first = if bar.open > 0.0 { bar.open } else { bar.close };
    first / before.close - 1.0
}

/// Two equal bars of one instrument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twins {
    pub(super) instrument: usize,
    earlier: Bar,
    later: Bar,
    same_volume: bool,
    scale: f64,
    /// Log likelihood ratio so far; positive if the earlier bar is the misplaced one.
    evidence: f64,
    /// Log likelihood ratio that is required.
    needed: f64,
    /// Gap before the earlier bar if all bars of the later date equal those of the earlier date; else NaN.
    gap_before: f64,
}

/// Resolved pair of twins.
pub(super) struct CopiedRow {
    pub(super) instrument: usize,
    /// Misplaced row.
    pub(super) wrong: Bar,
    /// Time of the row that it was copied from.
    pub(super) source: TimestampNs,
    pub(super) same_volume: bool,
    pub(super) undecided: bool,
    pub(super) evidence: f64,
}

/// Surprise of a gap: −ln of its density, up to a constant; 0 for a NaN gap.
fn oddness(gap: f64, scale: f64) -> f64 {
    let ratio = gap / scale;
    if ratio.is_nan() { 0.0 } else { 2.0 * libm::log1p(ratio * ratio / 3.0) }
}

fn is_same_volume(a: f64, b: f64) -> bool {
    a > 0.0 && (a - b).abs() <= REVISION * a
}

/// True if a volume has enough digits to identify a bar; a multiple of 100 counts in lots of 100.
fn tells_apart(volume: f64) -> bool {
    let lot = if volume % 100.0 == 0.0 { 100.0 } else { 1.0 };
    volume / lot >= LOTS_MIN
}

/// Distance between two neighbouring prices: a low quantile of the smallest difference within each bar,
/// because adjusted prices have spurious digits and a few outliers must not determine it.
fn level(bars: &[Bar]) -> f64 {
    let differences = bars.iter().filter_map(|bar| {
        let inside = [bar.high - bar.open, bar.open - bar.low, bar.high - bar.close, bar.close - bar.low];
        inside.into_iter().filter(|difference| *difference > 1e-9 * bar.close).min_by(f64::total_cmp)
    });
    let mut differences: Vec<f64> = differences.collect();
    if differences.is_empty() {
        return f64::INFINITY;
    }
    // Below the number of differences, so the cast is safe.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (LEVEL_SHARE * differences.len() as f64) as usize;
    *differences.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Searches for twins of `bar`, which follows the bars of `history`. `repeated`: all bars of its date equal
/// those of the previous date.
pub(super) fn search(
    instrument: usize,
    history: &History,
    bar: &Bar,
    scale: GapScale,
    repeated: bool,
    found: &mut Vec<Twins>,
) {
    let has_range = bar.high > bar.low;
    let mut ages = history.with_key(if bar.high.is_nan() { bar.close } else { bar.high });
    let Some(first) = ages.next() else { return };
    let is_twin = |other: &Bar| {
        let same_open = other.open == bar.open || (other.open.is_nan() && bar.open.is_nan());
        match has_range {
            true => same_open && other.high == bar.high && other.low == bar.low,
            // With only a close and a volume, both must be exactly equal.
            false => {
                bar.high.is_nan()
                    && other.close == bar.close
                    && other.volume == bar.volume
                    && bar.volume > 0.0
            }
        }
    };
    let twins: Vec<usize> = std::iter::once(first)
        .chain(ages)
        .filter(|age| history.back(*age).is_some_and(is_twin))
        .take(COARSE + 1)
        .collect();
    if twins.is_empty() || twins.len() > COARSE {
        return;
    }
    let shared = |other: &&Bar| {
        let same = [other.open == bar.open, other.high == bar.high, other.low == bar.low];
        same.into_iter().filter(|same| *same).count() == 2
    };
    let level = if has_range { level(history.bars()) } else { 0.0 };
    let levels = (bar.high - bar.low) / level;
    let (coarse, fine) = (levels < LEVELS_MIN, levels >= 2.0 * LEVELS_MIN);
    // Intraday bars are numerous and similar: all but the strongest matches occur by chance.
    let intraday = history.last().is_some_and(|last| bar.time.since(last.time) < DAILY_MIN_NS);
    let alike = if has_range { history.bars().iter().filter(shared).count() } else { 0 };
    for age in twins.into_iter().filter(|age| !repeated || *age == 0) {
        let Some(other) = history.back(age) else { continue };
        let same_volume = is_same_volume(bar.volume, other.volume);
        let same_close = other.close == bar.close;
        let needed = match (has_range, same_close, same_volume) {
            (false, _, _) => SURE,
            _ if same_close && bar.volume == other.volume && tells_apart(bar.volume) => 0.0,
            _ if intraday && alike == 0 && same_close => CERTAIN,
            _ if same_close && alike == 0 && !intraday && coarse && levels >= 0.5 * LEVELS_MIN => SURE,
            _ if coarse || intraday => continue,
            _ if alike > COARSE => continue,
            (_, true, true) => 0.0,
            (_, true, false) if alike == 0 && fine => 0.0,
            (_, true, false) if alike == 0 => 0.5 * LIKELY,
            (_, false, true) if alike == 0 => 0.0,
            (_, false, false) if alike > 0 => continue,
            (_, false, false) => SURE,
            _ => LIKELY,
        };
        // A gap of one price level is not evidence, however small the scale.
        let scale = scale.scale.max(level / bar.close).max(1e-9);
        let odd = |before: Option<&Bar>, after: Option<&Bar>| match (before, after) {
            (Some(before), Some(after)) => oddness(gap(before, after), scale),
            _ => 0.0,
        };
        let mut evidence = odd(history.back(age + 1), Some(other));
        if let Some(after) = age.checked_sub(1) {
            // Neighbours share the gap between them.
            evidence += odd(Some(other), history.back(after)) - odd(history.last(), Some(bar));
        }
        let before = history.back(age + 1);
        let gap_before = match repeated {
            true => before.map_or(0.0, |before| gap(before, other)),
            false => f64::NAN,
        };
        let (earlier, later) = (*other, *bar);
        found.push(Twins { instrument, earlier, later, same_volume, scale, evidence, needed, gap_before });
    }
}

/// Resolves twins whose later bar belongs to the last frame; `next` gives the following bar of an instrument.
pub(super) fn resolve(
    twins: &mut Vec<Twins>,
    next: impl Fn(usize) -> Option<Bar>,
    repeats: &mut Repeats,
    mut copied: impl FnMut(CopiedRow),
) {
    for pair in twins.iter_mut() {
        if let Some(next) = next(pair.instrument) {
            pair.evidence -= oddness(gap(&pair.later, &next), pair.scale);
        }
    }
    repeats.remove_holiday(twins, &next);
    let vote = |pair: &Twins| pair.evidence.clamp(-VOTE, VOTE);
    for (i, pair) in twins.iter().enumerate() {
        let same_days =
            |other: &&Twins| other.earlier.time == pair.earlier.time && other.later.time == pair.later.time;
        let others = twins.iter().filter(same_days).map(vote).sum::<f64>() - vote(&twins[i]);
        let evidence = pair.evidence + others.clamp(-VOTE, VOTE);
        if pair.evidence.abs() < pair.needed {
            continue;
        }
        let undecided = evidence.abs() < UNDECIDED;
        let mut report = |wrong: Bar, source: Bar| {
            let (instrument, same_volume) = (pair.instrument, pair.same_volume);
            copied(CopiedRow {
                instrument,
                wrong,
                source: source.time,
                same_volume,
                undecided,
                evidence: evidence.abs(),
            });
        };
        if evidence >= 0.0 || undecided {
            report(pair.earlier, pair.later);
        }
        if evidence < 0.0 || undecided {
            report(pair.later, pair.earlier);
        }
    }
    twins.clear();
}

/// Evidence from all dates so far whose bars equal those of the previous date.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeats {
    evidence: f64,
    bars: f64,
}

impl Repeats {
    /// Removes the pairs of a forward-filled holiday; gives the pairs of any other repeated date the mean
    /// evidence.
    fn remove_holiday(&mut self, twins: &mut Vec<Twins>, next: impl Fn(usize) -> Option<Bar>) {
        let is_repeated = |pair: &Twins| !pair.gap_before.is_nan();
        let gaps: Vec<_> = twins
            .iter()
            .filter(|pair| is_repeated(pair))
            .filter_map(|pair| {
                let after = gap(&pair.later, &next(pair.instrument)?);
                Some((pair.gap_before, after, pair.scale))
            })
            .collect();
        // On the first of two consecutive holidays every following gap is 0.
        if gaps.iter().all(|gaps| gaps.1 == 0.0) {
            twins.retain(|pair| !is_repeated(pair));
            return;
        }
        let median = |mut gaps: Vec<f64>| {
            let middle = gaps.len() / 2;
            *gaps.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        let before = median(gaps.iter().map(|gaps| gaps.0).collect());
        let after = median(gaps.iter().map(|gaps| gaps.1).collect());
        let evidence = gaps
            .iter()
            .map(|(one, other, scale)| oddness(one - before, *scale) - oddness(other - after, *scale));
        self.evidence += evidence.sum::<f64>();
        self.bars += gaps.len() as f64;
        let mean = self.evidence / self.bars;
        if mean > REPEATED.0 + REPEATED.1 / libm::sqrt(self.bars) {
            for pair in twins.iter_mut().filter(|pair| is_repeated(pair)) {
                pair.evidence = pair.needed.max(mean);
            }
        } else {
            twins.retain(|pair| !is_repeated(pair));
        }
    }
}
