//! Online calibration of the forecasts, by instrument.

use serde::{Deserialize, Serialize};

use super::lanes::Lane;
use super::lanes::lane_block::LANES;
use super::lanes::ln::ln;
use crate::distributions::{NORMAL_QUANTILES, t_quantile, variance_of_t};
use crate::processor::{MulAdd, kernel};

/// Nominal coverages of the forecast intervals.
pub const INTERVALS: [f64; 3] = [0.50, 0.90, 0.95];
/// Memory of the alarms in returns: weights decay by 1/`MEMORY` per return.
const MEMORY: f64 = 250.0;
/// Standard deviations of a calibrated filter beyond which an alarm is raised. Volatility clusters, so a
/// sound filter deviates further than independent trials would.
const ALARM_DEVIATIONS: f64 = 5.0;
/// Relative change of the degrees of freedom from which an alarm's quantiles are recomputed.
const STALE_DOF: f64 = 1e-3;

/// Shape of a forecast distribution: a t with given degrees of freedom.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Tail {
    pub(super) dof: f64,
    /// Variance of the t, in units of its squared scale.
    variance: f64,
    log_constant: f64,
    /// Squared half-widths of [`INTERVALS`], in units of the squared scale.
    half_widths: [f64; 3],
    /// Degrees of freedom of the tabulated half-widths.
    tabulated: f64,
}

impl Tail {
    pub(super) const fn new() -> Self {
        let none = f64::NAN;
        Self { dof: none, variance: none, log_constant: none, half_widths: [none; 3], tabulated: 0.0 }
    }

    /// Sets the normal distribution, approximated by a t with 10⁹ degrees of freedom and variance 1.
    pub(super) fn set_normal(&mut self) {
        self.set(1e9);
        self.variance = 1.0;
    }

    /// Sets the t with these degrees of freedom.
    pub(super) fn set(&mut self, dof: f64) {
        if self.dof == dof {
            return;
        }
        self.dof = dof;
        self.variance = variance_of_t(dof);
        self.log_constant = libm::lgamma(0.5 * (dof + 1.0))
            - libm::lgamma(0.5 * dof)
            - 0.5 * libm::log(dof * std::f64::consts::PI);
        if (dof - self.tabulated).abs() > STALE_DOF * dof {
            self.tabulated = dof;
            self.half_widths = [0, 1, 2].map(|at| {
                let half_width = t_quantile(1.0 - INTERVALS[at], NORMAL_QUANTILES[at], dof);
                half_width * half_width
            });
        }
    }
}

/// Reason to distrust an instrument's forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// The variance cannot be learned: the returns never move, or the factors explain them up to rounding.
    NoVariance,
    /// Too many returns fall outside the intervals.
    TooNarrow,
    /// Too few returns fall outside the intervals.
    TooWide,
    /// The sign of an error predicts that of the next.
    Autocorrelated,
}

impl Alarm {
    /// Name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoVariance => "no_variance",
            Self::TooNarrow => "too_narrow",
            Self::TooWide => "too_wide",
            Self::Autocorrelated => "autocorrelated",
        }
    }
}

/// Calibration of the forecasts of one instrument, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CalibrationFacts {
    /// Number of forecasts scored.
    pub forecasts: u64,
    /// Hedged R²: 1 − Σ error² / Σ return².
    pub hedged_r2: Option<f64>,
    /// Mean squared error in units of the forecast variance (normalised innovation squared): 1 for a correct
    /// variance.
    pub nis: Option<f64>,
    /// Autocorrelation of the standardised errors at lag one: 0 if the filter uses all information.
    pub autocorrelation: Option<f64>,
    /// Coverage of each of [`INTERVALS`].
    #[serde(flatten, with = "coverage")]
    pub coverage: [Option<f64>; 3],
    /// Mean log predictive density of a return.
    pub log_predictive_density: Option<f64>,
    /// Mean log predictive density of a baseline without factors: a t with the same degrees of freedom about
    /// 0, whose variance is the exponentially weighted mean of squared returns.
    pub baseline_log_predictive_density: Option<f64>,
    /// Share of the forecasts with an active alarm.
    pub share_in_alarm: Option<f64>,
    /// Alarm that is active at the end.
    pub alarm: Option<Alarm>,
    /// Log-likelihood of all returns from the first on, for given parameters.
    pub log_likelihood: Option<f64>,
}

impl CalibrationFacts {
    /// Largest deviation of a coverage from its nominal share, in binomial standard errors of independent trials.
    #[must_use]
    pub fn coverage_deviation(&self) -> f64 {
        let trials = self.forecasts as f64;
        let deviation = |(nominal, covered): (f64, Option<f64>)| {
            Some((covered? - nominal).abs() * (trials / (nominal * (1.0 - nominal))).sqrt())
        };
        INTERVALS.into_iter().zip(self.coverage).filter_map(deviation).fold(0.0, f64::max)
    }
}

