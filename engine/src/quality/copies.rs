//! Bars copied from another day of the same instrument.
//!
//! Two bars of one instrument with the same open, high and low are hardly ever chance: 60 of 600,000 daily bars of
//! large US stocks have a twin within a year, and nearly all of those have another close and another volume. How far
//! chance goes depends on how coarse the prices are, so it is measured: by bars of the window that share two of the
//! three numbers.
//!
//! Which of the two is the wrong one shows at its edges. A bar in its own place opens near the close before it, and
//! the bar after it opens near its close; the gaps of a misplaced bar are those of days between. The likelihoods of
//! the gaps (Student's t with 3 degrees of freedom on the instrument's own scale) are compared, and instruments whose
//! bars come from the same pair of days vote for each other, as a fault of a source hits many at once.
//!
//! Where all bars of a date are those of the date before, the date is a holiday that was filled forward, or the date
//! before holds the bars of the next one. In the second case the gaps before are those of two days. Both gaps are taken
//! less the panel's median, which removes news about the market, and their oddness is compared over all instruments and
//! all such dates so far: a source that fills holidays does so on many dates.

use crate::time::{DAY_NS, TimestampNs};

use super::history::{Bar, History};

/// Evidence (of the logarithm of the likelihood ratio) that a weaker match needs from the gaps.
const LIKELY: f64 = 4.0;
/// The same where hardly more than open, high and low agree.
const SURE: f64 = 7.0;
/// The same between bars inside a day.
const CERTAIN: f64 = 12.0;
/// Bars nearer to each other than this are not daily.
const DAILY_MIN_NS: i64 = DAY_NS / 24 * 20;
/// Below this the two bars are as likely: both are flagged.
const UNDECIDED: f64 = 1.0;
/// Most that one instrument says for another, and that all others together say.
const VOTE: f64 = 4.0;
/// Relative difference up to which volumes count as the same: sources revise them.
const REVISION: f64 = 0.02;
/// Twins, and bars that share two numbers, beyond which prices are too coarse for a match to mean anything.
const COARSE: usize = 3;
/// A bar whose range has fewer price levels has twins by chance, unless the volume is the same to the last digit.
const LEVELS_MIN: f64 = 12.0;
/// Volumes below so many lots are too round to tell bars apart.
const LOTS_MIN: f64 = 1_000.0;
/// Share of the bars whose smallest difference of prices is below what counts as a price level.
const LEVEL_SHARE: f64 = 0.05;
/// Bound of the mean evidence of a date whose bars are all those of the date before: a constant, and what is divided
/// by the square root of the number of bars.
const REPEATED: (f64, f64) = (0.55, 1.25);
/// Bars over which the scale of the gaps is forgotten.
const MEMORY: f64 = 60.0;

/// The usual size of the gaps between the bars of one instrument.
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

/// Relative move from the close of a bar to the first price of the next.
fn gap(before: &Bar, bar: &Bar) -> f64 {
    let first = if bar.open > 0.0 { bar.open } else { bar.close };
    first / before.close - 1.0
}

/// Two bars that are the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twins {
    pub(super) instrument: usize,
    earlier: Bar,
    later: Bar,
    same_volume: bool,
    scale: f64,
    /// Logarithm of the likelihood ratio so far; positive: the earlier one is in the wrong place.
    evidence: f64,
    /// How much of it is needed.
    needed: f64,
    /// The gap before the earlier one, where all bars of the later date are those of the earlier one; otherwise NaN.
    gap_before: f64,
}

/// What a resolved pair of twins says.
pub(super) struct Copied {
    pub(super) instrument: usize,
    /// The row in the wrong place.
    pub(super) wrong: Bar,
    /// Where its bar is from.
    pub(super) source: TimestampNs,
    pub(super) same_volume: bool,
    pub(super) undecided: bool,
    pub(super) evidence: f64,
}

/// −ln of the density of a gap, up to a constant; 0 where there is none.
fn oddness(gap: f64, scale: f64) -> f64 {
    let ratio = gap / scale;
    if ratio.is_nan() { 0.0 } else { 2.0 * libm::log1p(ratio * ratio / 3.0) }
}

