//! Which instruments share a covariance: those with the same observation history.

use serde::{Deserialize, Serialize};

use super::covariance::{Evolution, ScaledCovariance};
use crate::model::lanes::lane_block::{LANES, LaneBlock};
use crate::model::settings::{EstimatorSettings, WindUp};
use crate::settings::Calendar;

/// Index of the history of an instrument that has none yet.
pub(crate) const NONE: u32 = u32::MAX;

/// Instruments that started in the same frame and have missed the same frames since.
///
/// W&H 4.5 scales C, R and Q by the instrument's own S. With a common scaled prior, what is left is a
/// function of the designs and of which returns were seen, and so is common to the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct History {
    /// Engine indices, ascending.
    pub(crate) members: Vec<u32>,
    /// C* of [`LANES`] models each.
    pub(crate) covariances: Vec<ScaledCovariance>,
    /// x'R*x of the frame at hand, as the covariances are.
    pub(crate) spread: Vec<LaneBlock>,
    /// n, the degrees of freedom of S.
    pub(crate) dof: f64,
    /// β n, with which the last forecast was made.
    pub(crate) forecast_dof: f64,
    /// The least S: beyond that, an error is rounding. Relative to S₀; 0 for no such bound.
    pub(crate) variance_floor: f64,
    /// Whether the members have a return in the frame at hand.
    pub(crate) observed: bool,
    started: bool,
}

/// In place of a history: the instruments of a block have several.
pub(crate) const MIXED: u32 = u32::MAX - 1;

/// Below these degrees of freedom discounting does not take S by itself.
const DOF_FLOOR: f64 = 10.0;
/// The least S in units of S₀, 2⁻⁴⁰: a millionth of the first deviation, where returns that the model explains
/// to the last digit would drive S to zero.
const VARIANCE_FLOOR: f64 = 1.0 / (1_u64 << 40) as f64;

/// S of so many times its least is still nothing: a ten-thousandth of the first deviation.
const NEGLIGIBLE: f64 = 1e4;

/// What every history of a filter has in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// Discounts of [`LANES`] models each.
    pub(crate) evolutions: Vec<Evolution>,
    /// β_v, the discount of the observational variance a frame.
    variance_discount: f64,
    /// Below this, discounting alone does not take the degrees of freedom; 0 for no such bound.
    dof_floor: f64,
    /// The least S, in units of S₀.
    variance_floor: f64,
    pub(crate) discount_missing: bool,
}

impl Rules {
    /// For models that differ in the discount factor of the betas.
    pub(crate) fn new(settings: &EstimatorSettings, calendar: &Calendar, grid: &[f64]) -> Self {
        let bounded = settings.wind_up == WindUp::Bounded;
        let evolution = |models| Evolution::new(settings, calendar, models);
        Self {
            evolutions: grid.chunks(LANES).map(evolution).collect(),
            variance_discount: calendar.per_frame(settings.variance_discount),
            dof_floor: if bounded { DOF_FLOOR } else { 0.0 },
            variance_floor: if bounded { VARIANCE_FLOOR } else { 0.0 },
            discount_missing: settings.discount_missing,
        }
    }
}

/// All histories, and the one of each instrument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Histories {
    pub(crate) rules: Rules,
    pub(crate) list: Vec<History>,
    /// By instrument; [`NONE`] before its first return.
    pub(crate) of: Vec<u32>,
    /// By block of [`LANES`] instruments: the history that all of them share, or [`MIXED`].
    pub(crate) of_block: Vec<u32>,
    /// Instruments that have a history.
    started: usize,
    missing: Vec<bool>,
    scratch: ScaledCovariance,
}

impl Histories {
    /// None yet, for k coefficients.
    pub(crate) fn new(rules: Rules, k: usize) -> Self {
        let scratch = ScaledCovariance::prior(&rules.evolutions[0], k, [LaneBlock::splat(1.0); 2]);
        Self {
            rules,
            list: Vec::new(),
            of: Vec::new(),
            of_block: Vec::new(),
            started: 0,
            missing: Vec::new(),
            scratch,
        }
    }

    /// Instruments that have a return and no history.
    pub(crate) fn newcomers(&mut self, returns: &[f64], newcomers: &mut Vec<u32>) {
        if self.of.len() < returns.len() {
            self.of.resize(returns.len(), NONE);
            self.regroup();
        }
        newcomers.clear();
        if self.started == self.of.len() {
            return;
        }
        let fresh =
            self.of.iter().zip(returns).enumerate().filter(|(_, (of, y))| **of == NONE && !y.is_nan());
        newcomers.extend(fresh.map(|(i, _)| i as u32));
    }

