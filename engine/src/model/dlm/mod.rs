//! Discount-factor DLM over all instruments.
//!
//! `ScaledCovariance` holds C*, the covariance of the coefficients in units of the observation variance: C =
//! S·C*. With a common scaled prior, C* depends only on the designs and on the frames with a return.
//! Instruments with the same observation history therefore share one C* and form a group (`histories.rs`). A
//! missed return splits a group. Groups are never merged, because no merge would be exact. A
//! `ScaledCovariance` holds eight models side by side, a column holds eight instruments.
//!
//! Steps of a frame:
//!
//! 1. Start a history for instruments with their first return (`prior.rs`).
//! 2. Discount alpha and the factors by blocks (W&H 6.3): R = C + blockdiag((1 − δ_b)/δ_b C_bb). The
//!    covariance between the two blocks is not discounted.
//! 3. With `wind_up = "bounded"`, restore prior precision K0: R⁻¹ ← R⁻¹ + blockdiag((1 − δ_b) K0_b). C ≤ C0
//!    then implies R ≤ C0: no direction exceeds its prior variance (proof at `ScaledCovariance::evolve`).
//!    `"plain"` is the textbook's discounting.
//! 4. Forecast with `q = 1 + x'R*x`, then update the mean and C*.
//! 5. Update the variance (W&H 10.8): n ← β n + 1, S ← (β n S + e²/q)/(β n + 1). With bounded wind-up,
//!    missing returns do not take n below 10, and S stays above 2⁻⁴⁰ S₀.

pub(super) mod covariance;
pub(super) mod histories;
pub(super) mod instruments;
pub(super) mod of_histories;
mod pack;
mod part;
pub(super) mod prior;
mod regroup;
mod retrospective;
mod write;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Forecasts, Tail};
use super::dlm::histories::{NONE, Rules};
use super::dlm::part::Part;
use super::dlm::prior::Prior;
use super::dlm::write::Writer;
use super::estimates::Estimates;
use super::estimator::{Estimator, EstimatorFacts};
use super::lanes::Column;
use super::lanes::lane_block::{LANES, LaneBlock};
use super::parts::{Parts, SCALE};
use super::settings::EstimatorSettings;
use crate::distributions::variance_of_t;
use crate::groups::GroupColumn;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, same_settings, save_under};

pub use covariance::{Evolution, ScaledCovariance};
pub use retrospective::{Retrospective, Start};

/// Name used in error messages.
const NAME: &str = "dynamic linear model";

/// Discount-factor DLM with unknown observation variance (West & Harrison, *Bayesian Forecasting and Dynamic
/// Models*, ch. 4.5, 6.3, 10.8).
///
/// The model is r_it = x_t'θ_it + ε_it with x_t = (1, f_t), θ = (alpha, betas). A frame costs O(k³) per
/// history (k rank-one steps of the bounded wind-up; O(k²) with `plain`) and O(k) per instrument.
///
/// | here | W&H | Durbin & Koopman |
/// |---|---|---|
/// | prior mean, covariance | a, R | a_t, P_t |
/// | posterior mean, covariance | m, C | a_t\|t, P_t\|t |
/// | forecast mean, variance, error | f, Q, e | Z a_t, F_t, v_t |
/// | adaptive coefficient | A | M_t F_t⁻¹ |
/// | observation variance estimate | S | H |
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dlm {
    settings: EstimatorSettings,
    prior: Prior,
    /// Part of each instrument, and the state of each part: one of all instruments without groups.
    places: Parts,
    parts: Vec<Part>,
    /// Forecasts of the last frame in engine order; unused without groups.
    joined: Joined,
    /// Rules of the histories of every part.
    rules: Rules,
    calibration: Calibration,
    /// Number of instruments, and of coefficients.
    n: usize,
    k: usize,
    /// Number of frames so far, and the start of each instrument.
    frames: usize,
    starts: Vec<Option<Start>>,
    #[serde(skip)]
    writer: Writer,
    /// Estimates of one part.
    #[serde(skip)]
    of_part: Estimates,
}

