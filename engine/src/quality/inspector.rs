//! Inspector of a panel: frames in, findings out.

use std::sync::Arc;

use super::attendance::Attendance;
use super::copies::{self, CopiedRow, GapScale, Repeats, Twins};
use super::history::{Bar, History};
use super::identical::Sketches;
use super::inactivity::Inactivity;
use super::moves::{self, Jump, UsualActivity, Verdict, Volume};
use super::number::{Move, Number};
use super::shape::{self, Nulls};
use super::spelling::Spelling;
use super::stale::Standstill;
use super::units::{self, Times};
use super::{Finding, Problem};
use crate::frame::Frame;
use crate::processor::{MulAdd, kernel};
use crate::time::{Iso, TimestampNs};

/// Depth of the inspection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// All checks.
    #[default]
    Full,
    /// Only price jumps by half or more that persist; one division per price.
    Jumps,
}

/// Gap in dates from which a jump suggests that the ticker was reused.
const REUSE_GAP: u64 = 5;
/// Minimum log return after that gap.
const REUSE_JUMP: f64 = 0.25;
/// Minimum return after that gap, in standard deviations of a return over the gap.
const REUSE_DEVIATIONS: f64 = 6.0;

/// Minimum absolute log of a stated split that prices must confirm.
const SPLIT_SEEN: f64 = 0.3;

/// Minimum stated dividend, as a share of the last close, that prices must confirm.
const DIVIDEND_SEEN: f64 = 0.25;
/// Minimum fall of the close that confirms it, as a share of the dividend.
const DIVIDEND_FALL: f64 = 0.5;

/// Largest number of symbols of a group that are listed.
const NAMED_MAX: usize = 12;

#[derive(Clone, Debug, Default)]
struct Instrument {
    close: f64,
    adjusted: f64,
    history: History,
    usual: UsualActivity,
    gaps: GapScale,
    nulls: Nulls,
    standstill: Standstill,
}

/// Inspects the rows of frames in time order.
///
/// Memory is bounded by the number of instruments: a window of 260 bars for each. Columns are those of [`Frame`].
/// `open`, `high`, `low` and `volume` may hold values that are not prices (a NaN of the data as minus infinity). If
/// the data has an adjusted price, it is in `return_price`.
#[derive(Clone, Debug, Default)]
pub struct Inspector {
    depth: Depth,
    names: Vec<Arc<str>>,
    spelling: Spelling,
    instruments: Vec<Instrument>,
    attendance: Attendance,
    /// Last closes, for [`Depth::Jumps`].
    closes: Vec<f64>,
    changes: Vec<f64>,
    scratch: Vec<f64>,
    twins: Vec<Twins>,
    repeats: Repeats,
    jumps: Vec<Jump>,
    /// Jumps that reversed in this frame.
    came_back: Vec<(usize, Jump)>,
    panel_scale: f64,
    trusting: bool,
    last_time: Option<TimestampNs>,
    times: Times,
    inactivity: Inactivity,
    sketches: Sketches,
}

impl Inspector {
    /// Inspector before the first frame.
    #[must_use]
    pub fn new(depth: Depth) -> Self {
        Self { depth, ..Self::default() }
    }

