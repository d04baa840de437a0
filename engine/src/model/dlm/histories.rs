//! Groups of instruments that share a covariance: those with the same observation history.

use serde::{Deserialize, Serialize};

use super::covariance::{Evolution, ScaledCovariance};
use super::pack::{Pack, Steps};
use crate::model::lanes::lane_block::{LANES, LaneBlock};
use crate::model::settings::{EstimatorSettings, WindUp};
use crate::settings::Calendar;

/// Index of the history of an instrument before its first return.
pub(crate) const NONE: u32 = u32::MAX;

/// Instruments that started in the same frame and have missed the same frames since.
///
/// W&H 4.5 scales C, R and Q by the instrument's own S. With a common scaled prior, the scaled matrices
/// depend only on the designs and on the frames with a return, so they are common to the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct History {
    /// Engine indices of the members, ascending.
    pub(crate) members: Vec<u32>,
    /// Scaled covariances C* of [`LANES`] models each; none if packed.
    pub(crate) covariances: Vec<ScaledCovariance>,
    /// Scaled spread x'R*x of the current frame, in the layout of the covariances.
    pub(crate) spread: Vec<LaneBlock>,
    /// Degrees of freedom n of S.
    pub(crate) dof: f64,
    /// Degrees of freedom β n of the last forecast.
    pub(crate) forecast_dof: f64,
    /// Lower bound of S, below which errors are rounding, relative to S₀; 0 for none.
    pub(crate) variance_floor: f64,
    /// True if the members have a return in the current frame.
    pub(crate) observed: bool,
    started: bool,
}

impl History {
    /// Returns true if the covariance moves to the current frame.
    const fn moves(&self, rules: &Rules) -> bool {
        self.started && (self.observed || rules.discount_missing)
    }
}

/// Marks a block whose instruments have different histories.
pub(crate) const MIXED: u32 = u32::MAX - 1;

/// Lower bound of the degrees of freedom under discounting alone.
const DOF_FLOOR: f64 = 10.0;
/// Lower bound of S in units of S₀, 2⁻⁴⁰: a millionth of the initial deviation. Without it, returns that the
/// model explains up to rounding would drive S to zero.
const VARIANCE_FLOOR: f64 = 1.0 / (1_u64 << 40) as f64;

/// Multiple of the lower bound up to which S is negligible: a ten-thousandth of the initial deviation.
const NEGLIGIBLE: f64 = 1e4;

/// Settings common to all histories of a filter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// Discount factors of [`LANES`] models each.
    pub(crate) evolutions: Vec<Evolution>,
    /// Discount factor β_v of the observation variance per frame.
    variance_discount: f64,
    /// Lower bound of the degrees of freedom under discounting alone; 0 for none.
    dof_floor: f64,
    /// Lower bound of S, in units of S₀.
    variance_floor: f64,
    pub(crate) discount_missing: bool,
}

impl Rules {
    /// Rules for models that differ in the discount factor of the betas.
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

/// All histories, and the history of each instrument.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Histories {
    pub(crate) rules: Rules,
    pub(crate) list: Vec<History>,
    /// Covariances of the histories of a single model, [`LANES`] histories each.
    pub(crate) packs: Vec<Pack>,
    /// True if the covariances are in `packs` instead of the histories.
    packed: bool,
    /// History of each instrument; [`NONE`] before its first return.
    pub(crate) of: Vec<u32>,
    /// Common history of each block of [`LANES`] instruments, or [`MIXED`].
    pub(crate) of_block: Vec<u32>,
    /// Number of instruments that have a history.
    started: usize,
    missing: Vec<bool>,
    scratch: ScaledCovariance,
}

impl Histories {
    /// Empty set of histories of several models for k coefficients.
    pub(crate) fn new(rules: Rules, k: usize) -> Self {
        let scratch = ScaledCovariance::prior(&rules.evolutions[0], k, [LaneBlock::splat(1.0); 2]);
        Self {
            rules,
            list: Vec::new(),
            packs: Vec::new(),
            packed: false,
            of: Vec::new(),
            of_block: Vec::new(),
            started: 0,
            missing: Vec::new(),
            scratch,
        }
    }

