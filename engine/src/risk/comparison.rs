//! Prediction and scoring of all models on all portfolios.

use std::collections::VecDeque;

use super::covariances::{exponential, of_factors, of_model, shrunk};
use super::portfolios::{PortfolioKind, Weights, choice, groups, long_short, minimum_variance, random};
use super::window::{History, Regression, Window, known};
use crate::metrics::{RiskFigures, RiskSums};
use crate::model::Estimates;
use crate::portfolio::{FactorMoments, FactorRisk, GroupSlots, SizingSettings};
use crate::random::Random;
use crate::settings::Calendar;

/// Frames of the window.
const WINDOW: usize = 252;
/// Half-life of the exponentially weighted covariance, in frames.
const HALF_LIFE: f64 = 63.0;
/// Frames from one draw of portfolios to the next.
const DRAW_EVERY: u64 = 21;

/// Model of risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RiskModel {
    /// The factor model of sizing: B F B' + D of the estimator and of [`FactorMoments`].
    Model,
    /// Covariance of the last 252 returns about zero, weighted by 2^(−age/63) (RiskMetrics 1996).
    Exponential,
    /// Covariance of the last 252 returns, shrunk to a multiple of the identity ([`ledoit_wolf`](super::ledoit_wolf)).
    LedoitWolf,
    /// Betas and residual variances of least squares over the last 252 frames, and the sample covariance of the factors
    /// in them.
    Factors,
}

impl RiskModel {
    /// All models; that of sizing first.
    pub const ALL: [Self; 4] = [Self::Model, Self::Exponential, Self::LedoitWolf, Self::Factors];

    /// Name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Exponential => "exponential",
            Self::LedoitWolf => "ledoit_wolf",
            Self::Factors => "factors",
        }
    }
}

const MODELS: usize = RiskModel::ALL.len();
const KINDS: usize = PortfolioKind::ALL.len();

/// Portfolio with constant weights, its returns in the window, and the variances predicted for the next frame.
#[derive(Clone, Debug)]
struct Portfolio {
    kind: PortfolioKind,
    weights: Weights,
    series: VecDeque<f64>,
    predicted: [f64; MODELS],
}

/// Compares risk models on the estimates of a run, frame by frame.
#[derive(Clone, Debug)]
pub struct RiskComparison {
    moments: FactorMoments,
    /// Places of the factors of groups, and the returns of all factors in the frame.
    slots: GroupSlots,
    factor_returns: Vec<f64>,
    risk: FactorRisk,
    random: Random,
    history: History,
    window: Window,
    portfolios: Vec<Portfolio>,
    /// Weights of the frames by age, oldest first, with sum 1.
    ages: Vec<f64>,
    since_draw: u64,
    returns: Vec<f64>,
    /// Weights in engine order.
    weights: Vec<f64>,
    /// Sums by model and kind, and over all kinds.
    sums: [[RiskSums; KINDS]; MODELS],
    totals: [RiskSums; MODELS],
    frames: u64,
    draws: u64,
}

impl RiskComparison {
    /// Comparison before the first frame, for `factors` factors; equal seeds draw equal portfolios.
    #[must_use]
    pub fn new(settings: &SizingSettings, calendar: &Calendar, factors: usize, seed: u64) -> Self {
        let ages = (0..WINDOW).rev().map(|age| libm::exp2(-(age as f64) / HALF_LIFE));
        let sum: f64 = ages.clone().sum();
        Self {
            moments: FactorMoments::new(settings, calendar, factors),
            slots: GroupSlots::new(factors),
            factor_returns: Vec::new(),
            risk: FactorRisk::default(),
            random: Random::new(seed),
            history: History::new(WINDOW),
            window: Window::default(),
            portfolios: Vec::new(),
            ages: ages.map(|weight| weight / sum).collect(),
            since_draw: 0,
            returns: Vec::new(),
            weights: Vec::new(),
            sums: [[RiskSums::default(); KINDS]; MODELS],
            totals: [RiskSums::default(); MODELS],
            frames: 0,
            draws: 0,
        }
    }

    /// Scores the predictions of the preceding frame, and predicts the next one. `estimates` are complete; a frame
    /// without all factors counts for nothing.
    pub fn step(&mut self, estimates: &Estimates) {
        if !estimates.factors.iter().all(|f| f.is_finite()) {
            return;
        }
        self.returns.clear();
        let forecasts = estimates.forecast_mean.iter().zip(&estimates.forecast_error);
        self.returns.extend(forecasts.map(|(forecast, error)| forecast + error));
        self.score();
        self.slots.write_returns(&estimates.factors, &estimates.groups, &mut self.factor_returns);
        self.moments.extend(self.slots.factors());
        self.moments.observe(&self.factor_returns);
        self.history.push(&self.returns, &estimates.factors);
        if !self.history.is_full() {
            return;
        }
        self.risk.assemble(estimates, &self.moments, &self.slots, false, 1.0);
        if self.portfolios.is_empty() || self.since_draw >= DRAW_EVERY {
            self.draw(estimates);
        } else {
            self.window.push(&self.returns, &estimates.factors);
        }
        self.since_draw += 1;
        self.predict();
    }

