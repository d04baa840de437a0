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
pub(super) mod prior;
mod retrospective;
mod write;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Forecasts, Tail};
use super::dlm::histories::{Histories, NONE, Rules};
use super::dlm::instruments::{Lanes, Shares};
use super::dlm::prior::Prior;
use super::dlm::write::{Writer, Written};
use super::estimates::Estimates;
use super::estimator::{Estimator, EstimatorFacts};
use super::lanes::Column;
use super::lanes::lane_block::{LANES, LaneBlock};
use super::settings::EstimatorSettings;
use crate::distributions::variance_of_t;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, save_under};

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
    histories: Histories,
    lanes: Lanes,
    calibration: Calibration,
    /// Number of instruments.
    n: usize,
    design: Vec<f64>,
    observed: Column,
    /// Squared scale q · S of the frame's forecast.
    scale: Column,
    newcomers: Vec<u32>,
    /// Number of frames so far, and the start of each instrument.
    frames: usize,
    starts: Vec<Option<Start>>,
    shares: Shares,
    /// Tails by history.
    tails: Vec<Tail>,
    #[serde(skip)]
    writer: Writer,
}

impl Dlm {
    /// Filter for `factors` factors, without instruments.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        let k = factors + 1;
        let rules = Rules::new(settings, calendar, &[settings.discount_factor]);
        Self {
            settings: settings.clone(),
            prior: Prior::new(settings),
            histories: Histories::of_one_model(rules, k),
            lanes: Lanes::new(k),
            calibration: Calibration::new(calendar.per_frame(settings.variance_discount)),
            n: 0,
            design: vec![1.0; k],
            observed: Column::default(),
            scale: Column::default(),
            newcomers: Vec::new(),
            frames: 0,
            starts: Vec::new(),
            shares: Shares::default(),
            tails: Vec::new(),
            writer: Writer::default(),
        }
    }

    /// Writes the covariance of each instrument's (alpha, betas) after the last frame: k × k numbers for each
    /// instrument, NaN before its first return. The diagonal has the squares of `coefficient_sd`.
    pub fn write_covariances(&self, out: &mut Vec<f64>) {
        let k = self.design.len();
        out.clear();
        out.resize(self.n * k * k, f64::NAN);
        for (at, history) in self.histories.list.iter().enumerate() {
            let spread_of_t = variance_of_t(history.dof);
            let (covariance, lane) = (&self.histories.packs[at / LANES].covariance, at % LANES);
            for &member in &history.members {
                let i = member as usize;
                let s = self.lanes.observation_var.get(i);
                for (at, value) in out[i * k * k..(i + 1) * k * k].iter_mut().enumerate() {
                    *value = spread_of_t * covariance.entry(at / k, at % k)[lane] * s;
                }
            }
        }
    }

    /// Number of groups of instruments with the same observation history.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.histories.list.len()
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
        let at = self.histories.of[instrument] as usize;
        let history = &self.histories.list[at];
        for (j, mean) in mean.iter_mut().enumerate() {
            *mean = self.lanes.mean.get(instrument, j);
        }
        unpack(&self.histories.packs[at / LANES].covariance, at % LANES, scaled);
        LearnedVariance {
            observation_variance: self.lanes.observation_var.get(instrument),
            dof: history.dof,
            forecast_dof: history.forecast_dof,
        }
    }

    /// Writes R* of an instrument's next frame, row-major, with the transition.
    pub(super) fn next_prior(&mut self, instrument: usize, scaled: &mut [f64]) {
        let at = self.histories.of[instrument] as usize;
        unpack(self.histories.next_prior(at / LANES), at % LANES, scaled);
    }

    /// Starts a history of the instruments with their first return in this frame.
    fn admit(&mut self, returns: &[f64]) {
        self.histories.newcomers(returns, &mut self.newcomers);
        if self.newcomers.is_empty() {
            return;
        }
        let Self { histories, lanes, newcomers, .. } = self;
        let running = returns.iter().enumerate().filter(|(i, y)| histories.of[*i] != NONE && !y.is_nan());
        let s0 = self.prior.observation_variance(
            running.map(|(i, _)| lanes.observation_var.get(i)),
            newcomers.iter().map(|i| returns[*i as usize]),
            &self.design,
        );
        let Some(s0) = s0 else { return };
        let scaled = self.prior.scaled(&LaneBlock::splat(s0));
        histories.begin(newcomers, self.design.len(), &[scaled], self.settings.observation_dof, s0);
        for &member in newcomers.iter() {
            lanes.begin(member as usize, self.prior.market_beta, s0);
        }
        self.starts.resize(self.n, None);
        for &member in &self.newcomers {
            self.starts[member as usize] = Some(Start { frame: self.frames, observation_variance: s0 });
        }
    }

    /// Computes the squared scale of each forecast and scores the forecasts.
    fn score(&mut self) {
        let Self { histories, lanes, scale, observed, tails, shares, n, .. } = self;
        // An instrument that is listed later takes over a padding lane: without a return it is not scored before.
        for padding in *n..observed.0.len() * LANES {
            observed.set(padding, f64::NAN);
        }
        tails.resize(histories.list.len(), Tail::new());
        for (tail, history) in tails.iter_mut().zip(&histories.list) {
            tail.set(history.forecast_dof);
        }
        scale.0.clear();
        for (block, prior) in lanes.prior_var.0.iter().enumerate() {
            let v = shares.spread_of(histories, block);
            scale.0.push(LaneBlock::from_fn(|lane| prior[lane] * (1.0 + v[lane])));
        }
        let forecasts = Forecasts {
            observed: &observed.0,
            mean: &lanes.forecast.0,
            scale: &scale.0,
            tails,
            tail_of: &histories.of,
            tail_of_block: &histories.of_block,
        };
        self.calibration.observe(&forecasts);
    }

    /// Settings, without the learned state.
    fn settings(&self) -> impl Serialize + '_ {
        let Self { settings, histories, calibration, design, .. } = self;
        (settings, &histories.rules, calibration.variance_discount(), design.len())
    }

    /// Returns true if the variance of the instrument has been learned from data.
    fn variance_known(&self, i: usize) -> bool {
        self.histories.variance_known(i, self.lanes.observation_var.get(i))
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
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.n = returns.len();
        self.design[1..].copy_from_slice(factors);
        self.lanes.resize(self.n);
        self.admit(returns);
        let Self { histories, lanes, shares, design, observed, .. } = self;
        if !histories.rules.discount_missing {
            histories.split(returns, returns.iter().any(|y| y.is_nan()));
        }
        histories.evolve(design);
        shares.take(histories);
        shares.adapt();
        let missing = lanes.observe(histories, shares, design, returns, observed);
        // Up to here, instruments without a return are treated like the other members of their history.
        let before = histories.list.len();
        histories.split(returns, missing);
        if histories.list.len() > before {
            shares.take(histories);
        }
        histories.update(&[LaneBlock::splat(1.0)]);
        if score {
            self.score();
        }
        self.frames += 1;
    }

    fn write(&mut self, estimates: &mut Estimates) {
        let (n, k) = (self.n, self.design.len());
        estimates.resize(n);
        let Self { histories, lanes, observed, shares, writer, .. } = self;
        write::columns(writer, Written { histories, lanes, observed, shares }, estimates);
        for instrument in self.histories.not_started() {
            estimates.set_unknown(instrument);
        }
        if !estimates.has_covariance() {
            return;
        }
        estimates.coefficient_cov.begin_groups(n, k);
        for pack in 0..self.histories.packs.len() {
            self.histories.next_prior(pack);
            let histories = self.histories.list[pack * LANES..].iter().take(LANES);
            for (lane, history) in histories.enumerate() {
                let triangle = self.histories.last_prior().upper_triangle().iter().map(|entry| entry[lane]);
                let of_t = variance_of_t(history.dof);
                let scale = |member: &u32| {
                    let i = *member as usize;
                    (i, of_t * self.lanes.observation_var.get(i))
                };
                estimates.coefficient_cov.push_group(triangle, history.members.iter().map(scale));
            }
        }
    }

    fn facts(&self) -> EstimatorFacts {
        EstimatorFacts {
            total: self.calibration.total(self.n),
            instruments: (0..self.n).map(|i| self.calibration.of(i, self.variance_known(i))).collect(),
            groups: self.histories.list.len() as u64,
            largest_group: self.histories.largest(),
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &self.settings(), self)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved = restore_under(NAME, &self.settings(), state)?;
        *self = saved;
        Ok(())
    }
}