/// Columns of all parts in engine order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Joined {
    /// Returns, NaN where missing.
    observed: Column,
    /// Forecast, and the squared scale of its t, of a hedge without the instrument itself.
    forecast: Column,
    scale: Column,
    /// Index of the tail, and that of each block.
    tail_of: Vec<u32>,
    tail_of_block: Vec<u32>,
    /// Tails of the histories of all parts, one part after another.
    tails: Vec<Tail>,
}

impl Dlm {
    /// Filter for `factors` factors, without instruments.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        Self::with_groups(settings, calendar, factors, 0)
    }

    /// Filter for `factors` factors and the groups of `columns` columns, without instruments. Behind the factors, an
    /// instrument loads on its own group of each column ([`Estimator::set_groups`]).
    #[must_use]
    pub fn with_groups(
        settings: &EstimatorSettings,
        calendar: &Calendar,
        factors: usize,
        columns: usize,
    ) -> Self {
        let k = factors + 1 + columns;
        let rules = Rules::new(settings, calendar, &[settings.discount_factor]);
        let places = Parts::new(columns);
        Self {
            settings: settings.clone(),
            prior: Prior::new(settings).with_groups(factors + 1),
            parts: (0..places.count()).map(|_| Part::new(rules.clone(), k)).collect(),
            places,
            joined: Joined::default(),
            rules,
            calibration: Calibration::new(calendar.per_frame(settings.variance_discount)),
            n: 0,
            k,
            frames: 0,
            starts: Vec::new(),
            writer: Writer::default(),
            of_part: Estimates::default(),
        }
    }

    /// Writes the covariance of each instrument's (alpha, betas) after the last frame: k × k numbers for each
    /// instrument, NaN before its first return. The diagonal has the squares of `coefficient_sd`.
    pub fn write_covariances(&self, out: &mut Vec<f64>) {
        let k = self.k;
        out.clear();
        out.resize(self.n * k * k, f64::NAN);
        let scale = |j: usize| if j < k - self.places.columns() { 1.0 } else { SCALE };
        for (number, part) in self.parts.iter().enumerate() {
            for (at, history) in part.histories.list.iter().enumerate() {
                let spread_of_t = variance_of_t(history.dof);
                let (covariance, lane) = (&part.histories.packs[at / LANES].covariance, at % LANES);
                for &member in &history.members {
                    let Some(i) = self.places.instrument(number, member as usize) else { continue };
                    let s = part.lanes.observation_var.get(member as usize);
                    for (at, value) in out[i * k * k..(i + 1) * k * k].iter_mut().enumerate() {
                        let by = scale(at / k) * scale(at % k);
                        *value = by * (spread_of_t * covariance.entry(at / k, at % k)[lane] * s);
                    }
                }
            }
        }
    }

    /// Number of groups of instruments with the same observation history and the same groups of each column.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.parts.iter().map(|part| part.histories.count() as usize).sum()
    }

    /// Start of an instrument's history; `None` before it.
    #[must_use]
    pub fn start(&self, instrument: usize) -> Option<Start> {
        self.starts.get(instrument).copied().flatten()
    }

    /// Writes m and C* (row-major) of an instrument with a history; returns its S and degrees of freedom.
    pub(super) fn posterior(
        &self,
        instrument: usize,
        mean: &mut [f64],
        scaled: &mut [f64],
    ) -> LearnedVariance {
        let place = self.places.place(instrument);
        let (Part { histories, lanes, .. }, slot) = (&self.parts[place.part], place.slot);
        let at = histories.of[slot] as usize;
        let history = &histories.list[at];
        for (j, mean) in mean.iter_mut().enumerate() {
            *mean = lanes.mean.get(slot, j);
        }
        unpack(&histories.packs[at / LANES].covariance, at % LANES, scaled);
        LearnedVariance {
            observation_variance: lanes.observation_var.get(slot),
            dof: history.dof,
            forecast_dof: history.forecast_dof,
        }
    }

    /// Writes R* of an instrument's next frame, row-major, with the transition.
    pub(super) fn next_prior(&mut self, instrument: usize, scaled: &mut [f64]) {
        let place = self.places.place(instrument);
        let histories = &mut self.parts[place.part].histories;
        let at = histories.of[place.slot] as usize;
        unpack(histories.next_prior(at / LANES), at % LANES, scaled);
    }

    /// Copies the factors of a frame to the designs, and the returns to the parts.
    fn observe(&mut self, factors: &[f64], returns: &[f64]) {
        self.n = returns.len();
        let Self { parts, places, .. } = self;
        for (at, part) in parts.iter_mut().enumerate() {
            let (given, own) = part.design[1..].split_at_mut(factors.len());
            given.copy_from_slice(factors);
            for (column, x) in own.iter_mut().enumerate() {
                *x = places.design(at, column);
            }
            if places.is_whole() {
                part.lanes.resize(returns.len());
            } else {
                places.gather(at, returns, &mut part.returns);
                part.lanes.resize(part.returns.len());
            }
        }
    }

    /// Starts a history of the instruments with their first return in this frame.
    fn admit(&mut self, returns: &[f64]) {
        let Self { parts, places, prior, k, settings, starts, frames, n, .. } = self;
        let mut joins = false;
        for part in &mut *parts {
            let Part { histories, newcomers, returns: own, .. } = part;
            histories.newcomers(if places.is_whole() { returns } else { own }, newcomers);
            joins |= !newcomers.is_empty();
        }
        if !joins {
            return;
        }
        let of =
            |part: &Part, slot: usize| if places.is_whole() { returns[slot] } else { part.returns[slot] };
        let running = parts.iter().flat_map(|part| {
            let known = part.histories.of.iter().enumerate().filter(|(_, of)| **of != NONE);
            let trading = known.filter(|(slot, _)| !of(part, *slot).is_nan());
            trading.map(|(slot, _)| part.lanes.observation_var.get(slot))
        });
        let joining =
            parts.iter().flat_map(|part| part.newcomers.iter().map(|slot| of(part, *slot as usize)));
        let Some(s0) = prior.observation_variance(running, joining, &parts[0].design) else { return };
        let scaled = prior.scaled(&LaneBlock::splat(s0));
        starts.resize(*n, None);
        for (at, part) in parts.iter_mut().enumerate().filter(|(_, part)| !part.newcomers.is_empty()) {
            let Part { histories, lanes, newcomers, .. } = part;
            histories.begin(newcomers, *k, &[scaled], settings.observation_dof, s0);
            for &member in newcomers.iter() {
                let slot = member as usize;
                lanes.begin(slot, |j| prior.mean(j), s0);
                if let Some(i) = places.instrument(at, slot) {
                    starts[i] = Some(Start { frame: *frames, observation_variance: s0 });
                }
            }
        }
    }

    /// Computes the squared scale of each forecast and scores the forecasts.
    fn score(&mut self, scores: bool) {
        let Self { parts, places, joined, calibration, .. } = self;
        if !scores && places.is_whole() {
            return;
        }
        for part in &mut *parts {
            part.measure();
        }
        let forecasts = if places.is_whole() {
            let Part { histories, lanes, scale, observed, tails, .. } = &parts[0];
            Forecasts {
                observed: &observed.0,
                mean: &lanes.forecast.0,
                scale: &scale.0,
                tails,
                tail_of: &histories.of,
                tail_of_block: &histories.of_block,
            }
        } else {
            joined.collect(parts, places, self.n);
            Forecasts {
                observed: &joined.observed.0,
                mean: &joined.forecast.0,
                scale: &joined.scale.0,
                tails: &joined.tails,
                tail_of: &joined.tail_of,
                tail_of_block: &joined.tail_of_block,
            }
        };
        if scores {
            calibration.observe(&forecasts);
        }
    }

    /// Settings, without the learned state.
    fn settings(&self) -> impl Serialize + '_ {
        let Self { settings, rules, calibration, k, places, .. } = self;
        (settings, rules, calibration.variance_discount(), *k, places.columns())
    }

    /// Returns true if the variance of the instrument has been learned from data.
    fn variance_known(&self, i: usize) -> bool {
        let place = self.places.place(i);
        let Part { histories, lanes, .. } = &self.parts[place.part];
        histories.variance_known(place.slot, lanes.observation_var.get(place.slot))
    }
}