fn is_same_volume(a: f64, b: f64) -> bool {
    a > 0.0 && (a - b).abs() <= REVISION * a
}

/// Whether a volume has enough digits: shares come in hundreds, and few hundreds are common.
fn tells_apart(volume: f64) -> bool {
    let lot = if volume % 100.0 == 0.0 { 100.0 } else { 1.0 };
    volume / lot >= LOTS_MIN
}

/// The distance between two neighbouring prices: a low quantile of the smallest difference within each bar, because
/// adjusted prices have digits that mean nothing, and a few odd ones must not decide.
fn level(bars: &[Bar]) -> f64 {
    let differences = bars.iter().filter_map(|bar| {
        let inside = [bar.high - bar.open, bar.open - bar.low, bar.high - bar.close, bar.close - bar.low];
        inside.into_iter().filter(|difference| *difference > 1e-9 * bar.close).min_by(f64::total_cmp)
    });
    let mut differences: Vec<f64> = differences.collect();
    if differences.is_empty() {
        return f64::INFINITY;
    }
    // Below their number.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (LEVEL_SHARE * differences.len() as f64) as usize;
    *differences.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Looks for twins of `bar`, which follows the bars of `history`. `repeated`: all bars of its date are those of the
/// date before.
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
            // With nothing but a close and a volume, both must agree to the last digit.
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
    // Bars inside a day are so many, and so near to each other, that chance finds all but the surest twins.
    let intraday = history.back(0).is_some_and(|last| bar.time.0 - last.time.0 < DAILY_MIN_NS);
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
        // A gap of one price level is no evidence, however still the price stands.
        let scale = scale.scale.max(level / bar.close).max(1e-9);
        let odd = |before: Option<&Bar>, after: Option<&Bar>| match (before, after) {
            (Some(before), Some(after)) => oddness(gap(before, after), scale),
            _ => 0.0,
        };
        let mut evidence = odd(history.back(age + 1), Some(other));
        if let Some(after) = age.checked_sub(1) {
            // Of neighbours, the gap between them is common to both.
            evidence += odd(Some(other), history.back(after)) - odd(history.back(0), Some(bar));
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

/// Decides twins whose later bar was the last frame's; `next` gives the bar of an instrument that follows it.
pub(super) fn resolve(
    twins: &mut Vec<Twins>,
    next: impl Fn(usize) -> Option<Bar>,
    repeats: &mut Repeats,
    mut copied: impl FnMut(Copied),
) {
    for pair in twins.iter_mut() {
        if let Some(next) = next(pair.instrument) {
            pair.evidence -= oddness(gap(&pair.later, &next), pair.scale);
        }
    }
    repeats.take_out_holiday(twins, &next);
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
        let mut say = |wrong: Bar, source: Bar| {
            let (instrument, same_volume) = (pair.instrument, pair.same_volume);
            copied(Copied {
                instrument,
                wrong,
                source: source.time,
                same_volume,
                undecided,
                evidence: evidence.abs(),
            });
        };
        if evidence >= 0.0 || undecided {
            say(pair.earlier, pair.later);
        }
        if evidence < 0.0 || undecided {
            say(pair.later, pair.earlier);
        }
    }
    twins.clear();
}

/// Dates whose bars are all those of the date before, so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeats {
    evidence: f64,
    bars: f64,
}

impl Repeats {
    /// Removes the pairs of a date that is a holiday, and gives those of another date the evidence of all.
    fn take_out_holiday(&mut self, twins: &mut Vec<Twins>, next: impl Fn(usize) -> Option<Bar>) {
        let is_repeated = |pair: &Twins| !pair.gap_before.is_nan();
        let gaps: Vec<_> = twins
            .iter()
            .filter(|pair| is_repeated(pair))
            .filter_map(|pair| {
                let after = gap(&pair.later, &next(pair.instrument)?);
                Some((pair.gap_before, after, pair.scale))
            })
            .collect();
        // On the first of two holidays in a row, no gap follows.
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