    /// Empty set of histories of a single model: eight histories share their lanes.
    pub(crate) fn of_one_model(rules: Rules, k: usize) -> Self {
        Self { packed: true, ..Self::new(rules, k) }
    }

    /// Collects the instruments that have a return and no history.
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

    /// Starts a history of the newcomers. `priors`: scaled prior variances of alpha and of a beta,
    /// for [`LANES`] models each; `dof` and `s0`: those of the prior observation variance.
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
        let models = models.filter(|_| !self.packed);
        let covariances: Vec<_> = models.map(|(e, prior)| ScaledCovariance::prior(e, k, *prior)).collect();
        if self.packed {
            let evolution = &self.rules.evolutions[0];
            let lane = self.list.len() % LANES;
            match self.packs.last_mut() {
                Some(pack) if lane > 0 => pack.covariance.begin_lane(evolution, lane, priors[0]),
                _ => self.packs.push(Pack::new(ScaledCovariance::prior(evolution, k, priors[0]))),
            }
        }
        self.list.push(History {
            members: newcomers.to_vec(),
            spread: vec![LaneBlock::ZERO; covariances.len()],
            covariances,
            dof,
            forecast_dof: dof,
            variance_floor: self.rules.variance_floor * s0,
            observed: true,
            started: false,
        });
    }

    /// Removes an instrument from its history, as if it had not started. Returns the history; `None` if it has none.
    pub(crate) fn release(&mut self, instrument: usize) -> Option<usize> {
        let of = std::mem::replace(self.of.get_mut(instrument)?, NONE);
        let history = self.list.get_mut(of as usize)?;
        history.members.retain(|member| *member as usize != instrument);
        self.started -= 1;
        self.regroup();
        Some(of as usize)
    }

    /// Adds instruments to a copy of a history of `other`, with the coefficients `restarted` from a prior variance for
    /// [`LANES`] models each. All have to be without a history.
    pub(crate) fn adopt(
        &mut self,
        instruments: &[u32],
        (other, from): (&Self, usize),
        restarted: &[usize],
        prior: &[LaneBlock],
    ) {
        let number = self.list.len();
        let mut history = other.list[from].clone();
        history.members = instruments.to_vec();
        for (covariance, prior) in history.covariances.iter_mut().zip(prior) {
            restarted.iter().for_each(|j| covariance.restart(*j, prior, |_| true));
        }
        self.list.push(history);
        if self.packed {
            let lane = number % LANES;
            let pack = other.packs[from / LANES].clone();
            if lane == 0 {
                self.packs.push(pack.clone());
            }
            let own = &mut self.packs[number / LANES];
            own.copy_lane(lane, &pack, from % LANES);
            restarted.iter().for_each(|j| own.covariance.restart(*j, &prior[0], |at| at == lane));
        }
        let known = instruments.iter().map(|i| *i as usize + 1).fold(self.of.len(), usize::max);
        self.of.resize(known, NONE);
        for instrument in instruments {
            self.of[*instrument as usize] = number as u32;
        }
        self.started += instruments.len();
        self.regroup();
    }

    /// Splits each history in which only some members have a return; both parts keep the same state.
    /// `missing`: true if any of the returns is NaN.
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
            self.pack_copy(at);
        }
        if self.list.len() > before {
            self.regroup();
        }
    }

    /// Copies the packed covariance of a history to the last one.
    fn pack_copy(&mut self, from: usize) {
        if !self.packed {
            return;
        }
        let to = self.list.len() - 1;
        let pack = self.packs[from / LANES].clone();
        if to.is_multiple_of(LANES) {
            self.packs.push(pack.clone());
        }
        self.packs[to / LANES].copy_lane(to % LANES, &pack, from % LANES);
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

    /// Evolves every history to the current frame; stores R x in its gains and x'R x in its spreads.
    ///
    /// The first return of an instrument has no transition. A frame with a missing return is discounted if
    /// `discount_missing` is set. If not, its forecast is still one step ahead, and [`Self::split`] must run
    /// first.
    pub(crate) fn evolve(&mut self, x: &[f64]) {
        let Self { rules, list, packs, scratch, .. } = self;
        for (pack, histories) in packs.iter_mut().zip(list.chunks(LANES)) {
            let mut steps = Steps { moves: [true; LANES], ..Steps::default() };
            for (lane, history) in histories.iter().enumerate() {
                steps.moves[lane] = history.moves(rules);
                steps.starts[lane] = !history.started;
            }
            pack.evolve(&rules.evolutions[0], x, steps, scratch);
        }
        for history in list {
            let moves = history.moves(rules);
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

    /// Updates C = R − A A'q and n = β n + 1 of the histories with a return. `variance`: observation variance
    /// of the frame in each model, relative to the usual one; 1 in the textbook.
    pub(crate) fn update(&mut self, variance: &[LaneBlock]) {
        for (pack, histories) in self.packs.iter_mut().zip(self.list.chunks(LANES)) {
            let mut observed = [false; LANES];
            for (observed, history) in observed.iter_mut().zip(histories) {
                *observed = history.observed;
            }
            if observed.iter().any(|observed| *observed) {
                pack.update(variance[0][0], observed);
            }
        }
        for history in self.list.iter_mut().filter(|history| history.observed) {
            let models = history.covariances.iter_mut().zip(&history.spread);
            for ((covariance, v), variance) in models.zip(variance) {
                covariance.update(&LaneBlock::from_fn(|m| variance[m] + v[m]));
            }
            history.dof = history.forecast_dof + 1.0;
        }
    }

    /// Scaled prior covariances R* of the next frame's coefficients, for a pack of histories of one model.
    pub(crate) fn next_prior(&mut self, pack: usize) -> &ScaledCovariance {
        self.scratch.copy_from(&self.packs[pack].covariance);
        self.scratch.evolve(&self.rules.evolutions[0]);
        &self.scratch
    }

    /// Result of the last [`Self::next_prior`].
    pub(crate) const fn last_prior(&self) -> &ScaledCovariance {
        &self.scratch
    }

    /// Writes the scaled prior covariance R* of the next frame's coefficients, for one block of a history's models, into
    /// `out`.
    pub(crate) fn evolve_into(&self, history: usize, block: usize, out: &mut ScaledCovariance) {
        out.copy_from(&self.list[history].covariances[block]);
        out.evolve(&self.rules.evolutions[block]);
    }

    /// Returns a matrix of the right size.
    pub(crate) fn blank(&self) -> ScaledCovariance {
        self.scratch.clone()
    }

    /// Number of instruments that have a history.
    pub(crate) const fn members(&self) -> usize {
        self.started
    }

    /// Instruments without a history.
    pub(crate) fn not_started(&self) -> impl Iterator<Item = usize> {
        let known = if self.started == self.of.len() { self.of.len() } else { 0 };
        self.of[known..].iter().enumerate().filter(|(_, of)| **of == NONE).map(|(instrument, _)| instrument)
    }

    /// Returns false if S of an instrument has fallen to its lower bound: the returns never move, or the
    /// factors explain them up to rounding.
    pub(crate) fn variance_known(&self, instrument: usize, s: f64) -> bool {
        let history = self.list.get(self.of[instrument] as usize);
        history.is_some_and(|history| s > NEGLIGIBLE * history.variance_floor)
    }

    /// Number of histories that have members.
    pub(crate) fn count(&self) -> u64 {
        self.list.iter().filter(|history| !history.members.is_empty()).count() as u64
    }

    /// Number of members of the largest history.
    pub(crate) fn largest(&self) -> u64 {
        self.list.iter().map(|history| history.members.len() as u64).max().unwrap_or(0)
    }
}