    /// Inspects the next frame; adds the findings that are now final, about it or about earlier frames.
    pub fn observe(&mut self, frame: &Frame, findings: &mut Vec<Finding>) {
        for symbol in &frame.listed {
            self.names.push(Arc::clone(symbol));
            if let Some(detail) = self.spelling.add(symbol) {
                let (timestamp, symbol, problem) =
                    (frame.timestamp, Arc::clone(symbol), Problem::SymbolsAlike);
                findings.push(Finding { timestamp, symbol, problem, detail, severity: 1.0 });
            }
        }
        for renamed in &frame.renamed {
            self.names[renamed.instrument as usize] = Arc::clone(&renamed.name);
        }
        self.came_back.clear();
        self.take_time(frame.timestamp, findings);
        self.take_splits(frame, findings);
        self.check_dividends(frame, findings);
        if !self.jumps.is_empty() {
            self.resolve_jumps(frame, findings);
        }
        if self.depth == Depth::Jumps {
            self.watch(frame);
            return;
        }
        self.instruments.resize_with(frame.close.len(), || Instrument {
            close: f64::NAN,
            adjusted: f64::NAN,
            ..Instrument::default()
        });
        self.resolve_twins(|instrument| bar_of(frame, instrument), findings);
        self.attendance.begin(frame.timestamp, frame.date(), frame.close.len());
        let panel = self.panel(frame);
        self.sketches.observe(&self.changes);
        let silent =
            !frame.volume.is_empty() && frame.volume.iter().all(|volume| volume.is_nan() || *volume <= 0.0);
        let evident = silent || self.is_repeated(frame);
        let holiday = self.inactivity.observe(frame.timestamp, &self.changes, evident);
        if let Some(count) = holiday {
            let detail = format!(
                "all {count} closes equal those of the previous frame: a holiday, filled forward; remove the \
                 date"
            );
            let problem = Problem::HolidayFilled;
            findings.push(panel_finding(frame.timestamp, problem, count as f64, detail));
        }
        let panel = Panel { is_holiday: holiday.is_some(), ..panel };
        for instrument in 0..frame.close.len() {
            if let Some(bar) = bar_of(frame, instrument) {
                self.inspect(frame, instrument, &bar, panel, findings);
            }
        }
    }

    /// True if each instrument repeats its previous bar in more than the close.
    fn is_repeated(&self, frame: &Frame) -> bool {
        let nothing_moved = self.changes.iter().all(|change| change.is_nan() || *change == 0.0);
        nothing_moved
            && (0..frame.close.len()).all(|instrument| {
                bar_of(frame, instrument).is_none_or(|bar| {
                    let tells = bar.high > bar.low || bar.volume > 0.0;
                    tells && self.repeats(instrument, &bar)
                })
            })
    }

    /// True if a bar equals the previous one of the instrument in all prices.
    fn repeats(&self, instrument: usize, bar: &Bar) -> bool {
        let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
        self.instruments[instrument].history.last().is_some_and(|last| {
            let prices = [(last.open, bar.open), (last.high, bar.high), (last.low, bar.low)];
            last.close == bar.close && prices.into_iter().all(|(a, b)| same(a, b))
        })
    }

    /// Adds instruments that were listed by frames before the first one inspected.
    #[must_use]
    pub fn with_listed(self, names: &[Arc<str>]) -> Self {
        let mut spelling = Spelling::default();
        names.iter().for_each(|symbol| _ = spelling.add(symbol));
        Self { names: names.to_vec(), spelling, ..self }
    }

    /// Suppresses findings about price moves that the adjusted price does not show, for returns computed from
    /// that price.
    #[must_use]
    pub fn with_returns_of_adjusted_price(self) -> Self {
        Self { trusting: true, ..self }
    }

    /// Reports a change of the time unit.
    fn take_time(&mut self, time: TimestampNs, findings: &mut Vec<Finding>) {
        self.last_time = Some(time);
        let Some(last) = self.times.observe(time) else { return };
        let detail = format!(
            "the previous row is at {}: the times are in two units (such as milliseconds in a column of microseconds); \
             convert them",
            Iso(last)
        );
        findings.push(panel_finding(time, Problem::MixedTimeUnits, 1.0, detail));
    }

    /// Applies stated splits to the last prices. Reports a split without a matching price move: the prices
    /// are already adjusted.
    fn take_splits(&mut self, frame: &Frame, findings: &mut Vec<Finding>) {
        for (i, ratio) in frame.split.iter().enumerate() {
            let ratio = *ratio;
            if ratio.is_nan() || ratio <= 0.0 || ratio == 1.0 {
                continue;
            }
            let before = self.last_close(i);
            let [stated, moved] = [-libm::log(ratio), libm::log(frame.close[i] / before)];
            if stated.abs() > SPLIT_SEEN && (moved - stated).abs() > moved.abs() {
                let detail = format!(
                    "stated split of 1 into {ratio}, but the close moved from {} to {}: the prices may be \
                     adjusted already",
                    Number(before),
                    Number(frame.close[i])
                );
                let problem = Problem::BadAdjustment;
                findings.push(self.finding(frame.timestamp, i, problem, stated.abs(), detail));
                continue;
            }
            if let Some(known) = self.instruments.get_mut(i) {
                known.close /= ratio;
            }
            if let Some(close) = self.closes.get_mut(i) {
                *close /= ratio;
            }
            for jump in self.jumps.iter_mut().filter(|jump| jump.instrument == i) {
                jump.before /= ratio;
                jump.after /= ratio;
            }
        }
    }