/// Observation variance S of an instrument, its degrees of freedom, and those of its last forecast.
#[derive(Clone, Copy, Debug)]
pub(super) struct LearnedVariance {
    pub(super) observation_variance: f64,
    pub(super) dof: f64,
    pub(super) forecast_dof: f64,
}

/// Copies the matrix of one lane, row-major.
fn unpack(covariance: &ScaledCovariance, lane: usize, scaled: &mut [f64]) {
    let k = covariance.k();
    for (at, entry) in scaled.iter_mut().enumerate() {
        *entry = covariance.entry(at / k, at % k)[lane];
    }
}

impl Estimator for Dlm {
    fn set_groups(&mut self, groups: &[GroupColumn]) {
        self.regroup(groups);
    }

    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.observe(factors, returns);
        self.admit(returns);
        let Self { parts, places, .. } = self;
        for part in parts {
            let own = std::mem::take(&mut part.returns);
            part.step(if places.is_whole() { returns } else { &own }, places.columns());
            part.returns = own;
        }
        self.score(score);
        self.frames += 1;
    }

    fn write(&mut self, estimates: &mut Estimates) {
        let (n, k) = (self.n, self.k);
        estimates.resize(n);
        if self.places.is_whole() {
            write::columns(&mut self.writer, self.parts[0].written(), estimates);
        } else {
            self.write_parts(estimates);
        }
        for (at, part) in self.parts.iter().enumerate() {
            for slot in part.histories.not_started() {
                if let Some(instrument) = self.places.instrument(at, slot) {
                    estimates.set_unknown(instrument);
                }
            }
        }
        if !estimates.has_covariance() {
            return;
        }
        estimates.coefficient_cov.begin_groups(n, k);
        let given = k - self.places.columns();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let by = |j: usize| match j.checked_sub(given) {
                None => 1.0,
                Some(column) if self.places.has_factor(at, column) => SCALE,
                Some(_) => 0.0,
            };
            let pairs = || (0..k).flat_map(|a| (a..k).map(move |b| (a, b)));
            for pack in 0..part.histories.packs.len() {
                part.histories.next_prior(pack);
                let histories = part.histories.list[pack * LANES..].iter().take(LANES);
                for (lane, history) in histories.enumerate() {
                    let entries = part.histories.last_prior().upper_triangle().iter().zip(pairs());
                    let triangle = entries.map(|(entry, (a, b))| by(a) * by(b) * entry[lane]);
                    let of_t = variance_of_t(history.dof);
                    let scale = |member: &u32| {
                        let slot = *member as usize;
                        let i = self.places.instrument(at, slot)?;
                        Some((i, of_t * part.lanes.observation_var.get(slot)))
                    };
                    let members = history.members.iter().filter_map(scale);
                    estimates.coefficient_cov.push_group(triangle, members);
                }
            }
        }
    }

    fn facts(&self) -> EstimatorFacts {
        EstimatorFacts {
            total: self.calibration.total(self.n),
            instruments: (0..self.n).map(|i| self.calibration.of(i, self.variance_known(i))).collect(),
            groups: self.groups() as u64,
            largest_group: self.parts.iter().map(|part| part.histories.largest()).max().unwrap_or(0),
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &self.settings(), self)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved: Self = restore_under(NAME, &self.settings(), state)?;
        same_settings(NAME, &saved.settings(), &self.settings())?;
        *self = saved;
        Ok(())
    }
}