/// Coverage in outputs: one name for each of [`INTERVALS`].
mod coverage {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Coverage {
        coverage_50: Option<f64>,
        coverage_90: Option<f64>,
        coverage_95: Option<f64>,
    }

    pub(super) fn serialize<S: Serializer>(shares: &[Option<f64>; 3], to: S) -> Result<S::Ok, S::Error> {
        let [coverage_50, coverage_90, coverage_95] = *shares;
        Coverage { coverage_50, coverage_90, coverage_95 }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[Option<f64>; 3], D::Error> {
        let Coverage { coverage_50, coverage_90, coverage_95 } = Coverage::deserialize(from)?;
        Ok([coverage_50, coverage_90, coverage_95])
    }
}

/// Sums of one instrument: columns of [`Calibration`].
#[derive(Clone, Copy)]
enum Sum {
    Forecasts,
    ErrorSquared,
    ReturnSquared,
    Standardised,
    Products,
    Inside50,
    Inside90,
    Inside95,
    LogDensity,
    BaselineDensity,
    Alarms,
}
const SUMS: usize = 11;

/// Running state of one instrument: columns of [`Calibration`].
#[derive(Clone, Copy)]
enum Recent {
    /// Last standardised error.
    Error,
    /// Weighted coverages of the 50 and the 95 % interval, less the nominal ones.
    Excess50,
    Excess95,
    /// Weighted mean product of the signs of consecutive errors.
    Signs,
    /// Variance of the baseline, and the weight of its past returns.
    Variance,
    Weight,
}
const RECENT: usize = 6;

/// Forecasts of a frame.
pub(super) struct Forecasts<'a> {
    /// Returns, NaN where missing.
    pub(super) observed: &'a [Lane],
    /// Forecast means.
    pub(super) mean: &'a [Lane],
    /// Squared scales of the forecast t.
    pub(super) scale: &'a [Lane],
    /// Distinct tails, and the index of each instrument's tail; [`u32::MAX`] and larger for none.
    pub(super) tails: &'a [Tail],
    pub(super) tail_of: &'a [u32],
    /// Index of the common tail of each block; none if its instruments differ.
    pub(super) tail_of_block: &'a [u32],
}

/// Scores forecasts, at O(1) per instrument and frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Calibration {
    sums: Vec<[Lane; SUMS]>,
    recent: Vec<[Lane; RECENT]>,
    /// Discount factor of the baseline's variance per frame.
    variance_discount: f64,
}

impl Calibration {
    /// `variance_discount`: discount factor of the baseline's variance per frame.
    pub(super) const fn new(variance_discount: f64) -> Self {
        Self { sums: Vec::new(), recent: Vec::new(), variance_discount }
    }

    /// Value passed to [`Self::new`].
    pub(super) const fn variance_discount(&self) -> f64 {
        self.variance_discount
    }

    /// Scores the forecasts of a frame; updates the baseline.
    pub(super) fn observe(&mut self, forecasts: &Forecasts<'_>) {
        self.sums.resize(forecasts.observed.len(), [Lane::ZERO; SUMS]);
        self.recent.resize(forecasts.observed.len(), [Lane::ZERO; RECENT]);
        score_kernel(self, forecasts);
        baseline_kernel(self, forecasts.observed);
    }

    /// Calibration of one instrument; `variance_known`: true if its variance has been learned from data.
    pub(super) fn of(&self, instrument: usize, variance_known: bool) -> CalibrationFacts {
        let (block, lane) = (instrument / LANES, instrument % LANES);
        let sums = self.sums.get(block).map(|sums| sums.map(|sum| sum[lane])).unwrap_or_default();
        let mut facts = facts(&sums);
        facts.alarm = match self.recent.get(block) {
            Some(_) if !variance_known => Some(Alarm::NoVariance),
            Some(recent) => alarm(&recent.map(|column| column[lane])),
            None => None,
        };
        facts
    }

    /// Calibration of all instruments together, summed in engine order.
    pub(super) fn total(&self, n: usize) -> CalibrationFacts {
        let mut total = [0.0; SUMS];
        for i in 0..n.min(self.sums.len() * LANES) {
            for (total, sum) in total.iter_mut().zip(&self.sums[i / LANES]) {
                *total += sum[i % LANES];
            }
        }
        facts(&total)
    }
}