    /// Reports large dividends without a matching fall of the price.
    fn check_dividends(&self, frame: &Frame, findings: &mut Vec<Finding>) {
        for (i, dividend) in frame.dividend.iter().enumerate() {
            let (before, close) = (self.last_close(i), frame.close[i]);
            let (share, fall) = (dividend / before, before - close);
            if share > DIVIDEND_SEEN && fall < DIVIDEND_FALL * dividend {
                let detail = format!(
                    "stated dividend of {} per unit, but the close moved from {} to {}: with it the return is {}",
                    Number(*dividend),
                    Number(before),
                    Number(close),
                    Move(before, close + dividend)
                );
                let problem = Problem::ExtremeReturn;
                findings.push(self.finding(frame.timestamp, i, problem, libm::log1p(share), detail));
            }
        }
    }

    /// Last close of an instrument, in units after the splits stated so far; NaN before the first one.
    fn last_close(&self, instrument: usize) -> f64 {
        let known = self.instruments.get(instrument).map(|known| known.close);
        known.or(self.closes.get(instrument).copied()).unwrap_or(f64::NAN)
    }

    /// Adds the findings that need all of the data.
    pub fn finish(&mut self, findings: &mut Vec<Finding>) {
        self.resolve_twins(|_| None, findings);
        for jump in std::mem::take(&mut self.jumps) {
            self.judge(&jump, jump.verdict(), findings);
        }
        self.find_identical(findings);
        let time = self.last_time.unwrap_or_default();
        if let Some(factor) = self.times.too_small_by() {
            let (first, likely) = self.times.first_by(factor);
            let detail = format!(
                "all times are {factor} times too small: {}; the first one is {} and would be {}; convert them",
                units::likely(factor),
                Iso(first),
                Iso(likely)
            );
            findings.push(panel_finding(first, Problem::WrongTimeUnit, 1.0, detail));
        }
        for (instrument, share, days, median) in self.inactivity.flat() {
            let detail = format!(
                "the close of {} is unchanged on {:.1} % of {days} days, against {:.1} % for the median \
                 instrument: days without trades that were filled forward, or very thin trading",
                self.names[instrument],
                100.0 * share,
                100.0 * median
            );
            findings.push(self.finding(time, instrument, Problem::FlatDays, share, detail));
        }
    }

    /// Reports the symbols that share their returns, with all others of their group.
    fn find_identical(&mut self, findings: &mut Vec<Finding>) {
        let pairs = self.sketches.finish();
        let time = self.last_time.unwrap_or_default();
        for &(instrument, original) in &pairs {
            let group = pairs.iter().filter(|(other, of)| *of == original && *other != instrument);
            let group: Vec<&str> = std::iter::once(original)
                .chain(group.map(|(other, _)| *other))
                .map(|other| &*self.names[other])
                .collect();
            let more = match group.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let detail = format!(
                "{} repeats the returns of {}{more}, so one bet counts as several",
                self.names[instrument],
                group[..group.len().min(NAMED_MAX)].join(", ")
            );
            findings.push(self.finding(time, instrument, Problem::IdenticalSeries, 1.0, detail));
        }
    }

    /// Inspection at [`Depth::Jumps`]: collects large price jumps.
    fn watch(&mut self, frame: &Frame) {
        self.closes.resize(frame.close.len(), f64::NAN);
        self.changes.resize(frame.close.len(), f64::NAN);
        if changes_kernel(&frame.close, &self.closes, &mut self.changes) {
            for (i, (close, before)) in frame.close.iter().zip(&self.closes).enumerate() {
                if is_jump(close / before) {
                    // Without a window, a small scale lets a jump of this size be judged by its ratio.
                    self.jumps.push(Jump { scale: 0.01, ..jump(frame.timestamp, i, *before, *close) });
                }
            }
        }
        for (known, close) in self.closes.iter_mut().zip(&frame.close) {
            *known = if close.is_nan() { *known } else { *close };
        }
        self.sketches.observe(&self.changes);
    }