    /// Begins a history of the newcomers; `priors`: scaled prior variances of alpha and of a beta, for
    /// [`LANES`] models each; `dof` and `s0`: of the prior observation variance.
    pub(crate) fn begin(
        &mut self,
        newcomers: &[u32],
        k: usize,
        priors: &[[LaneBlock; 2]],
        dof: f64,
        s0: f64,
    ) {
        let number = self.list.len() as u32;
        self.started += newcomers.len();
        for &member in newcomers {
            self.of[member as usize] = number;
        }
        self.regroup();
        let models = self.rules.evolutions.iter().zip(priors);
        self.list.push(History {
            members: newcomers.to_vec(),
            covariances: models.map(|(e, prior)| ScaledCovariance::prior(e, k, *prior)).collect(),
            spread: vec![LaneBlock::ZERO; priors.len()],
            dof,
            forecast_dof: dof,
            variance_floor: self.rules.variance_floor * s0,
            observed: true,
            started: false,
        });
    }

    /// Histories of which only some members have a return part ways: the halves are identical but for what
    /// they see from here on. `missing`: whether any of the returns is NaN.
    pub(crate) fn split(&mut self, returns: &[f64], missing: bool) {
        if !missing {
            self.list.iter_mut().for_each(|history| history.observed = true);
            return;
        }
        let before = self.list.len();
        for at in 0..self.list.len() {
            let history = &mut self.list[at];
            self.missing.clear();
            self.missing.extend(history.members.iter().map(|&i| returns[i as usize].is_nan()));
            let absent = self.missing.iter().filter(|missing| **missing).count();
            history.observed = absent == 0;
            if absent == 0 || absent == history.members.len() {
                continue;
            }
            let mut left = history.clone();
            let pick = |members: &[u32], wanted: bool| -> Vec<u32> {
                let chosen = members.iter().zip(&self.missing).filter(|(_, missing)| **missing == wanted);
                chosen.map(|(member, _)| *member).collect()
            };
            left.members = pick(&left.members, true);
            history.members = pick(&history.members, false);
            history.observed = true;
            let number = self.list.len() as u32;
            for &member in &left.members {
                self.of[member as usize] = number;
            }
            self.list.push(left);
        }
        if self.list.len() > before {
            self.regroup();
        }
    }

    /// History of each instrument of a block.
    pub(crate) fn by_lane(&self, block: usize) -> [u32; LANES] {
        std::array::from_fn(|lane| self.of.get(block * LANES + lane).copied().unwrap_or(NONE))
    }

    fn regroup(&mut self) {
        self.of_block.clear();
        self.of_block.extend(self.of.chunks(LANES).map(|block| match block.iter().all(|h| *h == block[0]) {
            true => block[0],
            false => MIXED,
        }));
    }

    /// Evolves every history to the frame at hand and leaves R x in its gains and x'R x in its spreads.
    ///
    /// The first return of an instrument goes without the transition. A missing one discounts, where the
    /// rules say so; where not, the forecast is still that of one step ahead, and [`Self::split`] has to come
    /// before.
    pub(crate) fn evolve(&mut self, x: &[f64]) {
        let Self { rules, list, scratch, .. } = self;
        for history in list {
            let moves = history.started && (history.observed || rules.discount_missing);
            history.forecast_dof = history.dof;
            if history.started {
                let discounted = rules.variance_discount * history.dof;
                history.forecast_dof = discounted.max(history.dof.min(rules.dof_floor));
            }
            let models = history.covariances.iter_mut().zip(&mut history.spread);
            for ((covariance, spread), evolution) in models.zip(&rules.evolutions) {
                if moves {
                    covariance.evolve(evolution);
                }
                let q = if moves || !history.started {
                    covariance.forecast(x)
                } else {
                    scratch.copy_from(covariance);
                    scratch.evolve(evolution);
                    scratch.forecast(x)
                };
                *spread = LaneBlock(q.map(|q| q - 1.0));
            }
            if moves {
                history.dof = history.forecast_dof;
            }
            history.started |= history.observed;
        }
    }

    /// C = R − A A'q and n = β n + 1 of the histories that were observed. `variance`: the observation
    /// variance of the frame in each model, in units of what is usual; 1 in the textbook.
    pub(crate) fn update(&mut self, variance: &[LaneBlock]) {
        for history in self.list.iter_mut().filter(|history| history.observed) {
            let models = history.covariances.iter_mut().zip(&history.spread);
            for ((covariance, v), variance) in models.zip(variance) {
                covariance.update(&LaneBlock::from_fn(|m| variance[m] + v[m]));
            }
            history.dof = history.forecast_dof + 1.0;
        }
    }

    /// R*, the scaled covariance of the next frame's coefficients, of one block of a history's models.
    pub(crate) fn next_prior(&mut self, history: usize, block: usize) -> &ScaledCovariance {
        self.scratch.copy_from(&self.list[history].covariances[block]);
        self.scratch.evolve(&self.rules.evolutions[block]);
        &self.scratch
    }

    /// Whether S of an instrument says anything: not where it has fallen to nearly nothing, with returns that
    /// never move or that the factors explain to the last digits.
    pub(crate) fn variance_known(&self, instrument: usize, s: f64) -> bool {
        let history = self.list.get(self.of[instrument] as usize);
        history.is_some_and(|history| s > NEGLIGIBLE * history.variance_floor)
    }

    /// Members of the largest history.
    pub(crate) fn largest(&self) -> u64 {
        self.list.iter().map(|history| history.members.len() as u64).max().unwrap_or(0)
    }
}