fn facts(sums: &[f64; SUMS]) -> CalibrationFacts {
    let sum = |which: Sum| sums[which as usize];
    let ratio = |over: f64, under: f64| (under > 0.0).then(|| over / under);
    let count = sum(Sum::Forecasts);
    let mean = |which: Sum| ratio(sum(which), count);
    CalibrationFacts {
        forecasts: count as u64,
        hedged_r2: ratio(sum(Sum::ErrorSquared), sum(Sum::ReturnSquared)).map(|ratio| 1.0 - ratio),
        nis: mean(Sum::Standardised),
        autocorrelation: ratio(sum(Sum::Products), sum(Sum::Standardised)),
        coverage: [Sum::Inside50, Sum::Inside90, Sum::Inside95].map(mean),
        log_predictive_density: mean(Sum::LogDensity),
        baseline_log_predictive_density: mean(Sum::BaselineDensity),
        share_in_alarm: mean(Sum::Alarms),
        alarm: None,
        log_likelihood: None,
    }
}

/// Largest deviation of an exponentially weighted mean of independent trials with this standard deviation.
fn tolerance(deviation: f64) -> f64 {
    ALARM_DEVIATIONS * deviation / (2.0 * MEMORY - 1.0).sqrt()
}

fn tolerances() -> [f64; 3] {
    let of_share = |share: f64| tolerance((share * (1.0 - share)).sqrt());
    [of_share(INTERVALS[0]), of_share(INTERVALS[2]), tolerance(1.0)]
}

fn alarm(recent: &[f64; RECENT]) -> Option<Alarm> {
    let [within50, within95, within_signs] = tolerances();
    let [excess50, excess95] = [recent[Recent::Excess50 as usize], recent[Recent::Excess95 as usize]];
    if excess50 < -within50 || excess95 < -within95 {
        Some(Alarm::TooNarrow)
    } else if excess50 > within50 || excess95 > within95 {
        Some(Alarm::TooWide)
    } else if recent[Recent::Signs as usize].abs() > within_signs {
        Some(Alarm::Autocorrelated)
    } else {
        None
    }
}

/// [`Tail`] of each instrument of a block.
struct TailLanes {
    dof: Lane,
    inverse_dof: Lane,
    variance: Lane,
    log_constant: Lane,
    half_widths: [Lane; 3],
}

impl TailLanes {
    #[inline(always)]
    fn from_fn(tail: impl Fn(usize) -> Tail) -> Self {
        Self {
            dof: Lane::from_fn(|lane| tail(lane).dof),
            inverse_dof: Lane::from_fn(|lane| 1.0 / tail(lane).dof),
            variance: Lane::from_fn(|lane| tail(lane).variance),
            log_constant: Lane::from_fn(|lane| tail(lane).log_constant),
            half_widths: [0, 1, 2].map(|at| Lane::from_fn(|lane| tail(lane).half_widths[at])),
        }
    }
}