    fn resolve_jumps(&mut self, frame: &Frame, findings: &mut Vec<Finding>) {
        let mut jumps = std::mem::take(&mut self.jumps);
        let mut came_back = Vec::new();
        jumps.retain_mut(|jump| {
            let close = frame.close[jump.instrument];
            if close.is_nan() {
                return true;
            }
            let volume = frame.volume.get(jump.instrument).copied().unwrap_or(f64::NAN);
            let Some(verdict) = jump.observe(close, volume) else { return true };
            if jump.age < moves::PATIENCE && matches!(verdict, Verdict::Extreme(_)) {
                came_back.push((jump.instrument, *jump));
            }
            self.judge(jump, verdict, findings);
            false
        });
        self.jumps = jumps;
        self.came_back = came_back;
    }

    fn judge(&self, jump: &Jump, verdict: Verdict, findings: &mut Vec<Finding>) {
        if self.trusting && jump.is_known_elsewhere() {
            return;
        }
        let (problem, detail) = match verdict {
            Verdict::Split(detail) => (Problem::Split, detail),
            Verdict::Large(detail) => (Problem::LargeMove, detail),
            Verdict::Extreme(detail) => (Problem::ExtremeReturn, detail),
            Verdict::Real => return,
        };
        findings.push(self.finding(jump.time, jump.instrument, problem, jump.excess().abs(), detail));
    }

    fn resolve_twins(&mut self, next: impl Fn(usize) -> Option<Bar>, findings: &mut Vec<Finding>) {
        if self.twins.is_empty() {
            return;
        }
        let mut twins = std::mem::take(&mut self.twins);
        let mut repeats = self.repeats;
        copies::resolve(&mut twins, next, &mut repeats, |copied| {
            let severity = copied.evidence;
            let (time, instrument) = (copied.wrong.time, copied.instrument);
            findings.push(self.finding(time, instrument, Problem::CopiedBar, severity, copy_text(&copied)));
        });
        (self.twins, self.repeats) = (twins, repeats);
    }

    /// Median move of the panel in this frame; `moves` is true if most closes changed.
    fn panel(&mut self, frame: &Frame) -> Panel {
        self.changes.clear();
        let before = self.instruments.iter().map(|known| known.close);
        self.changes.extend(frame.close.iter().zip(before).map(|(close, before)| close / before - 1.0));
        self.scratch.clear();
        self.scratch.extend(self.changes.iter().filter(|change| change.is_finite()));
        let count = self.scratch.len();
        let sizes = self.instruments.iter().filter_map(|known| known.usual.known_size());
        let (sum, known) = sizes.fold((0.0, 0.0), |(sum, known), size| (sum + size, known + 1.0));
        self.panel_scale = if known > 0.0 { sum / known } else { 0.0 };
        // The median of a few instruments is not meaningful.
        if count < 5 {
            return Panel { median: 0.0, moves: true, is_holiday: false };
        }
        let stayed = self.scratch.iter().filter(|change| **change == 0.0).count();
        let (_, median, _) = self.scratch.select_nth_unstable_by(count / 2, f64::total_cmp);
        Panel { median: *median, moves: 2 * stayed < count, is_holiday: false }
    }

