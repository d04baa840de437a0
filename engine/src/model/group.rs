//! Instruments with the same observation history: one covariance, many means.

use super::covariance::{Evolution, ScaledCovariance};
use super::lanes::{self, Lanes, SharedStep};

/// What every group of a filter has in common in a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) evolution: &'a Evolution,
    /// β_v, the discount of the observational variance a frame.
    pub(super) variance_discount: f64,
    /// Below this, discounting alone does not take the degrees of freedom; 0 for no such bound.
    pub(super) dof_floor: f64,
    pub(super) discount_missing: bool,
}

/// Instruments that started in the same frame and have missed the same frames since.
///
/// W&H 4.5 scales C, R and Q by the instrument's own S. With a common scaled prior, what is left is a
/// function of the designs and of which returns were seen, and so is common to the group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Engine indices, ascending; lane i is instrument `members[i]`.
    pub(super) members: Vec<u32>,
    pub(super) covariance: ScaledCovariance,
    /// n, the degrees of freedom of S.
    pub(super) dof: f64,
    /// β n of the last forecast, and its q.
    pub(super) forecast_dof: f64,
    pub(super) q: f64,
    /// Whether the last frame updated the group.
    pub(super) updated: bool,
    /// Frames scored.
    pub(super) scored: u64,
    pub(super) lanes: Lanes,
    started: bool,
}

impl Group {
    /// A group before its first return.
    pub(super) fn new(evolution: &Evolution, members: Vec<u32>, market_beta: f64, s0: f64, n0: f64) -> Self {
        let (k, stride) = (evolution.k(), lanes::padded(members.len()));
        let mut lanes = Lanes { mean: vec![0.0; k * stride], ..Lanes::default() };
        for column in lanes.columns_mut() {
            column.resize(stride, 0.0);
        }
        lanes.observation_var.fill(s0);
        lanes.forecast_scale.fill(s0);
        if k > 1 {
            lanes.mean[stride..2 * stride].fill(market_beta);
        }
        Self {
            members,
            covariance: ScaledCovariance::prior(evolution),
            dof: n0,
            forecast_dof: n0,
            q: 1.0,
            updated: false,
            scored: 0,
            lanes,
            started: false,
        }
    }

    /// Takes the lanes marked in `leaving` out into a group of their own. One frame's missing returns
    /// split a group; the two halves are identical but for what they see from here on.
    pub(super) fn split(&mut self, leaving: &[bool]) -> Self {
        let pick = |keep: bool| -> Vec<usize> {
            (0..self.members.len()).filter(|&lane| leaving[lane] != keep).collect()
        };
        let (stay, leave) = (pick(true), pick(false));
        let other = self.subset(&leave);
        *self = self.subset(&stay);
        other
    }

    /// The group of the chosen lanes, at least one; padding lanes repeat the first of them.
    fn subset(&self, chosen: &[usize]) -> Self {
        let (old, new) = (self.lanes.observed.len(), lanes::padded(chosen.len()));
        let mut source = self.lanes.clone();
        let mut lanes = Lanes::default();
        for column in self.lanes.mean.chunks_exact(old) {
            let start = lanes.mean.len();
            lanes.mean.extend(chosen.iter().map(|&lane| column[lane]));
            let padding = lanes.mean[start];
            lanes.mean.resize(start + new, padding);
        }
        for (to, from) in lanes.columns_mut().into_iter().zip(source.columns_mut()) {
            to.extend(chosen.iter().map(|&lane| from[lane]));
            let padding = to[0];
            to.resize(new, padding);
        }
        let members = chosen.iter().map(|&lane| self.members[lane]).collect();
        Self { members, lanes, covariance: self.covariance.clone(), ..*self }
    }

    /// Gathers the members' returns and says which lanes have none: (how many, per lane in `missing`).
    pub(super) fn gather(&mut self, returns: &[f64], missing: &mut Vec<bool>) -> usize {
        missing.clear();
        let mut count = 0;
        for (lane, &member) in self.members.iter().enumerate() {
            let value = returns[member as usize];
            let absent = value.is_nan();
            count += usize::from(absent);
            missing.push(absent);
            self.lanes.observed[lane] = value;
        }
        // Padding lanes repeat the first instrument, so that their numbers are as ordinary as its own.
        let first = self.lanes.observed[0];
        for padding in &mut self.lanes.observed[self.members.len()..] {
            *padding = first;
        }
        count
    }

    /// One frame in which all members have a return: evolve, forecast, update (W&H 4.5).
    pub(super) fn observe(&mut self, rules: Rules<'_>, design: &[f64], score: bool) {
        self.advance(rules);
        let q = self.covariance.forecast(design);
        self.covariance.update(q);
        let prior_dof = self.forecast_dof;
        let step = SharedStep {
            design,
            adaptive_coef: self.covariance.adaptive_coef(),
            q,
            prior_dof,
            log_density_constant: log_density_constant(prior_dof),
        };
        lanes::update(&mut self.lanes, step, f64::from(u8::from(score)));
        self.q = q;
        self.dof = prior_dof + 1.0;
        self.updated = true;
        self.scored += u64::from(score);
    }

    /// One frame in which no member has a return. The forecast is kept, for the record.
    pub(super) fn miss(&mut self, rules: Rules<'_>, design: &[f64], scratch: &mut ScaledCovariance) {
        self.updated = false;
        if rules.discount_missing {
            self.advance(rules);
            self.q = self.covariance.forecast(design);
            self.dof = self.forecast_dof;
        } else {
            scratch.copy_from(&self.covariance);
            scratch.evolve(rules.evolution);
            self.q = scratch.forecast(design);
            self.forecast_dof = self.discounted_dof(rules);
        }
        let stride = self.lanes.observed.len();
        self.lanes.forecast.fill(0.0);
        for (column, &x) in self.lanes.mean.chunks_exact(stride).zip(design) {
            for (f, m) in self.lanes.forecast.iter_mut().zip(column) {
                *f += x * m;
            }
        }
        self.lanes.forecast_scale.copy_from_slice(&self.lanes.observation_var);
    }

    /// The transition, which the first return of an instrument goes without.
    fn advance(&mut self, rules: Rules<'_>) {
        if self.started {
            self.covariance.evolve(rules.evolution);
            self.forecast_dof = self.discounted_dof(rules);
        } else {
            self.started = true;
            self.forecast_dof = self.dof;
        }
    }

    fn discounted_dof(&self, rules: Rules<'_>) -> f64 {
        (rules.variance_discount * self.dof).max(self.dof.min(rules.dof_floor))
    }
}

/// ln Γ((ν+1)/2) − ln Γ(ν/2) − ½ ln(νπ).
pub(super) fn log_density_constant(dof: f64) -> f64 {
    libm::lgamma(0.5 * (dof + 1.0)) - libm::lgamma(0.5 * dof) - 0.5 * libm::log(dof * std::f64::consts::PI)
}