kernel!(fn score_kernel(calibration: &mut Calibration, forecasts: &Forecasts<'_>) = score_body);

#[inline(always)]
fn score_body<M: MulAdd>(calibration: &mut Calibration, forecasts: &Forecasts<'_>) {
    let tolerances = tolerances();
    // Consecutive blocks with the same tail fill the lanes with it once.
    let mut common = (u32::MAX, TailLanes::from_fn(|_| Tail::new()));
    let columns = calibration.sums.iter_mut().zip(&mut calibration.recent);
    let seen = forecasts.observed.iter().zip(forecasts.mean).zip(forecasts.scale);
    for (block, ((sums, recent), ((y, f), scale))) in columns.zip(seen).enumerate() {
        let tail = forecasts.tail_of_block[block];
        match forecasts.tails.get(tail as usize) {
            Some(shared) => {
                if common.0 != tail {
                    common = (tail, TailLanes::from_fn(|_| *shared));
                }
                score_block(sums, recent, (y, f, scale), &common.1, &tolerances);
            }
            None => {
                let mut tails = [Tail::new(); LANES];
                for (tail, of) in tails.iter_mut().zip(&forecasts.tail_of[block * LANES..]) {
                    *tail = forecasts.tails.get(*of as usize).copied().unwrap_or(*tail);
                }
                let tails = TailLanes::from_fn(|lane| tails[lane]);
                score_block(sums, recent, (y, f, scale), &tails, &tolerances);
            }
        }
    }
}

/// Branch-free condition, so that the lanes vectorise.
#[inline(always)]
const fn flag(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// Log density of a t at e, less its constant.
#[inline(always)]
fn log_density(e: f64, scale: f64, dof: f64, inverse_dof: f64) -> f64 {
    -0.5 * ln(scale) - 0.5 * (dof + 1.0) * ln(1.0 + e * e * inverse_dof / scale)
}

// Each step is a separate loop over the lanes on stack values, so that compilers vectorise all eight lanes.
#[inline(always)]
fn score_block(
    sums: &mut [Lane; SUMS],
    recent: &mut [Lane; RECENT],
    (y, f, scale): (&Lane, &Lane, &Lane),
    tail: &TailLanes,
    tolerances: &[f64; 3],
) {
    let (y, f, scale) = (*y, *f, *scale);
    // Instruments without a return or without a scale are not scored.
    let one = Lane::from_fn(|lane| flag(!y.0[lane].is_nan() & (scale.0[lane] > 0.0)));
    let (mut e, mut r, mut s) = (Lane::ZERO, Lane::ZERO, Lane::ZERO);
    for lane in 0..LANES {
        let scored = one.0[lane] > 0.0;
        e.0[lane] = if scored { y.0[lane] - f.0[lane] } else { 0.0 };
        r.0[lane] = if scored { y.0[lane] } else { 0.0 };
        s.0[lane] = if scored { scale.0[lane] } else { 1.0 };
    }
    let b = recent[Recent::Variance as usize];
    let (mut density, mut baseline, mut z) = (Lane::ZERO, Lane::ZERO, Lane::ZERO);
    for lane in 0..LANES {
        let (dof, inverse_dof) = (tail.dof.0[lane], tail.inverse_dof.0[lane]);
        let known = b.0[lane] / tail.variance.0[lane];
        let b = if known > 0.0 { known } else { s.0[lane] };
        density.0[lane] = tail.log_constant.0[lane] + log_density(e.0[lane], s.0[lane], dof, inverse_dof);
        baseline.0[lane] = tail.log_constant.0[lane] + log_density(r.0[lane], b, dof, inverse_dof);
        z.0[lane] = e.0[lane] / (s.0[lane] * tail.variance.0[lane]).sqrt();
    }
    let last = recent[Recent::Error as usize];
    let square = |values: Lane| Lane::from_fn(|lane| values.0[lane] * values.0[lane]);
    let inside = [0, 1, 2].map(|at| {
        Lane::from_fn(|lane| flag(e.0[lane] * e.0[lane] <= tail.half_widths[at].0[lane] * s.0[lane]))
    });
    let product = Lane::from_fn(|lane| z.0[lane] * last.0[lane]);
    let mut add = |which: Sum, values: Lane| {
        for lane in 0..LANES {
            // The density of an unscored instrument may be NaN or infinite.
            let value = if one.0[lane] > 0.0 { values.0[lane] } else { 0.0 };
            sums[which as usize].0[lane] += value;
        }
    };
    add(Sum::Forecasts, one);
    add(Sum::ErrorSquared, square(e));
    add(Sum::ReturnSquared, square(r));
    add(Sum::Standardised, square(z));
    add(Sum::Products, product);
    add(Sum::Inside50, inside[0]);
    add(Sum::Inside90, inside[1]);
    add(Sum::Inside95, inside[2]);
    add(Sum::LogDensity, density);
    add(Sum::BaselineDensity, baseline);
    let mut follow = |which: Recent, values: Lane| -> Lane {
        let mut column = recent[which as usize];
        for lane in 0..LANES {
            column.0[lane] += (one.0[lane] / MEMORY) * (values.0[lane] - column.0[lane]);
        }
        recent[which as usize] = column;
        column
    };
    let excess50 = follow(Recent::Excess50, Lane::from_fn(|lane| inside[0].0[lane] - INTERVALS[0]));
    let excess95 = follow(Recent::Excess95, Lane::from_fn(|lane| inside[2].0[lane] - INTERVALS[2]));
    let signs = follow(
        Recent::Signs,
        Lane::from_fn(|lane| flag(product.0[lane] > 0.0) - flag(product.0[lane] < 0.0)),
    );
    let off = Lane::from_fn(|lane| {
        flag(
            (excess50.0[lane].abs() > tolerances[0])
                | (excess95.0[lane].abs() > tolerances[1])
                | (signs.0[lane].abs() > tolerances[2]),
        )
    });
    for lane in 0..LANES {
        sums[Sum::Alarms as usize].0[lane] += one.0[lane] * off.0[lane];
        let kept = &mut recent[Recent::Error as usize].0[lane];
        *kept = if one.0[lane] > 0.0 { z.0[lane] } else { *kept };
    }
}

kernel!(fn baseline_kernel(calibration: &mut Calibration, observed: &[Lane]) = baseline_body);

#[inline(always)]
fn baseline_body<M: MulAdd>(calibration: &mut Calibration, observed: &[Lane]) {
    let discount = calibration.variance_discount;
    for (recent, y) in calibration.recent.iter_mut().zip(observed) {
        for lane in 0..LANES {
            let weight = &mut recent[Recent::Weight as usize][lane];
            let known = discount * *weight;
            let missing = y[lane].is_nan();
            *weight = if missing { *weight } else { known + 1.0 };
            let variance = &mut recent[Recent::Variance as usize][lane];
            let learned = (known * *variance + y[lane] * y[lane]) / (known + 1.0);
            *variance = if missing { *variance } else { learned };
        }
    }
}