    fn inspect(
        &mut self,
        frame: &Frame,
        instrument: usize,
        bar: &Bar,
        panel: Panel,
        findings: &mut Vec<Finding>,
    ) {
        let there = [!frame.open.is_empty(), !frame.high.is_empty(), !frame.low.is_empty()];
        let time = frame.timestamp;
        let broken = shape::fault(bar, there, &mut self.instruments[instrument].nulls);
        let gap = self.attendance.present(instrument);
        let reused = gap > 0 && self.after_gap(instrument, time, gap, panel, findings);
        let adjusted = frame.return_price.get(instrument).copied().unwrap_or(f64::NAN);
        if !reused {
            self.inspect_move(instrument, bar, adjusted, panel, gap, findings);
        }
        let change = self.changes[instrument];
        // The bars of a filled holiday repeat the previous day and are not bars of their own.
        let is_fill = panel.is_holiday && self.repeats(instrument, bar);
        let known = &mut self.instruments[instrument];
        let names = &self.names;
        let finding = |timestamp, problem, severity, detail| Finding {
            timestamp,
            symbol: Arc::clone(&names[instrument]),
            problem,
            detail,
            severity,
        };
        if panel.moves && change.is_finite() {
            known.standstill.observe(time, change == 0.0, |time, length| {
                let detail = format!(
                    "the close is unchanged at {} for {length} rows after the first",
                    Number(bar.close)
                );
                findings.push(finding(time, Problem::Stale, length as f64, detail));
            });
        }
        if bar.volume == 0.0 && known.usual.has_volume() && change.is_finite() && change != 0.0 {
            let detail = format!("the close moved {} on a volume of 0", Move(known.close, bar.close));
            findings.push(finding(time, Problem::ZeroVolume, change.abs(), detail));
        }
        match broken {
            Some(detail) => findings.push(finding(time, Problem::BrokenBar, 1.0, detail)),
            None => copies::search(instrument, &known.history, bar, known.gaps, is_fill, &mut self.twins),
        }
        // A close alone cannot be matched; do not store it.
        if !(is_fill || bar.high.is_nan() && bar.volume.is_nan()) {
            if let Some(before) = known.history.last() {
                known.gaps.observe(before, bar);
            }
            known.usual.observe_volume(bar.volume, bar.close);
            known.usual.observe_range(range_of(bar));
            known.history.push(*bar, if bar.high.is_nan() { bar.close } else { bar.high });
        }
        (known.close, known.adjusted) = (bar.close, adjusted);
    }

    /// Reports a gap that has just ended; returns true if another instrument follows it.
    fn after_gap(
        &mut self,
        instrument: usize,
        time: TimestampNs,
        gap: u64,
        panel: Panel,
        findings: &mut Vec<Finding>,
    ) -> bool {
        let dates = self.attendance.missed(instrument, gap);
        let known = &self.instruments[instrument];
        let change = self.changes[instrument];
        let size = libm::log1p(change).abs();
        let usual = known.usual.scale(self.panel_scale) * libm::sqrt(gap as f64 + 1.0);
        let reused = gap >= REUSE_GAP
            && size > REUSE_JUMP
            && size > REUSE_DEVIATIONS * usual
            && (change - panel.median).abs() > 0.5 * change.abs();
        if reused {
            let last = known.close;
            let detail = format!(
                "{} from the last close of {} after {gap} days without a row: another instrument under the \
                 same name, or a conversion",
                Move(last, last * (1.0 + change)),
                Number(last)
            );
            findings.push(self.finding(time, instrument, Problem::ReusedTicker, size, detail));
        }
        if gap as usize > dates.len() && !dates.is_empty() {
            let detail =
                format!("the {} previous dates are missing too, {gap} in all", gap as usize - dates.len());
            findings.push(self.finding(dates[0], instrument, Problem::MissingDay, gap as f64, detail));
        }
        let skip = usize::from(gap as usize > dates.len());
        for date in dates.iter().skip(skip) {
            let detail =
                format!("no row on a date on which most instruments have one ({gap} consecutive dates)");
            findings.push(self.finding(*date, instrument, Problem::MissingDay, gap as f64, detail));
        }
        reused
    }

    fn inspect_move(
        &mut self,
        instrument: usize,
        bar: &Bar,
        adjusted: f64,
        panel: Panel,
        gap: u64,
        findings: &mut Vec<Finding>,
    ) {
        let change = self.changes[instrument];
        if !change.is_finite() {
            return;
        }
        let known = &mut self.instruments[instrument];
        let adjusted_change = adjusted / known.adjusted - 1.0;
        let scale = known.usual.scale(self.panel_scale) * libm::sqrt(gap as f64 + 1.0);
        if Jump::is_suspicious(change, panel.median, scale) {
            let jump = Jump {
                panel: panel.median,
                scale,
                surge: known.usual.surge(bar.volume, bar.close),
                volume: Volume::new(&known.usual, bar.volume),
                bar: (bar.low, bar.high),
                widening: known.usual.widening(range_of(bar)),
                adjusted: adjusted_change,
                ..jump(bar.time, instrument, known.close, bar.close)
            };
            // The reversal of a small jump is not a second wrong row.
            let mut others = self.came_back.iter().filter(|(other, _)| *other == instrument);
            if !others.any(|(_, other)| jump.is_return_of(other)) {
                self.jumps.push(jump);
            }
        } else if moves::is_bad_adjustment(change, adjusted_change, panel.median, scale) {
            let detail = format!(
                "the adjusted price moved {} (adjusted close {} to {}), the close {}",
                Move(known.adjusted, adjusted),
                Number(known.adjusted),
                Number(adjusted),
                Move(known.close, bar.close)
            );
            let severity = libm::log1p(adjusted_change).abs();
            findings.push(self.finding(bar.time, instrument, Problem::BadAdjustment, severity, detail));
        }
        self.instruments[instrument].usual.observe_move((change - panel.median).abs());
    }

