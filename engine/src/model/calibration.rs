//! Online calibration of the forecasts, by instrument.

mod score;
mod tail;

use serde::{Deserialize, Serialize};

use super::lanes::Lane;
use super::lanes::lane_block::LANES;

use score::Products;
pub(super) use tail::Tail;

/// Nominal coverages of the forecast intervals.
pub const INTERVALS: [f64; 3] = [0.50, 0.90, 0.95];
/// Memory of the alarms in returns: weights decay by 1/`MEMORY` per return.
const MEMORY: f64 = 250.0;
/// Standard deviations of a calibrated filter beyond which an alarm is raised. Volatility clusters, so a
/// sound filter deviates further than independent trials would.
const ALARM_DEVIATIONS: f64 = 5.0;
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
    /// Log densities, without those in [`Products`].
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
    products: Vec<Products>,
    /// Discount factor of the baseline's variance per frame.
    variance_discount: f64,
}

impl Calibration {
    /// `variance_discount`: discount factor of the baseline's variance per frame.
    pub(super) const fn new(variance_discount: f64) -> Self {
        Self { sums: Vec::new(), recent: Vec::new(), products: Vec::new(), variance_discount }
    }

    /// Value passed to [`Self::new`].
    pub(super) const fn variance_discount(&self) -> f64 {
        self.variance_discount
    }

    /// Scores the forecasts of a frame; updates the baseline.
    pub(super) fn observe(&mut self, forecasts: &Forecasts<'_>) {
        self.sums.resize(forecasts.observed.len(), [Lane::ZERO; SUMS]);
        self.recent.resize(forecasts.observed.len(), [Lane::ZERO; RECENT]);
        self.products.resize(forecasts.observed.len(), Products::ONE);
        score::score(self, forecasts);
    }

    /// Calibration of one instrument; `variance_known`: true if its variance has been learned from data.
    pub(super) fn of(&self, instrument: usize, variance_known: bool) -> CalibrationFacts {
        let (block, lane) = (instrument / LANES, instrument % LANES);
        let mut facts = facts(&self.sums_of(instrument));
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
            for (total, sum) in total.iter_mut().zip(self.sums_of(i)) {
                *total += sum;
            }
        }
        facts(&total)
    }

    /// Sums of an instrument, with the densities in its products.
    fn sums_of(&self, instrument: usize) -> [f64; SUMS] {
        let (block, lane) = (instrument / LANES, instrument % LANES);
        let (Some(sums), Some(products)) = (self.sums.get(block), self.products.get(block)) else {
            return [0.0; SUMS];
        };
        let mut sums = sums.map(|sum| sum[lane]);
        let [density, baseline] = products.log_densities(lane);
        sums[Sum::LogDensity as usize] += density;
        sums[Sum::BaselineDensity as usize] += baseline;
        sums
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_five_deviations_of_a_weighted_mean() {
        // Weights that decay by 1/250 have the squared sum 1/(2 · 250 − 1).
        let of = |deviation: f64| 5.0 * deviation / 499.0_f64.sqrt();
        for (found, expected) in tolerances().into_iter().zip([of(0.5), of(0.0475_f64.sqrt()), of(1.0)]) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn alarm_is_the_first_tolerance_exceeded() {
        let [half, most, sign] = tolerances();
        let over = 1.0 + 1e-9;
        let (narrow, wide) = (Some(Alarm::TooNarrow), Some(Alarm::TooWide));
        let autocorrelated = Some(Alarm::Autocorrelated);
        let cases = [
            ([0.0, 0.0, 0.0], None),
            // A deviation as large as the tolerance raises no alarm.
            ([half, most, sign], None),
            ([-half, -most, -sign], None),
            ([-half * over, 0.0, 0.0], narrow),
            ([0.0, -most * over, 0.0], narrow),
            ([-half * over, -most * over, 0.0], narrow),
            ([half * over, 0.0, 0.0], wide),
            ([0.0, most * over, 0.0], wide),
            ([half * over, most * over, 0.0], wide),
            ([0.0, 0.0, sign * over], autocorrelated),
            ([0.0, 0.0, -sign * over], autocorrelated),
            ([-half * over, most * over, sign * over], narrow),
            ([half * over, -most * over, sign * over], narrow),
            ([half * over, 0.0, -sign * over], wide),
        ];
        for ([excess50, excess95, signs], expected) in cases {
            let mut recent = [f64::NAN; RECENT];
            recent[Recent::Excess50 as usize] = excess50;
            recent[Recent::Excess95 as usize] = excess95;
            recent[Recent::Signs as usize] = signs;
            assert_eq!(alarm(&recent), expected, "{excess50} {excess95} {signs}");
        }
    }
}