    /// Adds the returns of the frame to the sums and to the series of the portfolios.
    fn score(&mut self) {
        let Self { portfolios, window, returns, sums, totals, .. } = self;
        self.frames += u64::from(!portfolios.is_empty());
        for Portfolio { kind, weights, series, predicted } in portfolios {
            let r: f64 = weights.iter().map(|(at, w)| w * known(returns[window.members[*at]])).sum();
            series.pop_front();
            series.push_back(r);
            if predicted.iter().all(|variance| *variance > 0.0 && variance.is_finite()) {
                for (model, variance) in predicted.iter().enumerate() {
                    sums[model][*kind as usize].push(*variance, r);
                    totals[model].push(*variance, r);
                }
            }
        }
    }

    /// Draws new portfolios of the instruments with a return in each frame of the window.
    fn draw(&mut self, estimates: &Estimates) {
        let known = |i: &usize| self.history.is_complete(*i) && self.risk.variance_of(*i).is_finite();
        let members: Vec<usize> = (0..estimates.instruments()).filter(known).collect();
        self.portfolios.clear();
        self.since_draw = 0;
        let m = members.len();
        if m < 2 {
            return;
        }
        self.draws += 1;
        self.window.fill(&self.history, members);
        let Self { window, random: draws, risk, ages, portfolios, .. } = self;
        let mut add = |kind: PortfolioKind, weights: Weights| {
            let series = window.series(&weights).collect();
            portfolios.push(Portfolio { kind, weights, series, predicted: [f64::NAN; MODELS] });
        };
        random(draws, m).into_iter().for_each(|weights| add(PortfolioKind::Random, weights));
        let names = choice(draws, m);
        let places: Vec<usize> = names.iter().map(|at| window.members[*at]).collect();
        let covariances = [
            of_model(risk, &places),
            exponential(window, &names, ages),
            shrunk(window, &names),
            of_factors(&window.regression(), &names),
        ];
        let least = covariances.iter().filter_map(|covariance| minimum_variance(&names, covariance));
        least.for_each(|weights| add(PortfolioKind::MinimumVariance, weights));
        let volatility: Vec<f64> =
            (0..m).map(|at| window.series_of(at).map(|r| r * r).sum::<f64>().sqrt()).collect();
        let by_group = groups(estimates, &window.members, &volatility);
        by_group.into_iter().for_each(|weights| add(PortfolioKind::Group, weights));
        long_short(draws, m).into_iter().for_each(|weights| add(PortfolioKind::LongShort, weights));
    }

    /// Predicts the variance of each portfolio's next return by each model.
    fn predict(&mut self) {
        let Self { portfolios, window, risk, weights: full, ages, .. } = self;
        if portfolios.is_empty() {
            return;
        }
        let shrinkage = window.shrinkage();
        let regression = window.regression();
        for Portfolio { weights, series, predicted, .. } in portfolios {
            full.clear();
            full.resize(risk.idiosyncratic().len(), 0.0);
            weights.iter().for_each(|(at, w)| full[window.members[*at]] = *w);
            let count = series.len() as f64;
            let mean = series.iter().sum::<f64>() / count;
            let sample = series.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / count;
            let squares: f64 = weights.iter().map(|(_, w)| w * w).sum();
            *predicted = [
                risk.variance(full),
                ages.iter().zip(series.iter()).map(|(weight, r)| weight * r * r).sum(),
                (1.0 - shrinkage.share) * sample + shrinkage.share * shrinkage.variance * squares,
                factor_variance(&regression, weights),
            ];
        }
    }

    /// Figures of a model on portfolios of a kind; on all portfolios for `None`.
    #[must_use]
    pub fn figures(
        &self,
        model: RiskModel,
        kind: Option<PortfolioKind>,
        frames_per_year: f64,
    ) -> RiskFigures {
        let model = model as usize;
        let sums = kind.map_or(&self.totals[model], |kind| &self.sums[model][kind as usize]);
        sums.figures(frames_per_year)
    }

    /// Frames with predictions, and draws of portfolios.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.frames, self.draws)
    }
}

/// Variance x'Fx + w'Dw of the rolling regression.
fn factor_variance(regression: &Regression, weights: &Weights) -> f64 {
    let Regression { coefficients, residual_var, factor_cov } = regression;
    let k = factor_cov.nrows();
    let exposures: Vec<f64> =
        (0..k).map(|j| weights.iter().map(|(i, w)| w * coefficients[(j + 1, *i)]).sum()).collect();
    let mut variance: f64 = weights.iter().map(|(i, w)| w * w * residual_var[*i]).sum();
    for (left, column) in exposures.iter().zip(factor_cov.column_iter()) {
        variance += left * exposures.iter().zip(column.iter()).map(|(x, f)| x * f).sum::<f64>();
    }
    variance
}