    fn finding(
        &self,
        timestamp: TimestampNs,
        instrument: usize,
        problem: Problem,
        severity: f64,
        detail: String,
    ) -> Finding {
        Finding { timestamp, symbol: Arc::clone(&self.names[instrument]), problem, detail, severity }
    }
}

/// Move of the panel in one frame.
#[derive(Clone, Copy, Debug)]
struct Panel {
    median: f64,
    /// True if most closes changed. On a filled holiday none do, and unchanged closes are not stale.
    moves: bool,
    is_holiday: bool,
}

/// Returns true for a ratio of closes below 0.66 or above 1.5.
#[inline(always)]
fn is_jump(ratio: f64) -> bool {
    (ratio - 1.08).abs() > 0.42
}

kernel!(
    /// Writes the returns of the closes from those `before`; returns true if one of them is a jump.
    fn changes_kernel(closes: &[f64], before: &[f64], changes: &mut [f64]) -> bool = changes_body
);

#[inline(always)]
fn changes_body<M: MulAdd>(closes: &[f64], before: &[f64], changes: &mut [f64]) -> bool {
    let mut jumps = false;
    for ((close, before), change) in closes.iter().zip(before).zip(changes) {
        let ratio = close / before;
        *change = ratio - 1.0;
        jumps |= is_jump(ratio);
    }
    jumps
}

fn jump(time: TimestampNs, instrument: usize, before: f64, after: f64) -> Jump {
    let (panel, scale, surge, adjusted) = (0.0, 0.0, f64::NAN, f64::NAN);
    let (bar, widening) = ((f64::NAN, f64::NAN), f64::NAN);
    let volume = Volume::UNKNOWN;
    Jump { instrument, time, before, after, panel, scale, surge, volume, bar, widening, adjusted, age: 0 }
}

/// Finding about all instruments.
fn panel_finding(timestamp: TimestampNs, problem: Problem, severity: f64, detail: String) -> Finding {
    Finding { timestamp, symbol: Arc::from("(panel)"), problem, detail, severity }
}

/// High less low, over the close; NaN if one of them is missing.
fn range_of(bar: &Bar) -> f64 {
    (bar.high - bar.low) / bar.close
}

/// Bar of an instrument; `None` without a close in the frame.
fn bar_of(frame: &Frame, instrument: usize) -> Option<Bar> {
    let close = frame.close[instrument];
    let number = |column: &[f64]| column.get(instrument).copied().unwrap_or(f64::NAN);
    (!close.is_nan()).then(|| Bar {
        time: frame.timestamp,
        open: number(&frame.open),
        high: number(&frame.high),
        low: number(&frame.low),
        close,
        volume: number(&frame.volume),
    })
}

fn copy_text(copied: &CopiedRow) -> String {
    let time = copied.wrong.time;
    let [open, high, low, close] =
        [copied.wrong.open, copied.wrong.high, copied.wrong.low, copied.wrong.close].map(Number);
    let what = match (copied.wrong.high.is_nan(), copied.same_volume) {
        (true, _) => format!("close {close} and volume are"),
        (false, true) => format!("open {open}, high {high}, low {low} and volume are"),
        (false, false) => format!("open {open}, high {high} and low {low} are"),
    };
    let way = if copied.source > time { "a later day: look-ahead" } else { "an earlier day" };
    let undecided = match copied.undecided {
        true => "; or the other way round: the two rows do not identify the copy",
        false => "",
    };
    format!("{what} those of {}, {way}{undecided}", Iso(copied.source))
}
